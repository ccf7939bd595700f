"""Flags that several commands share, and what is read from a flag's text."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from beam_jobs.commands.log_lines import LOG_FORMAT_VARIABLE, LogFormat
from beam_jobs.scoring.backfill import backfill_dates
from model.errors import UserError


def remember_format(log_format: LogFormat) -> LogFormat:
    """Makes lines on stderr have the format from here on; returns it."""
    os.environ[LOG_FORMAT_VARIABLE] = log_format.value  # for mistakes in other flags, too
    return log_format


Out = Annotated[str, typer.Option(help="Output directory.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="End with one line of JSON.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the logs of Beam and TensorFlow, and tracebacks.")
]
BeamFlags = Annotated[
    list[str] | None, typer.Argument(metavar="[-- BEAM FLAGS]", help="Beam's own flags.")
]
LogFormatFlag = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar=LOG_FORMAT_VARIABLE,
        is_eager=True,  # so that a mistake in another flag is reported in it, too
        callback=remember_format,
        help="Of what goes to stderr.",
    ),
]


def parse_dates(
    day: str | None, first: str | None, last: str | None, patterns: Sequence[str]
) -> tuple[date, ...]:
    """Returns the dates that are to be scored: `--date`'s, today (UTC), or all of a backfill.

    Raises:
        UserError: a date is none, or the flags do not go together.
    """
    if first is None and last is None:
        return (datetime.now(UTC).date() if day is None else parse_date("--date", day),)
    if first is None or last is None:
        raise UserError("--from and --to need each other: they are a backfill's two ends")
    if day is not None:
        raise UserError("--date is one date, and --from and --to are several: give either")
    return backfill_dates(parse_date("--from", first), parse_date("--to", last), patterns)


def parse_date(flag: str, text: str) -> date:
    """Returns the date that a flag names.

    Raises:
        UserError: it is none.
    """
    if text == "yesterday":
        return datetime.now(UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{flag} is {text!r}; it must be a day as YYYY-MM-DD") from error


def parse_column(text: str) -> tuple[str, str]:
    """Returns our field and their column, or the path to it.

    Raises:
        UserError: if it is not FIELD=PATH.

    >>> parse_column("item_id=tweet_pk")
    ('item_id', 'tweet_pk')
    """
    field, separator, name = text.partition("=")
    if not (field and separator and name):
        raise UserError(f"--column is {text!r}; it must be FIELD=NAME, as in item_id=tweet_pk")
    return field, name
