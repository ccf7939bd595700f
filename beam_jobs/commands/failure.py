"""Why a run that wrote all its rows counts as failed, in one line."""

import json
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from beam_jobs.reading.key_paths import KeyPath
from beam_jobs.reading.sources import AUTO, DEFAULT, SOURCES
from beam_jobs.runs.job_outcome import JobOutcome
from beam_jobs.runs.manifest import RunManifest, Status
from schemas.dead_letters import NOT_BAD, REASON_MEANINGS, Reason
from schemas.tables import DEAD_LETTERS

MAX_NAMES = 12
"""Of a record's fields, how many are named."""


def explain_failure(outcome: JobOutcome, out: str) -> str | None:
    """Returns why a run that wrote all its rows counts as failed, in one line; None if it does not.

    The line names the reason that most dead letters have, or the files that were lost; and the
    cause, where that is a field which has another name in the files. A date that failed has failed
    still where nothing is new.
    """
    run = outcome.published
    if run is None or run.status == Status.COMPLETE:
        return None
    by_reason = run.counts.dead_letters_by_reason
    where = FileSystems.join(out, DEAD_LETTERS)
    if run.status == Status.LOST_FILE:
        n_files = by_reason[Reason.UNREADABLE_FILE]
        letter = _first_letter(run, out, Reason.UNREADABLE_FILE)
        return (
            f"{n_files} input file(s) could not be read to the end; the first is "
            f"{letter['source']}: {letter['message']}; see {where}"
        )
    bad = [reason for reason in by_reason if reason not in NOT_BAD]
    leading = Reason(max(bad, key=lambda reason: by_reason[reason]))
    n_items = run.counts.n_labels + run.counts.n_bad
    return (
        f"{run.counts.n_bad:,} of {n_items:,} items were refused, more than "
        f"--max-bad-fraction; the leading reason is {leading} ({by_reason[leading]:,}: "
        f"{REASON_MEANINGS[leading]}){_hint(run, out, leading)}; see {where}"
    )


def _first_letter(run: RunManifest, out: str, reason: Reason) -> dict[str, Any]:
    """Returns the first dead letter of a reason that the run has counted."""
    for file in run.outputs:
        if file.table != DEAD_LETTERS:
            continue
        path = FileSystems.join(out, file.path)
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            parquet = pq.ParquetFile(source, pre_buffer=False)
            for group in range(parquet.num_row_groups):
                rows = parquet.read_row_group(
                    group, ["reason", "message", "source", "payload"], use_threads=False
                )
                found = rows.filter(pc.equal(rows["reason"], str(reason))).slice(0, 1)
                if found.num_rows:
                    letter: dict[str, Any] = found.to_pylist()[0]
                    return letter
    raise RuntimeError(f"the run counts dead letters of {reason}, and its files have none")


def _hint(run: RunManifest, out: str, leading: Reason) -> str:
    """Returns how to name a field that the files may have under another name."""
    columns = dict(run.settings.get("columns", ()))
    source = run.settings.get("source", AUTO)
    if leading == Reason.NO_CONTENT:
        read = columns.get("text") or _places_of("text", source)
        return f"; texts are read from {read}: name another column with --column text=NAME"
    if leading not in (Reason.MISSING_ID, Reason.INVALID_UTF8):
        return ""
    letter = _first_letter(run, out, leading)
    first = f"; the first is {letter['source']}: {letter['message']}"
    # It names the columns of a CSV or Parquet file, or the encoding.
    if leading == Reason.INVALID_UTF8 or "--column" in letter["message"]:
        return first
    # Where authors are hidden, the payload has our fields in place of the record's own.
    names = [] if run.settings.get("author_key") else _names_in(letter["payload"])
    own = columns.get("item_id")
    read_from = {own} if own else {path[0] for path in _paths_of("item_id", source)}
    if read_from & set(names):
        return first
    others = f"; it has {', '.join(map(ascii, names))}" if names else ""
    return f"{first}{others}: name another column with --column item_id=NAME"


def _paths_of(field: str, source: str) -> list[KeyPath]:
    """Returns where the records of a `--source` have a field; where nothing tells it, X's do."""
    rows = [DEFAULT] if source == AUTO else [one for one in SOURCES if one.name == source]
    return list(dict.fromkeys(path for row in rows for path in row.fields[field]))


def _places_of(field: str, source: str) -> str:
    """Returns `_paths_of` a field in words; of a source that nothing tells, that others differ.

    >>> _places_of("text", "mastodon"), _places_of("text", "reddit")
    ('content or text', 'text or selftext or body or title')
    """
    places = " or ".join(".".join(path) for path in _paths_of(field, source))
    return places if source != AUTO else f"{places}, or where the record's own source has them"


def _names_in(payload: str | None) -> list[str]:
    """Returns the names of a record's fields; none where the payload is no whole JSON object.

    >>> _names_in('{"pk": 1, "body": "rain"}'), _names_in('{"pk": "cut he')
    (['pk', 'body'], [])
    """
    try:
        record = json.loads(payload or "")
    except ValueError:
        return []
    return list(record)[:MAX_NAMES] if isinstance(record, dict) else []
