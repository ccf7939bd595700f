"""Dates in patterns, and a backfill: each date is a run of its own, whatever becomes of another."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.commands.cli import app
from beam_jobs.commands.exit_code import run_command
from beam_jobs.runs.manifest import Status, read_manifest
from beam_jobs.scoring import launch
from beam_jobs.scoring.backfill import NoFileOfDateError, backfill_dates, on_date
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_model import load_artifact, load_scorer
from model.errors import UserError

FIRST = date(2026, 11, 21)
DAYS = [FIRST + timedelta(days=days) for days in range(3)]


def write_day(directory: Path, day: date, *lines: str) -> None:
    (directory / f"tweets-{day}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def tweet(item_id: str) -> str:
    return json.dumps({"id": item_id, "text": f"rain {item_id}"})


def ids_by_date(out: Path) -> dict[date, list[str]]:
    return {
        day: pq.read_table(out / "labels" / f"dt={day}", partitioning=None)["item_id"].to_pylist()
        for day in DAYS
        if (out / "labels" / f"dt={day}").exists()
    }


def score(directory: Path, artifact: Path, *flags: str) -> int:
    """Runs the command in this process, which has the model loaded after the first test."""
    arguments = ["score", "--items", f"{directory}/tweets-{{date}}.jsonl"]
    arguments += ["--out", f"{directory}/out", "--model", str(artifact), *flags]
    return run_command(lambda: app(arguments, standalone_mode=False))


ALL_DAYS = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]))


@given(first=st.dates(max_value=date(9997, 1, 1)), n_days=st.integers(0, 800))
def test_a_backfill_is_each_date_once_in_order(first: date, n_days: int) -> None:
    dates = backfill_dates(first, first + timedelta(days=n_days), ["{date}.csv"])
    assert [(day - first).days for day in dates] == list(range(n_days + 1))
    paths = {on_date("{date}/{date}.csv", day) for day in dates}
    assert paths == {f"{day}/{day}.csv" for day in dates}


@pytest.mark.job
def test_a_date_takes_its_own_files_and_clips(tiny_artifact: Path, tmp_path: Path) -> None:
    for day in DAYS[:2]:
        write_day(tmp_path, day, tweet(f"of {day}"))
    clips = tmp_path / str(DAYS[0])
    clips.mkdir()
    (clips / f"of {DAYS[0]}.wav").write_bytes(b"no audio")
    request: dict[str, Any] = {
        "items": (f"{tmp_path}/tweets-{{date}}.jsonl",),
        "audio_roots": (),
        "out": f"{tmp_path}/out",
        "model": str(tiny_artifact),
    }
    with_clips = ScoringRequest(**request, clips=(f"{tmp_path}/{{date}}/*",), run_date=DAYS[0])
    entry = score_corpus(with_clips).manifest
    assert [Path(file.path).name for file in entry.inputs] == [
        f"of {DAYS[0]}.wav",
        f"tweets-{DAYS[0]}.jsonl",
    ]
    assert entry.counts.dead_letters_by_reason == {"undecodable_clip": 1}
    second = ScoringRequest(**request, clips=(), run_date=DAYS[1])
    assert [file.path for file in score_corpus(second).manifest.inputs] == [
        f"{tmp_path}/tweets-{DAYS[1]}.jsonl"
    ]
    with pytest.raises(NoFileOfDateError, match=rf"no file matches .*/tweets-{DAYS[2]}\.jsonl"):
        score_corpus(ScoringRequest(**request, clips=(), run_date=DAYS[2]))


@pytest.mark.job
def test_a_backfill_runs_each_date_as_its_own_run(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, day in enumerate(DAYS):
        write_day(tmp_path, day, tweet(f"{number}a"), tweet(f"{number}b"))
    load_scorer.cache_clear()
    load_artifact.cache_clear()
    assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--json") == 0
    assert load_scorer.cache_info().misses == 1  # the model is loaded once
    assert load_artifact.cache_info().misses == 1
    assert load_artifact.cache_info().hits >= len(DAYS)  # by the steps that read what is scored
    stdout, stderr = capsys.readouterr()
    summaries = [json.loads(line) for line in stdout.splitlines()]
    assert [(one["date"], one["labels"], one["skipped"]) for one in summaries] == [
        (str(day), {"text": 2}, False) for day in DAYS
    ]
    assert stderr == ""
    assert ids_by_date(tmp_path / "out") == {
        day: [f"{number}a", f"{number}b"] for number, day in enumerate(DAYS)
    }
    manifest = read_manifest(f"{tmp_path}/out")
    assert manifest is not None
    assert list(manifest.runs) == DAYS
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}

    # A run of one date alone is the run that the backfill made of it.
    assert score(tmp_path, tiny_artifact, "--date", str(DAYS[1]), "--json") == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == manifest.runs[DAYS[1]].run_id

    write_day(tmp_path, DAYS[2], tweet("new"))
    assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--json", "--if-done", "skip") == 0
    skipped = [json.loads(line)["skipped"] for line in capsys.readouterr().out.splitlines()]
    assert skipped == [True, True, True]
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    manifest_path = tmp_path / "out" / "_manifest.json"
    assert {**after, manifest_path: b""} == {**before, manifest_path: b""}


@pytest.mark.job
def test_a_date_without_files_and_one_that_fails_keep_no_other_back(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_day(tmp_path, DAYS[0], tweet("1"), "nope", "nope", "nope")
    write_day(tmp_path, DAYS[2], tweet("3"))
    assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--json") == 1
    stdout, stderr = capsys.readouterr()
    assert [json.loads(line)["status"] for line in stdout.splitlines()] == [
        "too_many_bad_items",
        "complete",
    ]
    failed, missing, last = stderr.splitlines()
    assert failed.startswith("mm-emor: 3 of 4 items were refused, more than --max-bad-fraction")
    assert missing == f"mm-emor: {DAYS[1]}: no file matches {tmp_path}/tweets-{DAYS[1]}.jsonl"
    assert last == (
        f"mm-emor: 2 of 3 dates are not as asked for: {DAYS[0]} (failed), {DAYS[1]} (no file)"
    )
    assert ids_by_date(tmp_path / "out") == {DAYS[0]: ["1"], DAYS[2]: ["3"]}

    # What is done is skipped, what failed or was missing is not.
    write_day(tmp_path, DAYS[0], tweet("1"))
    write_day(tmp_path, DAYS[1], tweet("2"))
    assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--json", "--if-done", "skip") == 0
    skipped = [json.loads(line)["skipped"] for line in capsys.readouterr().out.splitlines()]
    assert skipped == [False, False, True]
    manifest = read_manifest(f"{tmp_path}/out")
    assert manifest is not None
    assert [run.status for run in manifest.runs.values()] == [Status.COMPLETE] * 3


@pytest.mark.job
def test_the_plan_of_a_backfill_tells_what_becomes_of_each_date(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_day(tmp_path, DAYS[0], tweet("1"))
    write_day(tmp_path, DAYS[2], tweet("3"))
    assert score(tmp_path, tiny_artifact, "--date", str(DAYS[0]), "--json") == 0
    run_id = json.loads(capsys.readouterr().out)["run_id"]
    before = sorted((tmp_path / "out").rglob("*"))

    def dates_of(*flags: str) -> list[str]:
        assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--dry-run", *flags) == 1
        stdout, stderr = capsys.readouterr()
        missing, last = stderr.splitlines()
        assert missing == f"mm-emor: {DAYS[1]}: no file matches {tmp_path}/tweets-{DAYS[1]}.jsonl"
        assert last == f"mm-emor: 1 of 3 dates are not as asked for: {DAYS[1]} (no file)"
        return [line for line in stdout.splitlines() if line.startswith("date")]

    first = f"date        {DAYS[2]}: no run of it was published yet"
    assert dates_of() == [f"date        {DAYS[0]}: replaces run {run_id}", first]
    write_day(tmp_path, DAYS[0], tweet("1"), tweet("2"))
    assert dates_of("--only-new") == [f"date        {DAYS[0]}: adds to run {run_id}", first]
    assert dates_of("--if-done", "skip") == [
        f"date        {DAYS[0]}: run {run_id} is complete, and --if-done skip leaves it alone",
        first,
    ]
    assert sorted((tmp_path / "out").rglob("*")) == before


@pytest.mark.job
def test_a_date_that_dies_or_is_refused_keeps_no_other_back(
    tiny_artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_day(tmp_path, DAYS[0], tweet("1"))
    (tmp_path / f"tweets-{DAYS[1]}.jsonl").mkdir()
    write_day(tmp_path, DAYS[2], tweet("3"))
    run_pipeline = launch._run_pipeline

    def die(job: launch.ScoringJob, *rest: Any) -> Any:
        if job.run.date == DAYS[0]:
            raise MemoryError("the worker dies")
        return run_pipeline(job, *rest)

    monkeypatch.setattr(launch, "_run_pipeline", die)
    assert score(tmp_path, tiny_artifact, *ALL_DAYS, "--json") == 1
    stdout, stderr = capsys.readouterr()
    assert [json.loads(line)["date"] for line in stdout.splitlines()] == [str(DAYS[2])]
    died, refused, last = stderr.splitlines()
    assert died.startswith(
        f"mm-emor: {DAYS[0]}: the job failed: MemoryError: the worker dies (MM_EMOR"
    )
    assert refused.startswith(f"mm-emor: {DAYS[1]}: {tmp_path}/tweets-{DAYS[1]}.jsonl is a direct")
    assert last == (
        f"mm-emor: 2 of 3 dates are not as asked for: {DAYS[0]} (failed), {DAYS[1]} (failed)"
    )
    assert ids_by_date(tmp_path / "out") == {DAYS[2]: ["3"]}


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("is_verbose", [False, True])
@pytest.mark.parametrize("flags", [["--date", str(DAYS[0])], [*ALL_DAYS[:2], "--to", str(DAYS[0])]])
def test_a_traceback_is_shown_where_it_was_asked_for(
    tiny_artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    is_verbose: bool,
    log_format: str,
) -> None:
    def die(*_: Any) -> Any:
        raise MemoryError("the worker dies")

    monkeypatch.setattr(launch, "_run_pipeline", die)
    monkeypatch.setenv("MM_EMOR_LOG_FORMAT", log_format)
    monkeypatch.setenv("MM_EMOR_VERBOSE", "1" if is_verbose else "")
    write_day(tmp_path, DAYS[0], tweet("1"))
    assert score(tmp_path, tiny_artifact, *flags) == 1
    stderr = capsys.readouterr().err
    assert "the job failed: MemoryError: the worker dies" in stderr
    assert ("Traceback (most recent call last)" in stderr) == is_verbose
    if log_format == "json":
        first = json.loads(stderr.splitlines()[0])
        assert ("exception" in first) == is_verbose


def test_an_interruption_ends_a_backfill(
    tiny_artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_day(tmp_path, DAYS[0], tweet("1"))

    def interrupt(*_: Any) -> Any:
        raise RuntimeError("KeyboardInterrupt [while running 'x']")  # as Beam hands it on

    monkeypatch.setattr(launch, "_run_pipeline", interrupt)
    assert score(tmp_path, tiny_artifact, *ALL_DAYS) == 130
    assert capsys.readouterr() == ("", "mm-emor: interrupted\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*ALL_DAYS, "--model", "/nowhere"], "/nowhere"),
        ([*ALL_DAYS, "--no-such-flag"], "no-such-flag"),
        (["--from", "2026-11-01"], "--from and --to need each other"),
        (["--to", "2026-11-01"], "--from and --to need each other"),
        (
            ["--date", "2026-11-01", "--from", "2026-11-01", "--to", "2026-11-02"],
            "--date is one date, and --from and --to are several",
        ),
        (
            ["--from", "2026-11-02", "--to", "2026-11-01"],
            "--from is 2026-11-02 and --to 2026-11-01; --from cannot be the later one",
        ),
        (["--from", "1 May", "--to", "2026-11-01"], "--from is '1 May'; it must be a day as YYYY"),
        (["--from", "2026-11-01", "--to", "2026-11-31"], "--to is '2026-11-31'; it must be a day"),
        (["--date", ""], "--date is ''; it must be a day"),
        (
            ["--from", "2026-11-01", "--to", "2026-11-02", "--", "--template_location=gs://t/1"],
            "--from and --to would write each date's template in place of the one before",
        ),
        (
            ["--metrics-file", "a.prom", "--", "--no_wait_until_finish"],
            "--metrics-file a.prom would stay unwritten, as the job's end is not waited for",
        ),
        (["--date", "2026-11-01"], "no file matches {}/tweets-2026-11-01.jsonl"),
        (
            [*ALL_DAYS, "--clips", "/clips/*.wav"],
            "--from and --to need {{date}} in each pattern, and /clips/*.wav has none: each date",
        ),
        ([*ALL_DAYS, "--source", "foo"], "'--source': 'foo' is not one of 'auto', 'plain', 'x',"),
        ([*ALL_DAYS, "--column", "x=y"], "--column x=…: the fields are item_id, text, audio_uri,"),
        (
            [*ALL_DAYS, "--column", "text=a", "--column", "text=b"],
            "--column text=…: the field is renamed twice",
        ),
        ([*ALL_DAYS, "--keep", "a", "--keep", "a"], "--keep a: its column would be x_a, as --keep"),
        (
            [*ALL_DAYS, "--keep", "text", "--redact-text"],
            "--keep text would show a text, which --redact-text hides",
        ),
        ([*ALL_DAYS, "--audio-root", "/nowhere"], "--audio-root '/nowhere' is not a directory"),
        (
            [*ALL_DAYS, "--dry-run", "--vcpu-hour-price", "-1"],
            "--vcpu-hour-price is -1.0; it must be 0 or more",
        ),
    ],
)
def test_mistakes_exit_2_with_one_line(
    tiny_artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    write_day(tmp_path, DAYS[0], tweet("1"))
    assert score(tmp_path, tiny_artifact, *flags) == 2
    stdout, stderr = capsys.readouterr()
    assert message.format(tmp_path) in stderr
    assert (stdout, stderr.count("\n")) == ("", 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("patterns", [["tweets.jsonl", "clips/{date}/*"], ["{date}", "clips/*"]])
def test_a_backfill_needs_the_date_in_every_pattern(patterns: list[str]) -> None:
    with pytest.raises(UserError, match=r"in each pattern, and (tweets\.jsonl|clips/\*) has none"):
        backfill_dates(DAYS[0], DAYS[1], patterns)
    assert len(backfill_dates(DAYS[0], DAYS[1], ["{date}.jsonl", "clips/{date}/*"])) == 2


def test_yesterday_is_the_day_before_in_utc(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [datetime.now(UTC).date() - timedelta(days=1)]
    assert score(tmp_path, tiny_artifact, "--date", "yesterday") == 2
    days.append(datetime.now(UTC).date() - timedelta(days=1))  # midnight may have passed
    lines = [f"mm-emor: no file matches {tmp_path}/tweets-{day}.jsonl\n" for day in days]
    assert capsys.readouterr().err in lines
