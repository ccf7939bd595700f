"""A corpus to which files come while its dates are scored with `--only-new`."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from beam_jobs.runs.manifest import RunManifest
from beam_jobs.runs.only_new import NothingNew
from beam_jobs.runs.verify import verify_tree
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_result import ScoringResult

DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)
MORNING = [
    {"id": "1", "text": "the rain #wet", "lang": "en", "created_at": "2026-11-22T08:00:00Z"},
    {"id": "2", "text": "sad", "lang": "en", "created_at": "2026-11-22T09:00:00Z"},
    {"id": "bad"},
]
EVENING = [
    {"id": "3", "text": "so glad #wet", "lang": "de", "created_at": "2026-11-22T20:00:00Z"},
    {"id": "4"},
]

Batch = tuple[list[dict[str, Any]], date, bool]
"""Records, the date that they are scored for, and whether they are lines at the end of the first
file, which with none is only touched, or a file of their own."""


def write_items(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


class Corpus:
    """A directory of tweets and clips, and the model that scores it."""

    def __init__(self, directory: Path, artifact: Path) -> None:
        self.directory = directory
        self.artifact = artifact

    def write(self, name: str, records: list[dict[str, Any]]) -> None:
        write_items(self.directory / name, records)

    def score(self, out: str = "out", **changes: Any) -> ScoringResult | NothingNew:
        has_clips = (self.directory / "clips").exists()
        fields: dict[str, Any] = {
            "items": (f"{self.directory}/*.jsonl",),
            "clips": (f"{self.directory}/clips/*",) if has_clips else (),
            "audio_roots": (),
            "out": f"{self.directory}/{out}",
            "model": str(self.artifact),
            "run_date": DAY,
            "only_new": True,
        }
        return score_corpus(ScoringRequest(**(fields | changes)))

    def add(self, **changes: Any) -> RunManifest:
        result = self.score(**changes)
        assert isinstance(result, ScoringResult)
        assert verify_tree(f"{self.directory}/out").faults == ()
        return result.manifest

    def rows(self, table: str, day: date = DAY, out: str = "out") -> list[dict[str, Any]]:
        path = self.directory / out / table / f"dt={day}"
        rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
        return rows

    def ids(self, day: date = DAY) -> list[str]:
        return sorted(row["item_id"] for row in self.rows("labels", day))

    def refused(self, day: date = DAY) -> list[str | None]:
        return sorted(row["item_id"] for row in self.rows("dead_letters", day))

    def data_files(self, out: str = "out") -> dict[str, bytes]:
        root = self.directory / out
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("part-*")}


def write_batches(
    corpus: Corpus, batches: list[Batch]
) -> Iterator[tuple[Path, list[dict[str, Any]], date, set[str]]]:
    """Yields, as each batch is written: its file, all its records, the date, and the new ids.

    Of an id the first record with a text is kept; a blank one takes the later ones with it.
    """
    files: dict[str, list[dict[str, Any]]] = {}
    for number, (records, day, grows) in enumerate(batches):
        name = "0.jsonl" if grows else f"{number}.jsonl"
        files[name] = files.get(name, []) + records
        corpus.write(name, files[name])
        os.utime(corpus.directory / name, (0, 1_800_000_000 + number))
        first: dict[str, str] = {}
        for record in files[name]:
            if record["id"] and record.get("text") in ("rain", " ", "sad"):
                first.setdefault(record["id"], record["text"])
        expected = {item_id for item_id, text in first.items() if text != " "}
        yield corpus.directory / name, files[name], day, expected
