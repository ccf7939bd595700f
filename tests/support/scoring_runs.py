"""Runs of the job on the sample corpus or on records of a test, and what they wrote."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import beam_jobs
from beam_jobs.scoring.request import ScoringRequest

CORPUS = Path(beam_jobs.__file__).parent / "sample_corpus"
DAY = date(2026, 11, 14)


def request_for(out: Path, artifact: Path, **changes: Any) -> ScoringRequest:
    fields: dict[str, Any] = {
        "items": (f"{CORPUS}/tweets*",),
        "clips": (f"{CORPUS}/clips/*",),
        "audio_roots": (str(CORPUS),),
        "out": str(out),
        "model": str(artifact),
        "run_date": DAY,
        "engine": "openvino",
        "precision": "float32",
    }
    return ScoringRequest(**(fields | changes))


def read(out: Path, table: str, day: date = DAY) -> pa.Table:
    return pq.read_table(out / table / f"dt={day}", partitioning=None)


def labels_by_id(out: Path) -> dict[str, dict[str, Any]]:
    rows = read(out, "labels").to_pylist()
    assert len({row["item_id"] for row in rows}) == len(rows)
    return {row["item_id"]: row for row in rows}


def write_items(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
