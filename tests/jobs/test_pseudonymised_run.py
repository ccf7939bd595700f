"""A run under a key: no author's id in what it writes, logs or says."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beam_jobs.items.privacy import Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, pseudonym
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from tests.support.author_key import AUTHOR, KEY
from tests.support.command_line import Run

RECORDS = [
    {"id": "1", "text": "the rain", "author_id": AUTHOR},
    {"id": "2", "text": "sad", "user": {"id": int(AUTHOR)}},
    {"id": "1", "text": "again", "author_id": AUTHOR},
    {"id": "3", "author_id": AUTHOR},
    {"id": "4", "text": " ", "author_id": AUTHOR},
    {"id": "5", "text": 5, "author_id": AUTHOR},
]


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.jsonl"
    lines = [json.dumps(record) for record in RECORDS]
    path.write_text("\n".join([*lines, f'{{"id": 6, "author_id": "{AUTHOR}']), encoding="utf-8")
    return path


def request_for(out: Path, artifact: Path, tweets: Path, **changes: Any) -> ScoringRequest:
    fields: dict[str, Any] = {
        "items": (str(tweets),),
        "clips": (),
        "audio_roots": (),
        "out": str(out),
        "model": str(artifact),
        "run_date": date(2026, 11, 14),
        "engine": "openvino",
        "precision": "float32",
        "max_bad_fraction": 1.0,
        "pseudonymise_authors": True,
    }
    return ScoringRequest(**(fields | changes))


def contents(out: Path) -> str:
    """All that a run has written, Parquet as its rows."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return "\n".join(
        repr(pq.read_table(path, partitioning=None).to_pylist()) + str(pq.read_metadata(path))
        if path.suffix == ".parquet"
        else path.read_text(encoding="utf-8")
        for path in files
    )


def test_a_run_writes_tokens_only(privacy: Privacy, tiny_artifact: Path, tweets: Path) -> None:
    out = tweets.parent / "out"
    result = score_corpus(request_for(out, tiny_artifact, tweets))
    rows = pq.read_table(out / "labels", partitioning=None).to_pylist()
    assert {(row["item_id"], row["author_id"]) for row in rows} == {
        ("1", pseudonym(AUTHOR)),
        ("2", pseudonym(AUTHOR)),
    }
    [by_author] = pq.read_table(out / "reports/by_author", columns=["author_id"])
    assert set(by_author.to_pylist()) == {pseudonym(AUTHOR)}
    assert result.manifest.counts.n_dead == 5
    written = contents(out)
    assert AUTHOR not in written
    assert KEY not in written
    assert result.manifest.settings["author_key"] == privacy.author_key
    assert privacy.author_key
    assert privacy.author_key in (out / "_manifest.json").read_text(encoding="utf-8")


def test_another_key_is_another_run(
    privacy: Privacy, tiny_artifact: Path, tweets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_id(**changes: Any) -> str:
        request = request_for(tweets.parent / "out", tiny_artifact, tweets, **changes)
        return score_corpus(request).manifest.run_id

    first = run_id()
    assert run_id() == first
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1])
    assert run_id() != first


def command(*arguments: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from beam_jobs.commands.cli import main; main()",
            "score",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {KEY_VARIABLE: key},
    )


@pytest.mark.parametrize(
    ("flag", "key"),
    [
        ("--pseudonymise-authors", None),
        ("--pseudonymise-authors", "fifteen-bytes-!"),
        ("--redact-text", "fifteen-bytes-!"),
    ],
)
def test_the_command_refuses_a_key_that_will_not_do(
    mm_emor: Run,
    monkeypatch: pytest.MonkeyPatch,
    tiny_artifact: Path,
    tweets: Path,
    flag: str,
    key: str | None,
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    if key:
        monkeypatch.setenv(KEY_VARIABLE, key)
    code, _, stderr = mm_emor(
        *("score", "--items", str(tweets), "--out", str(tweets.parent / "out")),
        *(flag, "--model", str(tiny_artifact)),
    )
    found = "has 15 bytes" if key else "is not set"
    assert (code, stderr) == (
        2,
        f"mm-emor: MM_EMOR_AUTHOR_KEY {found}; a key of at least 16 bytes is needed in it for "
        f"{flag}, on each worker too\n",
    )
    assert not (tweets.parent / "out").exists()


@pytest.mark.slow
def test_worker_processes_inherit_the_key_and_log_no_author(
    privacy: Privacy, tiny_artifact: Path, tweets: Path
) -> None:
    out = tweets.parent / "out"
    outcome = command(
        *("--items", str(tweets), "--out", str(out), "--pseudonymise-authors", "--verbose"),
        *("--model", str(tiny_artifact), "--max-bad-fraction", "1", "--"),
        *("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
        key=KEY,
    )
    assert outcome.returncode == 0, outcome.stderr
    rows = pq.read_table(out / "labels", partitioning=None).to_pylist()
    assert {row["author_id"] for row in rows} == {pseudonym(AUTHOR)}
    for text in (contents(out), outcome.stdout, outcome.stderr):
        assert AUTHOR not in text
        assert KEY not in text
