"""Texts to read beside a report: those of the surest labels, masked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.elements import Item
from beam_jobs.items.paths import to_name
from beam_jobs.reading.inputs import read_item_file
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import PLAIN, TextFormat
from beam_jobs.reports.page.report import Example
from model.preprocessing.text_preprocessor import clean_text

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
LINK = re.compile(r"\b(?:[\w-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)
"""A host and a path, as `t.me/ada`; with `https://`, `clean_text` has taken it already."""
NUMBER = re.compile(r"\+?\d(?:[\s()./\u2010-\u2015-]{0,2}\d){4,}")
"""Five digits or more, as in telephone, account and house numbers with their codes."""


@dataclass(frozen=True)
class ItemFile:
    """A file of items that a run has read.

    Attributes:
        columns: (our field, their path) for each field that stands elsewhere.
        text_format: how it is written, where it is text.
        source: who wrote the records, as the run was told.
    """

    path: str
    columns: tuple[tuple[str, str], ...] = ()
    text_format: TextFormat = PLAIN
    source: str = AUTO


def mask(text: str) -> str:
    """Returns a text without what may name a person or a place on the net.

    >>> mask("@ada mail ada@b.org, call +49 30 1234567 or see https://t.co/x1 at 10:30")
    '@user mail …@…, call … or see http at 10:30'
    """
    # Cleaned first: behind `&#64;` is an at sign, too. `＠` names a user as `@` does.
    cleaned = clean_text(clean_text(text).replace("\uff20", "@"))
    return NUMBER.sub("…", LINK.sub("http", EMAIL.sub("…@…", cleaned)))


def find_texts(file: ItemFile, item_ids: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yields id and text of the file's first record of each id; of a file that is gone, nothing."""
    if not FileSystems.exists(to_name(file.path)):
        return
    found: set[str] = set()
    for record in read_item_file(
        file.path, file.columns, text_format=file.text_format, source=file.source
    ):
        if isinstance(record, Item) and record.text and record.item_id in item_ids - found:
            found.add(record.item_id)
            yield record.item_id, record.text


def texts_by_id(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns a text for each id: of several the same one, in whatever order they were read."""
    by_id: dict[str, str] = {}
    for item_id, text in texts:
        by_id[item_id] = min(text, by_id.get(item_id, text))
    return by_id


def make_examples(surest: pa.Table, texts: Mapping[str, str]) -> tuple[Example, ...]:
    """Returns the surest items whose texts were found, by emotion, the surest first.

    Of texts that read alike once they are masked the surest stands for all.

    Args:
        surest: rows of `beam_jobs.reports.counts.SUREST_SCHEMA`.
        texts: by the items' ids.
    """
    order = [("emotion", "ascending"), ("confidence", "descending"), ("item_id", "ascending")]
    examples: dict[tuple[str, str], Example] = {}
    for row in surest.sort_by(order).to_pylist():
        if row["item_id"] in texts:
            emotion, text = row["emotion"], mask(texts[row["item_id"]])
            examples.setdefault((emotion, text), Example(emotion, row["confidence"], text))
    return tuple(examples.values())
