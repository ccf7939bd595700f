"""Fields of the input that go into the labels as they are: `--keep`."""

import json
import re
from typing import Any

from beam_jobs.items.privacy import Privacy
from beam_jobs.reading.hidden_fields import shows_author, shows_text
from beam_jobs.reading.key_paths import EVERY, Record, descend, parse_path
from beam_jobs.reading.record_fields import NotUnicode
from beam_jobs.reading.record_layout import Post, column_paths, parse_container
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
    renamed = {ours: parse_path(theirs) for ours, theirs in columns}
    for name in names:
        if not name:
            raise UserError("--keep is empty; it must name a field")
        column = kept_column(name)
        if column in found or column in label_schema(()).names:
            other = f", as --keep {found[column]} is" if column in found else ""
            raise UserError(f"--keep {name}: its column would be {column}{other}")
        found[column] = name
        path = parse_path(name)
        if EVERY in path and not privacy.quotes_values:
            raise UserError(
                f"--keep {name} would be a list, which is not kept under --redact-text or "
                "--pseudonymise-authors: name one field in it"
            )
        if privacy.redact_text and shows_text(path, renamed.get("text")):
            raise UserError(f"--keep {name} would show a text, which --redact-text hides")
        if privacy.hides_authors and shows_author(path, renamed.get("author_id")):
            raise UserError(
                f"--keep {name} would show an author, whom --pseudonymise-authors hides"
            )


def read_kept(
    post: Post, record: Record, author: str | None, warnings: list[str]
) -> tuple[tuple[str, str | None], ...]:
    """Returns name and value of each kept field but the text, which is the item's own.

    Args:
        post: the record, out of its envelope, where a field is looked for first.
        record: as its file has it.
        author: the author's id, where it is to be hidden.
        warnings: takes a code where a value is too long or no Unicode text, or is left out as it
            may show what the run hides: an object, a list, or what has the author's id in it.
    """
    kept = []
    is_hiding = not post.layout.privacy.quotes_values
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
        if text is not None and (
            isinstance(value, NotUnicode)
            or len(text) > MAX_KEPT_CHARACTERS
            or (is_hiding and _may_show(value, author))
        ):
            warnings.append(WarningCode.KEPT_FIELD_UNREAD)
            text = None
        kept.append((name, text and post.layout.privacy.item(text)))
    return tuple(kept)


def _may_show(value: Any, author: str | None) -> bool:
    """Says whether a value may show what the run hides: it is no single value, or names the author.

    >>> _may_show({"text": "a"}, None), _may_show('["a"]', None), _may_show("by 9", "9")
    (True, True, True)
    >>> _may_show("[deleted]", "9"), _may_show(1990, "9")
    (False, False)
    """
    if isinstance(value, dict | list):
        return True
    text = str(value)
    if isinstance(parse_container(text.strip()), dict | list):
        return True
    return bool(author) and re.search(rf"(?<!\w){re.escape(author or '')}(?!\w)", text) is not None


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
