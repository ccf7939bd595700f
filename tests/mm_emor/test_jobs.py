"""score_corpus and report do what the commands do."""

import re
from dataclasses import fields
from datetime import UTC, date, datetime
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import mm_emor
from beam_jobs.reports.request import ReportRequest
from beam_jobs.runs.manifest import Status
from beam_jobs.scoring.request import ScoringRequest
from mm_emor.jobs import _day
from model.errors import UserError
from tests.support.host_process import patched_parts

TEXTS = {"1": "so happy today", "2": "I miss her so much", "3": " "}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "tweets.csv"
    rows = "".join(f'{item_id},"{text}"\n' for item_id, text in TEXTS.items())
    path.write_text(f"pk,text\n{rows}", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def out(corpus: Path) -> Path:
    out = corpus.parent / "out"
    progress: list[tuple[int, int]] = []
    before = patched_parts()
    result = mm_emor.score_corpus(
        items=corpus,
        out=out,
        run_date="2026-11-22",
        columns={"item_id": "pk"},
        batch_size=2,
        on_progress=lambda done, found: progress.append((done, found)),
    )
    run = result.published
    assert run
    assert (run.status, run.date) == (Status.COMPLETE, date(2026, 11, 22))
    assert (run.counts.n_labels, run.counts.n_dead) == (2, 1)
    assert progress[-1] == (3, 3)
    assert patched_parts() == before
    return out


@pytest.mark.job
def test_labels_equal_those_of_the_scorer(out: Path) -> None:
    rows = pq.read_table(out / "labels").to_pylist()
    table = mm_emor.load().score(list(TEXTS.values()), ids=list(TEXTS))
    for row, scored in zip(rows, table.to_pylist()[:2], strict=True):
        del scored["error"]
        assert scored.pop("scores") == pytest.approx(row["scores"], abs=1e-4)
        assert scored.pop("confidence") == pytest.approx(row["confidence"], abs=1e-4)
        assert {name: row[name] for name in scored} == scored
    [letter] = pq.read_table(out / "dead_letters").to_pylist()
    reason, _, message = table["error"][2].as_py().partition(": ")
    assert (letter["item_id"], letter["reason"], letter["message"]) == ("3", reason, message)


@pytest.mark.job
def test_a_complete_date_is_left_alone(corpus: Path, out: Path) -> None:
    result = mm_emor.score_corpus(
        items=[str(corpus)],
        out=str(out),
        run_date=date(2026, 11, 22),
        columns=[("item_id", "pk")],
        batch_size=2,
        if_done="skip",
    )
    assert str(result) == (
        "2026-11-22: complete already, 2 labels and 1 dead letters; nothing was done."
    )


@pytest.mark.job
def test_report(out: Path) -> None:
    before = patched_parts()
    made = mm_emor.report(out, out.parent / "report", first="2026-11-22", by=["lang"], top=5)
    assert patched_parts() == before
    [run] = made.tables["run_summary"].to_pylist()
    assert (run["n_items"], run["n_labels"], run["n_dead"]) == (3, 2, 1)
    assert (out.parent / "report" / "report.html").is_file()
    assert made.command == (
        f"mm_emor.report(labels=({str(out)!r},), out={str(out.parent / 'report')!r}, "
        "by=('lang',), top=5, first=datetime.date(2026, 11, 22))"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "there is nothing to score"),
        ({"items": "gone.jsonl"}, "no file matches gone.jsonl"),
        ({"items": "x", "run_date": "22.11."}, "run_date is '22.11.'; it must be a day as"),
        ({"items": "x", "if_done": "leave"}, "if_done is leave; it must be 'skip' or 'replace'"),
        ({"items": "x", "engine": "gpu"}, "engine is gpu; it must be 'auto', 'openvino' or"),
        ({"items": "x", "batch_size": 0}, "batch_size is 0; it must be at least 1"),
        ({"items": "x", "audio_roots": "gone"}, "audio_roots 'gone' is not a directory"),
        ({"items": "x", "columns": {"body": "b"}}, "columns body=…: the fields are item_id, text"),
        ({"items": "x", "source": "myspace"}, "source is myspace; it must be 'auto', 'plain', 'x'"),
        ({"items": "x", "delimiter": "ab"}, "delimiter is 'ab'; it must be one character"),
        ({"items": "x", "beam_flags": ["--worker"]}, "--worker is not a flag of this command"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=f"^{told}"):
        mm_emor.score_corpus(out=tmp_path, **settings)
    assert not [*tmp_path.iterdir()]


def test_a_mistyped_argument_is_told(tmp_path: Path) -> None:
    known = "batchsize is no argument of score_corpus; it has accelerator, audio_roots, batch_size"
    with pytest.raises(UserError, match=f"^{known}, "):
        mm_emor.score_corpus(items="x", out=tmp_path, batchsize=2)
    with pytest.raises(UserError, match=r"^examples is no argument of report; it has against, "):
        mm_emor.report(tmp_path, tmp_path, examples=2)
    with pytest.raises(UserError, match=r"^n_examples is -1; it must be at least 0$"):
        mm_emor.report(tmp_path, tmp_path, n_examples=-1)
    with pytest.raises(UserError, match=r"^by names 'colour'; it groups by "):
        mm_emor.report(tmp_path, tmp_path, by=["colour"])
    with pytest.raises(UserError, match=r"^last is 'monday'; it must be a day as YYYY-MM-DD$"):
        mm_emor.report(tmp_path, tmp_path, last="monday")


@pytest.mark.parametrize(
    ("function", "request_class"),
    [(mm_emor.score_corpus, ScoringRequest), (mm_emor.report, ReportRequest)],
)
def test_every_setting_is_explained(function: Any, request_class: Any) -> None:
    explained = {*re.findall(r"`(\w+)`", function.__doc__), *signature(function).parameters}
    assert [each.name for each in fields(request_class) if each.name not in explained] == []


def test_a_time_names_its_day() -> None:
    assert _day("run_date", datetime(2026, 11, 22, 23, tzinfo=UTC)) == date(2026, 11, 22)
