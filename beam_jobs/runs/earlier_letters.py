"""The dead letters of the run that is extended, so that a grown file's are not written again."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import orjson
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.elements import DeadLetter
from beam_jobs.runs.sorted_parquet import to_dead_letter_row

IDENTITY_COLUMNS = ("source", "item_id", "stage", "reason", "content_key")
LEFT_OUT = "left_out"


@dataclass
class LeaveOutRefused(beam.PTransform):
    """Leaves out the dead letters that a run which is extended has written already.

    In comes a tuple of collections of `DeadLetter`s; out come, by tag, those that are new as
    `new`, and as `left_out` how many are not, in numbers that add up.

    Two are the same refusal if file, id, stage, reason and content are: line numbers, which
    messages quote, move where a file changes. The content's digest tells, as a payload may be cut
    or redacted. Of n that are the same, where k are written already,
    n - k are new: the last ones, so that a file that grew adds what was appended.
    """

    paths: tuple[str, ...]

    def expand(self, letters: Sequence[beam.PCollection[DeadLetter]]) -> Any:
        """Joins on the identity; dead letters cross a shuffle here, and nowhere else."""
        earlier = (
            letters[0].pipeline
            | "EarlierLetters" >> beam.Create(self.paths)
            | "CountEarlier" >> beam.FlatMap(count_letters)
        )
        found = letters | "AllLetters" >> beam.Flatten() | "KeyLetters" >> beam.Map(key_letter)
        return (
            {"found": found, "earlier": earlier}
            | "JoinOnIdentity" >> beam.CoGroupByKey()
            | "LeaveOut" >> beam.FlatMapTuple(leave_out).with_outputs(LEFT_OUT, main="new")
        )


def identify(row: Mapping[str, Any]) -> bytes:
    """Returns what is the same of a refusal wherever in its file it stands.

    >>> row = {"source": "a.jsonl:3", "item_id": None, "stage": "read", "reason": "broken_json"}
    >>> row |= {"content_key": "5f0c"}
    >>> identify(row) == identify(row | {"source": "a.jsonl:71#2", "message": "line 71"})
    True
    >>> identify(row) == identify(row | {"source": "b.jsonl:3"})
    False
    """
    file = re.sub(r"(:\d+)?(#\d+)?$", "", row["source"])
    parts = [file, *(row[column] for column in IDENTITY_COLUMNS[1:])]
    return hashlib.sha256(orjson.dumps(parts)).digest()


def key_letter(letter: DeadLetter) -> tuple[bytes, DeadLetter]:
    """Returns a dead letter with the identity of its row, as that is written."""
    return identify(to_dead_letter_row(letter, run_id="")), letter


def count_letters(path: str) -> Iterator[tuple[bytes, int]]:
    """Yields a 1 for each row of a published file of dead letters, with its identity."""
    with FileSystems.open(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(columns=list(IDENTITY_COLUMNS)):
            for row in batch.to_pylist():
                yield identify(row), 1


def leave_out(
    identity: bytes,  # noqa: ARG001 - the key
    groups: Mapping[str, Iterable[Any]],
) -> Iterator[Any]:
    """Yields the new ones of the dead letters of one identity, and how many are not new."""
    # Line 9 comes before line 10.
    found = sorted(groups["found"], key=lambda letter: (len(letter.source), letter.source))
    n_earlier = min(sum(groups["earlier"]), len(found))
    yield from found[n_earlier:]
    if n_earlier:
        yield beam.pvalue.TaggedOutput(LEFT_OUT, n_earlier)
