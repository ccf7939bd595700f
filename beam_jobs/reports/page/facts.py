"""What a report says first, in words and numbers: for the page and for the terminal."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.page.report import Report, Span
from schemas.dead_letters import REASON_MEANINGS, Reason
from schemas.labels import NO_EMOTION

UNKNOWN = "unknown"
NO_BREAK_SPACE, MINUS = "\u00a0", "\u2212"
MAX_DATES_NAMED = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Totals:
    """How many items came in, and what became of them.

    Attributes:
        mean_confidence: of the labelled items; None without any.
        n_reposts: labelled items that repeat another post.
    """

    n_items: int
    n_labels: int
    n_dead: int
    mean_confidence: float | None
    n_reposts: int = 0


@dataclass(frozen=True)
class EmotionShare:
    """An emotion's share of the labelled items, with its 95 % interval.

    Attributes:
        share_before: in the span before; None without one.
    """

    emotion: str
    n_items: int
    share: float
    low: float
    high: float
    mean_confidence: float
    share_before: float | None


@dataclass(frozen=True)
class Refusal:
    """How many items were refused for a reason, and what it means."""

    reason: str
    meaning: str
    n_items: int


def percent(share: float, digits: int = 1) -> str:
    """Returns a share as a percentage, its sign kept on its line.

    >>> percent(0.4123).replace(NO_BREAK_SPACE, " "), percent(0.4, 0).replace(NO_BREAK_SPACE, " ")
    ('41.2 %', '40 %')
    """
    return f"{100 * share:.{digits}f}{NO_BREAK_SPACE}%"


def points(shift: float) -> str:
    """Returns a shift of a share in percentage points, with its sign.

    >>> points(0.052), points(-0.031), points(0.0)
    ('+5.2', '−3.1', '0.0')
    """
    return signed(100 * shift, 1)


def signed(number: float, digits: int) -> str:
    """Returns a number with its sign, and with none where it is rounded to 0."""
    rounded = f"{abs(number):.{digits}f}"
    if float(rounded) == 0:
        return rounded
    return ("+" if number > 0 else MINUS) + rounded


def shorten(text: str, limit: int) -> str:
    """Returns the text on one line, without control characters, cut to `limit` columns.

    Wide characters (East Asian, most emoji) take two columns; combining marks take none.

    >>> shorten("a  long name", 7), shorten("日本語日本語", 8)
    ('a long…', '日本語…')
    """
    # What is cut anyway is not looked at: a mark can follow a mark without end.
    head = text[: MAX_CHARACTERS_A_COLUMN * limit]
    visible = (" " if _breaks_lines(character) else character for character in head)
    clean = re.sub(f"[^\\S{NO_BREAK_SPACE}]+", " ", "".join(_without_towers(visible))).strip()
    width, cut = 0, 0
    for position, character in enumerate(clean):
        width += _columns(character)
        if width <= limit - 1:
            cut = position + 1
    if width <= limit and len(head) == len(text):
        return clean
    return clean[:cut].rstrip() + "…"


MAX_CHARACTERS_A_COLUMN = 3
MAX_MARKS = 2
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _without_towers(characters: Iterable[str]) -> Iterator[str]:
    """Yields the characters, of marks on one letter at most MAX_MARKS."""
    n_marks = 0
    for character in characters:
        n_marks = n_marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if n_marks <= MAX_MARKS:
            yield character


def _breaks_lines(character: str) -> bool:
    """Tells whether it is a control character, or turns the direction of what follows."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTIONS


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def name_dates(span: Span) -> str:
    """Returns the dates of a span in words, each on its line.

    >>> from datetime import date
    >>> name_dates(Span(date(2026, 11, 8), date(2026, 11, 14))).replace(NO_BREAK_SPACE, " ")
    '8 to 14 November 2026'
    >>> name_dates(Span(date(2026, 12, 31), date(2027, 1, 6))).replace(NO_BREAK_SPACE, " ")
    '31 December 2026 to 6 January 2027'
    """
    first, last = span.first, span.last
    start = str(first.day)
    if (first.year, first.month) != (last.year, last.month):
        start += f" {MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    end = f"{last.day} {MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return end.replace(" ", NO_BREAK_SPACE)
    if " " not in start:
        return f"{start} to {end}".replace(" ", NO_BREAK_SPACE)
    return f"{start.replace(' ', NO_BREAK_SPACE)} to {end.replace(' ', NO_BREAK_SPACE)}"


def name_group(value: Any) -> str:
    """Returns the group as people write it; UNKNOWN for none.

    >>> name_group(None), name_group(True), name_group(datetime(2026, 11, 1, 9))
    ('unknown', 'yes', '2026-11-01 09:00')
    """
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")[:16]  # strftime writes the year 1 as "1"
    return str(value)


def count_items(report: Report) -> Totals:
    """Adds up the runs of the span."""
    rows = report.tables["run_summary"].to_pylist()
    n_labels = sum(row["n_labels"] for row in rows)
    confidence = sum(row["n_labels"] * (row["mean_confidence"] or 0.0) for row in rows)
    return Totals(
        n_items=sum(row["n_items"] for row in rows),
        n_labels=n_labels,
        n_dead=sum(row["n_dead"] for row in rows),
        mean_confidence=confidence / n_labels if n_labels else None,
        n_reposts=sum(row["n_reposts"] for row in rows),
    )


def mix_of_emotions(report: Report) -> list[EmotionShare]:
    """Returns the shares of the whole corpus, the largest first."""
    before = {
        row["emotion"]: row["value_before"]
        for row in report.tables["change"].to_pylist()
        if row["measure"] == "share"
    }
    shares = [
        EmotionShare(
            row["emotion"],
            row["n_items"],
            row["share"],
            row["share_low"],
            row["share_high"],
            row["mean_confidence"],
            before.get(row["emotion"], 0.0 if before else None),
        )
        for row in report.tables["by_emotion"].to_pylist()
    ]
    return sorted(shares, key=lambda share: (-share.n_items, share.emotion))


def has_several_emotions(report: Report) -> bool:
    """Says whether items have other numbers of emotions than one, as of a multi-label model."""
    rows = report.tables["by_emotion"].to_pylist()
    n_labels = rows[0]["n_group"] if rows else 0
    is_none = any(row["emotion"] == NO_EMOTION for row in rows)
    return is_none or sum(row["n_items"] for row in rows) != n_labels


def describe_several_emotions(report: Report) -> str | None:
    """Returns what shares mean where items have several emotions; None where each has one."""
    if not has_several_emotions(report):
        return None
    return (
        "An item counts once for each of its emotions, so shares do not add up to "
        f"{percent(1, 0)}; {NO_EMOTION} is an item without any."
    )


def describe_alerts(report: Report) -> list[str]:
    """Returns a sentence for each measure that moved further than chance, the surest first."""
    rows = [row for row in report.tables["change"].to_pylist() if row["alert"]]
    rows.sort(key=lambda row: (row["q_value"], -abs(row["shift"])))
    return [_describe_shift(row) for row in rows]


def describe_no_alert(report: Report) -> str:
    """Returns what stands in place of alerts, where there are none."""
    if report.before is None:
        return "Compared with no other dates."
    if not report.tables["change"].num_rows:
        return (
            f"Nothing to compare: {name_dates(report.before)} or this span has no labelled items."
        )
    return f"Nothing moved further than chance against {name_dates(report.before)}."


def _describe_shift(row: dict[str, Any]) -> str:
    value, before, shift = row["value"], row["value_before"], row["shift"]
    verb = "rose" if shift > 0 else "fell"
    measure = row["measure"]
    if measure == "jensen_shannon_distance":
        return (
            "The mix of emotions as a whole has moved: its Jensen-Shannon distance from the span "
            f"before is {value:.2f} (0: the same, 1: nothing in common)."
        )
    if measure == "mean_confidence":
        return f"The mean confidence {verb} from {before:.2f} to {value:.2f} ({signed(shift, 2)})."
    if measure == "dead_letter_rate":
        subject = "The share of refused items"
    else:
        subject = capitalise(shorten(name_group(row["emotion"]), 40))
    return f"{subject} {verb} from {percent(before)} to {percent(value)} ({points(shift)} points)."


def capitalise(name: str) -> str:
    """Returns the name as a sentence starts with it."""
    return name[:1].upper() + name[1:]


def refusals(report: Report) -> list[Refusal]:
    """Returns why items were refused, the most frequent reason first."""
    counts: Counter[str] = Counter()
    for row in report.tables["dead_letters_by_reason"].to_pylist():
        counts[row["reason"]] += row["n_items"]
    return [
        Refusal(reason, meaning_of(reason), n_items)
        for reason, n_items in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def meaning_of(reason: str) -> str:
    """Returns what a reason means; nothing for one that this version does not know."""
    return REASON_MEANINGS[Reason(reason)] if reason in set(Reason) else ""


def describe_missing_dates(report: Report) -> str | None:
    """Returns which dates of the span no run is for, in a sentence; None if there are none."""
    present = set(report.tables["run_summary"]["date"].to_pylist())
    n_days = (report.span.last - report.span.first).days + 1
    days = (report.span.first + timedelta(days=day) for day in range(n_days))
    missing = [day.isoformat() for day in days if day not in present]
    if not missing:
        return None
    named = ", ".join(missing[:MAX_DATES_NAMED])
    more = len(missing) - MAX_DATES_NAMED
    return f"No run for {named}" + (f" and {more:,} more dates." if more > 0 else ".")


def describe_model_versions(report: Report) -> str | None:
    """Returns a warning where several models made the labels; None where one did."""
    n_versions = len(pc.unique(report.tables["run_summary"]["model_version"]))
    if n_versions < 2:
        return None
    return f"{n_versions} models made these labels: shares can differ for that alone."


def describe_gaps(report: Report) -> list[str]:
    """Returns what a reader should know before they trust the figures, a sentence each."""
    hints = (
        describe_missing_dates(report),
        describe_model_versions(report),
        describe_several_emotions(report),
        *report.notes,
    )
    return list(filter(None, hints))


def group_columns(table: pa.Table) -> list[str]:
    """Returns the columns that a table of shares groups items by: those before `emotion`."""
    names: list[str] = table.column_names
    return names[: names.index("emotion")]
