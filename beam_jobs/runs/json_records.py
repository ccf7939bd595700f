"""Records that a run or a report keeps as JSON, on any file system that Beam knows."""

from typing import TypeVar

from apache_beam.io.filesystems import FileSystems
from pydantic import TypeAdapter, ValidationError

from model.config import first_fault
from model.errors import UserError

T = TypeVar("T")


def read_json(path: str, adapter: TypeAdapter[T], broken: str) -> T | None:
    """Returns the record of a file; None where there is no file.

    Raises:
        UserError: as `parse_json`.
    """
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path) as file:
        return parse_json(file.read(), path, adapter, broken)


def parse_json(content: bytes, path: str, adapter: TypeAdapter[T], broken: str) -> T:
    """Returns the record that a file's content holds.

    Args:
        content: of the file at `path`.
        path: for the error.
        adapter: of the record's type.
        broken: what the file is where it breaks a rule, as in `no record of a report`.

    Raises:
        UserError: it is not JSON, or breaks a rule of the type.
    """
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        raise UserError(f"{path} is {broken}: {first_fault(error)}") from error
