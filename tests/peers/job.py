"""What a peer is told: settings, in a file named for their class, beside the files it reads."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

JobT = TypeVar("JobT")


def write_job(folder: Path, job: Any) -> None:
    """Writes the settings, a dataclass of what JSON can hold."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{type(job).__name__}.json"
    path.write_text(json.dumps(asdict(job)), encoding="utf-8")


def read_job(folder: Path, kind: type[JobT]) -> JobT:
    """Reads them again."""
    return kind(**json.loads((folder / f"{kind.__name__}.json").read_text(encoding="utf-8")))
