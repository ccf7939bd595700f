"""The dates of a backfill, and which files are whose: `{date}` in a pattern is the run's date."""

from collections.abc import Sequence
from datetime import date, timedelta

from model.errors import UserError

DATE_FIELD = "{date}"


def on_date(pattern: str, day: date) -> str:
    """Returns a pattern for the files of one date.

    >>> on_date("gs://tweets/{date}/*.jsonl.gz", date(2026, 11, 22))
    'gs://tweets/2026-11-22/*.jsonl.gz'
    """
    return pattern.replace(DATE_FIELD, day.isoformat())


def backfill_dates(first: date, last: date, patterns: Sequence[str]) -> tuple[date, ...]:
    """Returns the dates of a backfill in order, both ends among them.

    Raises:
        UserError: the first is after the last, or a pattern does not tell the dates' files apart.

    >>> [str(day) for day in backfill_dates(date(2026, 2, 28), date(2026, 3, 1), ["{date}/*"])]
    ['2026-02-28', '2026-03-01']
    """
    if first > last:
        raise UserError(f"--from is {first} and --to {last}; --from cannot be the later one")
    for pattern in patterns:
        if DATE_FIELD not in pattern:
            raise UserError(
                f"--from and --to need {DATE_FIELD} in each pattern, and {pattern} has none: each "
                "date would score the same files"
            )
    return tuple(first + timedelta(days=days) for days in range((last - first).days + 1))


class NoFileOfDateError(UserError):
    """A pattern with `{date}` matches no file for the run's date."""
