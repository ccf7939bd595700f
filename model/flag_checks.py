"""Dataclasses whose fields are the flags of a command."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from model.config import STRICT, first_fault
from model.errors import UserError

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def flags_dataclass(class_: type[T]) -> type[T]:
    """Makes a frozen dataclass of a command's flags, which their annotations check.

    A value that breaks a rule raises UserError, with the flag that the field is named after.

    >>> from typing import Annotated
    >>> @flags_dataclass
    ... class Request:
    ...     n_examples: Annotated[int, Field(ge=0)] = 0
    >>> Request(n_examples=-1)
    Traceback (most recent call last):
    model.errors.UserError: --examples is -1; it must be at least 0
    """
    checked = dataclass(frozen=True, config=STRICT)(class_)
    construct: Callable[..., None] = checked.__init__

    def construct_or_explain(self: object, *args: Any, **kwargs: Any) -> None:
        try:
            construct(self, *args, **kwargs)
        except ValidationError as error:
            raise UserError(f"--{_flag_name(first_fault(error))}") from None

    checked.__init__ = wraps(construct)(construct_or_explain)  # type: ignore[method-assign]
    return cast("type[T]", checked)


def _flag_name(fault: str) -> str:
    field, separator, rest = fault.partition(" ")
    return f"{field.removeprefix('n_').replace('_', '-')}{separator}{rest}"
