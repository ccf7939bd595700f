"""The report of a span of dates: which runs it counts, what it writes, and what it refuses."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.commands.cli import app
from beam_jobs.commands.exit_code import run_command
from beam_jobs.items.paths import InputFile
from beam_jobs.reports import directory as report_directory
from beam_jobs.reports.directory import read_report, read_report_record
from beam_jobs.reports.page.report import Span
from beam_jobs.reports.request import ReportRequest, choose_spans, report_corpus
from model.errors import UserError
from schemas.reports import CHANGE_SCHEMAS, REPORT_SCHEMAS
from tests.support.growing_corpus import DAY, MORNING, Corpus
from tests.support.label_rows import Corpus as RandomCorpus
from tests.support.label_rows import make_dead_letters, make_labels, make_run, write_run, write_runs

FIRST = date(2026, 11, 2)
WEEK = RandomCorpus(700, 7, n_hashtags=30, n_authors=20, dead_fraction=0.05)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("week")
    write_runs(WEEK, out)
    return str(out)


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 2)


def mm_emor(*arguments: str) -> int:
    return run_command(lambda: app([*arguments], standalone_mode=False))


@pytest.mark.job
def test_a_report_counts_each_label_and_dead_letter_of_the_span_once(
    week: str, tmp_path: Path
) -> None:
    made = report_corpus(ReportRequest((week,), str(tmp_path), day(5), day(7)))
    assert (made.span, made.before) == (Span(day(5), day(7)), Span(day(2), day(4)))
    assert made.tables.keys() == {*REPORT_SCHEMAS, *CHANGE_SCHEMAS}
    with duckdb.connect() as connection:
        [(n_labels,), (n_dead,)] = connection.execute(
            "select count(*) from read_parquet($1) where dt between $3 and $4 union all "
            "select count(*) from read_parquet($2) where dt between $3 and $4",
            [f"{week}/labels/*/*", f"{week}/dead_letters/*/*", day(5), day(7)],
        ).fetchall()
    summary = made.tables["run_summary"]
    assert summary["date"].to_pylist() == [day(5), day(6), day(7)]
    assert (sum(summary["n_labels"].to_pylist()), sum(summary["n_dead"].to_pylist())) == (
        n_labels,
        n_dead,
    )
    assert made.tables["by_emotion"]["n_group"].to_pylist()[0] == n_labels == 300
    change = made.tables["change"]
    assert change.schema.equals(CHANGE_SCHEMAS["change"])
    assert change.num_rows == 7 + 3


@pytest.mark.job
def test_the_directory_holds_what_the_record_says(week: str, tmp_path: Path) -> None:
    request = ReportRequest((week,), str(tmp_path), by=("hashtag", "truncated"), command="made so")
    made = report_corpus(request)
    record = read_report_record(str(tmp_path))
    assert record is not None
    assert record.tables == {name: table.num_rows for name, table in made.tables.items()}
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.html",
        "report.json",
        *(f"{name}.parquet" for name in record.tables),
    }
    assert {"by_hashtag", "by_truncated"} < record.tables.keys()
    assert "by_author" not in record.tables
    assert (record.span, record.before, record.command) == (Span(day(2), day(8)), None, "made so")
    by_truncated = pq.read_table(tmp_path / "by_truncated.parquet")
    assert set(by_truncated["truncated"].to_pylist()) == {False}
    assert by_truncated.equals(made.tables["by_truncated"])

    # Again, with other tables: nothing of the first is left, and the same gives the same bytes.
    other = replace(request, by=("lang",))
    report_corpus(other)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "by_truncated.parquet" not in files
    assert "by_language.parquet" in files
    report_corpus(other)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.job
def test_several_directories_add_up(
    week: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    run = replace(make_run(other, day(2)), inputs=(InputFile("more.jsonl", 1),))
    corpus = replace(WEEK, seed=1)
    write_run(
        run,
        make_labels(corpus, day(2), 50, run.run_id),
        make_dead_letters(corpus, day(2), 1, run.run_id),
    )
    request = ReportRequest((week, str(other)), f"{tmp_path}/report", day(2), day(2))
    made = report_corpus(request)
    assert sorted(made.tables["run_summary"]["n_labels"].to_pylist()) == [50, 100]
    assert made.tables["by_emotion"]["n_group"].to_pylist()[0] == 150

    copy = tmp_path / "copy"
    shutil.copytree(week, copy)
    arguments = ["--labels", week, "--labels", str(copy), "--out", f"{tmp_path}/report"]
    assert mm_emor("report", *arguments) == 2
    assert capsys.readouterr().err == (
        f"mm-emor: --labels {week} and {copy} both hold run {make_run(other, day(2)).run_id} of "
        "2026-11-02: each item would be counted twice\n"
    )


DATES = [day(2), day(3), day(5), day(6)]


def asked(first: date | None, last: date | None, against: str | None = None) -> ReportRequest:
    return ReportRequest(("labels",), "out", first, last, against)


@pytest.mark.parametrize(
    ("request_", "span", "before"),
    [
        (asked(None, None), Span(day(2), day(6)), None),
        (asked(day(5), None), Span(day(5), day(6)), Span(day(3), day(4))),
        (asked(day(6), day(6)), Span(day(6), day(6)), Span(day(5), day(5))),
        (asked(day(5), day(5)), Span(day(5), day(5)), None),  # day 4 was not scored
        (asked(day(5), day(9), "none"), Span(day(5), day(9)), None),
        (
            asked(day(5), day(6), "2026-11-02:2026-11-03"),
            Span(day(5), day(6)),
            Span(day(2), day(3)),
        ),
        (asked(day(6), day(6), "2026-11-02"), Span(day(6), day(6)), Span(day(2), day(2))),
    ],
)
def test_spans(request_: ReportRequest, span: Span, before: Span | None) -> None:
    assert choose_spans(DATES, request_) == (span, before)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--from", "2026-12-01"],
            "the span is from 2026-12-01 to 2026-11-08, which is earlier; 2026-11-02 to "
            "2026-11-08 were scored",
        ),
        (
            ["--from", "2026-12-01", "--to", "2026-12-02"],
            "no date from 2026-12-01 to 2026-12-02 was scored; of the labels, 2026-11-02 to "
            "2026-11-08 were scored",
        ),
        (["--from", "2026-02-30"], "--from is '2026-02-30'; it must be a day as YYYY-MM-DD"),
        (
            ["--against", "last week"],
            "--against is 'last week'; it must be FROM:TO, two days as YYYY-MM-DD, or none",
        ),
        (
            ["--against", "2026-10-01:2026-10-02"],
            "--against is 2026-10-01 to 2026-10-02: no date of it was scored; 2026-11-02 to "
            "2026-11-08 were scored",
        ),
        (
            ["--from", "2026-11-05", "--against", "2026-11-02:2026-11-05"],
            "--against is 2026-11-02 to 2026-11-05, which shares dates with the span, 2026-11-05 "
            "to 2026-11-08: what moved by chance can be told of separate items alone",
        ),
        (["--min-items", "0"], "--min-items is 0; it must be above 0"),
        (["--top", "0"], "--top is 0; it must be above 0"),
        (["--examples", "-1"], "--examples is -1; it must be at least 0"),
        (["--min-shift", "2"], "--min-shift is 2.0; it must be at most 1"),
        (
            ["--by", "lang,colour"],
            "--by names 'colour'; it groups by audio_emotion, author_id, created_at, hashtag, "
            "hashtags, item_id, lang, lang_detected, modality, model_version, n_tokens, repost, "
            "repost_of, run_id, text_emotion, text_is_cut, truncated, and x_FIELD of a field that "
            "was kept",
        ),
        (
            ["--by", "x_place"],
            "--by names x_place, which no run of --labels has kept; they kept no field",
        ),
    ],
)
def test_a_wrong_flag_is_one_line(
    week: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    out = tmp_path / "report"
    assert mm_emor("report", "--labels", week, "--out", str(out), *flags) == 2
    assert capsys.readouterr().err == f"mm-emor: {message}\n"
    assert not out.exists()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("", "out is empty; it must name a directory"),
        ("report[1]", "out is 'report[1]'; `*`, `?` and `[` cannot stand in it"),
    ],
)
def test_an_out_that_names_no_directory(
    week: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mm_emor("report", "--labels", week, "--out", out) == 2
    assert capsys.readouterr().err == f"mm-emor: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for directory, message in (
        (tmp_path, "holds no _manifest.json: it must be the --out of mm-emor score"),
        (tmp_path / "no", "is not there"),
    ):
        assert mm_emor("report", "--labels", str(directory), "--out", f"{tmp_path}/report") == 2
        assert capsys.readouterr().err == f"mm-emor: --labels {directory} {message}\n"


@pytest.mark.job
def test_what_is_missing_is_told(
    week: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gappy = tmp_path / "gappy"
    for number in (2, 5, 7):
        run = make_run(gappy, day(number))
        labels = make_labels(WEEK, day(number), 20, run.run_id)
        write_run(run, labels, make_dead_letters(WEEK, day(number), 1, run.run_id))
    arguments = [
        "report",
        "--labels",
        str(gappy),
        "--out",
        f"{tmp_path}/report",
        "--json",
        "--from",
    ]
    assert mm_emor(*arguments, "2026-11-05", "--to", "2026-11-07") == 0
    assert json.loads(capsys.readouterr().out)["notes"] == ["No run for 2026-11-06."]
    alone = (
        "None of as many dates right before the span was scored, so nothing is compared and "
        "nothing can raise an alert: --against names other dates."
    )
    assert mm_emor(*arguments, "2026-11-07") == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [alone]
    assert mm_emor(*arguments[:-2], "--from", "2026-11-07") == 0
    assert capsys.readouterr().out == (
        f"Compared with no other dates.\n{alone}\n→ {tmp_path}/report/report.html\n"
    )
    for asked in (["2026-11-07", "--against", "none"], ["2026-11-02"]):
        assert mm_emor(*arguments, *asked) == 0
        assert alone not in json.loads(capsys.readouterr().out)["notes"]


@pytest.mark.job
def test_a_report_lies_apart_from_what_it_reports_on(
    week: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("labels", "reports/../labels/dt=2026-11-02", "dead_letters/"):
        assert mm_emor("report", "--labels", week, "--out", f"{week}/{out}") == 2
        assert f"--out {week}/{out} lies among the " in capsys.readouterr().err
    assert mm_emor("report", "--labels", week, "--out", f"{week}/labels_of_the_week") == 0


@pytest.mark.job
def test_drift_fails_where_it_should(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels"
    write_runs(RandomCorpus(2000, 2, n_hashtags=5, n_authors=5), labels)
    arguments = ["report", "--labels", str(labels), "--out", f"{tmp_path}/report", "--from"]
    arguments += ["2026-11-03", "--fail-on-drift"]
    assert mm_emor(*arguments) == 0
    assert "Nothing moved further than chance" in capsys.readouterr().out

    # The second day again, with every second item angry.
    run = make_run(labels, day(3))
    [path] = (labels / "labels" / "dt=2026-11-03").iterdir()
    rows = pq.read_table(path, partitioning=None)
    emotions = ["anger" if i % 2 else value for i, value in enumerate(rows["emotion"].to_pylist())]
    for name, values in (("emotion", emotions), ("emotions", [[value] for value in emotions])):
        column = rows.schema.field(name)
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, column, pa.array(values, column.type))
    [path] = (labels / "dead_letters" / "dt=2026-11-03").iterdir()
    write_run(run, rows, pq.read_table(path, partitioning=None))
    assert mm_emor(*arguments, "--json") == 1
    told = capsys.readouterr()
    alerts = json.loads(told.out)["alerts"]
    assert any(alert.startswith("Anger rose from ") for alert in alerts)
    assert told.err.startswith(f"mm-emor: {len(alerts)} measures moved further than chance")
    assert mm_emor(*arguments, "--min-shift", "0.9") == 0


@pytest.mark.job
def test_a_failed_run_is_noted(tmp_path: Path, tiny_artifact: Path) -> None:
    corpus = Corpus(tmp_path, tiny_artifact)
    corpus.write("a.jsonl", MORNING)
    corpus.add(max_bad_fraction=0.1)
    made = report_corpus(ReportRequest((f"{tmp_path}/out",), f"{tmp_path}/report"))
    assert made.notes == (f"The run of {DAY} ended with: too many bad items.",)
    assert made == read_report(f"{tmp_path}/report")


@pytest.mark.job
def test_a_date_without_any_item_has_a_report(tmp_path: Path) -> None:
    corpus = RandomCorpus(0, 1)
    write_runs(corpus, tmp_path / "runs")
    made = report_corpus(ReportRequest((f"{tmp_path}/runs",), f"{tmp_path}/report"))
    assert made.tables["run_summary"]["n_items"].to_pylist() == [0]
    assert made.tables["by_hashtag"].num_rows == 0


@pytest.mark.job
def test_a_file_of_labels_that_is_broken_is_named(
    week: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(week, tmp_path / "week")
    [path] = (tmp_path / "week" / "labels" / "dt=2026-11-03").iterdir()
    path.write_bytes(b"cut")
    labels = str(tmp_path / "week")
    assert mm_emor("report", "--labels", labels, "--out", f"{tmp_path}/report") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"{path} is no Parquet file" in line


@pytest.mark.job
def test_a_report_that_was_stopped_leaves_no_earlier_table_when_made_again(
    week: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    report_corpus(ReportRequest((week,), str(out), by=("lang", "truncated")))
    made = report_corpus(ReportRequest((week,), str(tmp_path / "other"), by=("lang",)))
    rename = report_directory.rename_files

    def stop_after_the_record(new_paths: Mapping[str, str]) -> None:
        rename(new_paths)
        if any(path.endswith(".json") for path in new_paths.values()):
            raise OSError("stopped")

    monkeypatch.setattr(report_directory, "rename_files", stop_after_the_record)
    with pytest.raises(OSError, match="stopped"):
        report_directory.write_report(made, str(out))
    monkeypatch.undo()
    report_directory.write_report(made, str(out))
    assert not (out / "by_truncated.parquet").exists()


@pytest.mark.job
def test_a_report_that_fails_leaves_the_earlier_one_alone(
    week: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    made = report_corpus(ReportRequest((week,), str(out), by=("lang",)))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    stage = report_directory.stage_file

    def fill_the_disk(path: str, content: bytes | memoryview, temporary_dir: str) -> str:
        if path.endswith("report.json"):  # the last of them
            raise OSError("the disk is full")
        return stage(path, content, temporary_dir)

    monkeypatch.setattr(report_directory, "stage_file", fill_the_disk)
    with pytest.raises(OSError, match="the disk is full"):
        report_directory.write_report(replace(made, command="another"), str(out))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.job
def test_a_broken_record_is_told(week: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"report\.json is no record of a report: span: Field required$"
    ):
        report_corpus(ReportRequest((week,), str(tmp_path)))
