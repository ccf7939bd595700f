"""A report: its tables, what they were made from, and texts to read beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa


@dataclass(frozen=True)
class Span:
    """Dates from the first to the last, both included.

    >>> print(Span(date(2026, 11, 1), date(2026, 11, 7)))
    2026-11-01 to 2026-11-07
    >>> print(Span(date(2026, 11, 1), date(2026, 11, 1)))
    2026-11-01
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"the span starts on {self.first}, after its end, {self.last}")

    def __str__(self) -> str:
        return f"{self.first}" + (f" to {self.last}" if self.last > self.first else "")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True)
class Example:
    """A text that was labelled with an emotion, masked; what it says is not to be trusted as HTML.

    Attributes:
        text: user names, addresses and numbers are masked.
    """

    emotion: str
    confidence: float
    text: str


@dataclass(frozen=True)
class Report:
    """What the page and the terminal show.

    Attributes:
        tables: every table of `schemas.reports`, and of shares by other columns (`by_<column>`).
            The tables of change have no rows where `before` is None.
        span: the dates that were reported on.
        before: the span that they are compared with.
        command: the command that makes the report again.
        examples: texts for each emotion, the surest first.
        notes: what a reader should know of the tables, a sentence each.
    """

    tables: Mapping[str, pa.Table]
    span: Span
    before: Span | None
    command: str
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
