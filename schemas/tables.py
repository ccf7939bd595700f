"""Every table that is written: what a row of it is, what tells rows apart, who writes it where."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.dead_letters import DEAD_LETTER_SCHEMA
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.fields import field
from schemas.labels import label_schema
from schemas.reports import CHANGE_SCHEMAS, REPORT_SCHEMAS, SHARE_GROUPS

LABELS, DEAD_LETTERS = "labels", "dead_letters"
REPORTS = "reports"
"""The directory of a run's report tables."""
ITEM_TABLES = (LABELS, DEAD_LETTERS)
"""The tables that have a row for each item; a run divides them into parts."""
RUN_DIRECTORIES = (*ITEM_TABLES, REPORTS)
"""Where a run's files lie, relative to `--out`."""
PARTITION = field("dt", pa.date32(), "The date that the run is for, which stands in the path.")
"""The column that readers take from `dt=YYYY-MM-DD` in the path of a run's file."""


@dataclass(frozen=True)
class Table:
    """A table as its readers know it.

    Attributes:
        name: `labels`, `dead_letters` or a report's.
        schema: its columns, without `PARTITION`.
        row: what one row is, as a phrase.
        key: the columns that tell the rows of one run, or of one report, apart.
        of_run: whether `mm-emor score` writes it.
        of_report: whether `mm-emor report` writes it.
    """

    name: str
    schema: pa.Schema
    row: str
    key: tuple[str, ...]
    of_run: bool = True
    of_report: bool = True

    def __post_init__(self) -> None:
        if missing := set(self.key) - set(self.schema.names):
            raise ValueError(f"{self.name} has no columns {sorted(missing)}")

    @property
    def run_directory(self) -> str:
        """Where a run writes it, relative to `--out`, above `dt=YYYY-MM-DD`.

        >>> [table.run_directory for table in tables() if table.name in ("labels", "by_day")]
        ['labels', 'reports/by_day']
        """
        return self.name if self.name in ITEM_TABLES else report_table(self.name)

    @property
    def report_file(self) -> str:
        """Where a report writes it, relative to `--out`."""
        return f"{self.name}.parquet"


_ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "by_emotion": ("an emotion", ("emotion",)),
    "by_hour": ("an hour and an emotion", ("hour", "emotion")),
    "by_day": ("a day and an emotion", ("day", "emotion")),
    "by_weekday": ("a day of the week and an emotion", ("weekday", "emotion")),
    "by_language": ("a language and an emotion", ("lang", "emotion")),
    "by_hashtag": ("a hashtag and an emotion", ("hashtag", "emotion")),
    "by_author": ("an author and an emotion", ("author_id", "emotion")),
    "by_modality": ("a modality and an emotion", ("modality", "emotion")),
    "hashtag_lift": (
        "a hashtag and an emotion, beside the items without the hashtag",
        ("hashtag", "emotion"),
    ),
    "disagreement": (
        "what the text says and what the audio says, of items with both",
        ("text_emotion", "audio_emotion"),
    ),
    "most_disagreeing": (
        "an item whose text and audio disagree; those that disagree most, the most of them first",
        ("item_id", "run_id"),
    ),
    "confidence_distribution": (
        "an emotion and a range of confidences",
        ("emotion", "confidence_low"),
    ),
    "groups_left_out": ("a table of shares that lacks groups", ("report",)),
    "dead_letters_by_reason": ("a step and a reason to refuse items", ("stage", "reason")),
    "warnings": ("a code of what was not understood of labelled items", ("code",)),
    "run_summary": ("a run", ("run_id",)),
    "change": ("a measure of this span beside the one before", ("measure", "emotion")),
    "change_by_group": (
        "a group and an emotion, in this span and the one before; those that moved it most first",
        ("report", "group", "emotion"),
    ),
}


def tables(emotions: Sequence[str] = EKMAN_AND_NEUTRAL) -> tuple[Table, ...]:
    """Returns every table, labels first, for a model that tells `emotions` apart."""
    labels = label_schema(emotions)
    return (
        Table(LABELS, labels, "an item that was labelled", ("item_id",), of_report=False),
        Table(
            DEAD_LETTERS,
            DEAD_LETTER_SCHEMA,
            "an item, or a part of a file, that was refused",
            ("source",),
            of_report=False,
        ),
        *(Table(name, schema, *_ROWS[name]) for name, schema in REPORT_SCHEMAS.items()),
        *(
            Table(name, schema, *_ROWS[name], of_run=False)
            for name, schema in CHANGE_SCHEMAS.items()
        ),
    )


def report_table(name: str) -> str:
    """Returns the name by which a run knows the table of a report.

    >>> report_table("by_day")
    'reports/by_day'
    """
    return f"{REPORTS}/{name}"


def is_share_table(table: Table) -> bool:
    """Says whether a table is one of shares, whose columns are the same but for its group's."""
    return table.name in SHARE_GROUPS
