"""Fields of the input that go into the labels as they are: `--keep`."""

import json
from typing import Any

from beam_jobs.items.privacy import Privacy
from beam_jobs.reading.key_paths import Record, descend, parse_path
from beam_jobs.reading.record_fields import NotUnicode
from beam_jobs.reading.record_layout import Post, column_paths
from beam_jobs.reading.sources import is_author_path, is_text_path
from model.errors import UserError
from schemas.labels import kept_column, label_schema
from schemas.warnings import WarningCode

TEXT = "text"
"""The kept field that is the text as it was scored."""
MAX_KEPT_CHARACTERS = 100_000


def check_kept(
    names: tuple[str, ...], columns: tuple[tuple[str, str], ...], privacy: Privacy
) -> None:
    """Checks the fields that `--keep` names.

    Raises:
        UserError: one is named twice or is empty, or would show what the run hides.
    """
    found: dict[str, str] = {}
    for name in names:
        column = kept_column(name)
        if not name or column in found or column in label_schema(()).names:
            other = f", as --keep {found[column]} is" if column in found else ""
            raise UserError(f"--keep {name}: its column would be {column}{other}")
        found[column] = name
        path = parse_path(name)
        renamed = {ours: parse_path(theirs) for ours, theirs in columns}
        if privacy.redact_text and (is_text_path(path) or _overlap(path, renamed.get("text"))):
            raise UserError(f"--keep {name} would show a text, which --redact-text hides")
        if privacy.hides_authors and (
            is_author_path(path) or _overlap(path, renamed.get("author_id"))
        ):
            raise UserError(
                f"--keep {name} would show an author, whom --pseudonymise-authors hides"
            )


def _overlap(path: tuple[str, ...], other: tuple[str, ...] | None) -> bool:
    return other is not None and (path[: len(other)] == other or other[: len(path)] == path)


def read_kept(
    post: Post, record: Record, warnings: list[str]
) -> tuple[tuple[str, str | None], ...]:
    """Returns name and value of each kept field but the text, which is the item's own.

    Args:
        post: the record, out of its envelope, where a field is looked for first.
        record: as its file has it.
        warnings: takes a code where a value is too long, or no Unicode text.
    """
    kept = []
    for name in post.layout.keep:
        if name == TEXT:
            continue
        value = next(
            (
                found
                for path in column_paths(name)
                for inside in (post.record, record)
                if (found := descend(inside, path)) is not None
            ),
            None,
        )
        text = _to_text(value)
        is_broken = isinstance(value, NotUnicode)
        if text is not None and (is_broken or len(text) > MAX_KEPT_CHARACTERS):
            warnings.append(WarningCode.KEPT_FIELD_UNREAD)
            text = None
        kept.append((name, text))
    return tuple(kept)


def _to_text(value: Any) -> str | None:
    """Returns a value as a column of texts has it.

    >>> _to_text(7), _to_text(True), _to_text({"a": [1]}), _to_text("b")
    ('7', 'true', '{"a": [1]}', 'b')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError:
            return "nested too deeply to be shown"
    return str(value)
