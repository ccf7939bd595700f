"""What jobs in Cloud Storage are tested with: the buckets `in` and `out`, and a request."""

from datetime import date
from pathlib import Path
from typing import Any

from beam_jobs.scoring.request import ScoringRequest
from model.storage import open_client

DAY = date(2026, 11, 22)


def put(corpus: Path) -> None:
    bucket = open_client().bucket("in")
    for file in corpus.rglob("*"):
        if file.is_file():
            bucket.blob(str(file.relative_to(corpus))).upload_from_filename(str(file))
    bucket.blob("clips/").upload_from_string(b"")  # a console's empty directory


def request_for(root: str, target: str, **changes: Any) -> ScoringRequest:
    fields: dict[str, Any] = {
        "items": (f"{root}/tweets*",),
        "clips": (f"{root}/clips/*",),
        "audio_roots": (f"{root}/audio",),
        "out": target,
        "model": f"{root}/model",
        "run_date": DAY,
        "engine": "openvino",
        "precision": "float32",
    }
    return ScoringRequest(**(fields | changes))


def objects(bucket: str = "out") -> dict[str, bytes]:
    return {blob.name: blob.download_as_bytes() for blob in open_client().list_blobs(bucket)}
