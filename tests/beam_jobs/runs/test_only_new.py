"""`--only-new`: what came since is added to the date, and no item is labelled twice."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.commands.cli import app
from beam_jobs.commands.exit_code import run_command
from beam_jobs.runs.manifest import RunManifest, Status, read_manifest
from beam_jobs.runs.only_new import NothingNew
from beam_jobs.runs.verify import verify_tree
from beam_jobs.scoring import launch
from beam_jobs.scoring.scoring_result import ScoringResult
from model.errors import UserError
from schemas.reports import REPORT_SCHEMAS
from tests.support.clips import encode, speech_like
from tests.support.growing_corpus import (
    DAY,
    EVENING,
    MORNING,
    NEXT_DAY,
    Corpus,
)


def names(entry: RunManifest) -> list[str]:
    return [Path(file.path).name for file in entry.inputs]


def without_run_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: cell for name, cell in row.items() if name != "run_id"} for row in rows]


@pytest.mark.job
def test_a_late_file_is_added_to_its_date(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    # The last bits of a score can differ with the batch that it is computed in.
    first = corpus.add(batch_size=1)
    before = corpus.data_files()
    corpus.write("b.jsonl", EVENING)
    second = corpus.add(batch_size=1)

    assert (first.extends, first.already_scored) == ((), 0)
    assert (second.extends, second.already_scored) == ((first.run_id,), 0)
    assert second.run_id != first.run_id
    assert names(second) == ["a.jsonl", "b.jsonl"]
    assert second.counts.labels_by_modality == {"text": 3}
    assert second.counts.dead_letters_by_reason == {"no_content": 2}
    run_ids = {row["item_id"]: row["run_id"] for row in corpus.rows("labels")}
    assert run_ids == {"1": first.run_id, "2": first.run_id, "3": second.run_id}
    run_ids = {row["item_id"]: row["run_id"] for row in corpus.rows("dead_letters")}
    assert run_ids == {"bad": first.run_id, "4": second.run_id}

    after = corpus.data_files()
    kept = {path for path in before if not path.startswith("reports/")}
    assert {path: after[path] for path in kept} == {path: before[path] for path in kept}
    assert len(kept) == 2
    assert after.keys() == {file.path for file in second.outputs}
    assert len(second.outputs) == 2 + 2 + len(REPORT_SCHEMAS) + 1

    # All is as if both files had been there from the start.
    assert isinstance(corpus.score("at_once", only_new=False, batch_size=1), ScoringResult)
    for table in ("labels", "dead_letters", *(f"reports/{name}" for name in REPORT_SCHEMAS)):
        ours, at_once = (without_run_id(corpus.rows(table, out=out)) for out in ("out", "at_once"))
        if table in ("labels", "dead_letters"):  # in two files, each in order
            ours.sort(key=lambda row: row["item_id"])
            at_once.sort(key=lambda row: row["item_id"])
        assert ours == at_once, table


@pytest.mark.job
def test_the_first_run_is_as_without_the_flag(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    assert isinstance(corpus.score("plain", only_new=False), ScoringResult)
    assert corpus.data_files() == corpus.data_files("plain")


@pytest.mark.job
def test_of_a_changed_file_the_new_items_are_scored(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    first = corpus.add()
    # The item that was refused has a text now; "2" stands twice; what is broken has no id.
    changed = [*MORNING[:2], {"id": "bad", "text": "mended"}, MORNING[1], *EVENING[:1]]
    corpus.write("a.jsonl", changed)
    second = corpus.add()

    assert corpus.ids() == ["1", "2", "3", "bad"]
    assert corpus.refused() == ["bad"]  # of the file as it was
    assert second.already_scored == 3
    assert names(second) == ["a.jsonl", "a.jsonl"]
    assert len(set(second.inputs)) == 2
    assert second.counts.dead_letters_by_reason == first.counts.dead_letters_by_reason
    [summary] = corpus.rows("reports/run_summary")
    assert (summary["n_labels"], summary["n_dead"]) == (4, 1)

    third = corpus.score()
    assert isinstance(third, NothingNew)
    os.utime(corpus.directory / "a.jsonl", (0, 1_800_000_000))  # the same again, as a new version
    fourth = corpus.add()
    assert fourth.extends == (first.run_id, second.run_id)
    assert (fourth.already_scored, fourth.counts) == (3 + 5, second.counts)
    assert corpus.ids() == ["1", "2", "3", "bad"]


@pytest.mark.job
def test_of_a_file_that_grows_no_dead_letter_is_written_twice(corpus: Corpus) -> None:
    path = corpus.directory / "a.jsonl"
    lines = [
        '{"id": "1", "text": "rain"}',
        "nope",
        '{"id": "bad"}',
        "nope",
        '{"id": "2", "text": 5}',
    ]
    path.write_text("\n".join(lines) + "\n")
    first = corpus.add()
    before = sorted(row["source"] for row in corpus.rows("dead_letters"))
    assert before == [f"{path}:{line}" for line in (2, 3, 4, 5)]
    # A line comes in front: every other one moves. One "nope" more, and what was broken is mended.
    lines = ['{"id": "3", "text": "sad"}', *lines[:4], '{"id": "2", "text": "mended"}', "nope"]
    path.write_text("\n".join(lines) + "\n")
    second = corpus.add()
    letters = [row for row in corpus.rows("dead_letters") if row["run_id"] == second.run_id]
    assert [(row["source"], row["payload"]) for row in letters] == [(f"{path}:7", "nope")]
    assert (second.already_scored, second.already_refused) == (1, 3)
    assert second.counts.dead_letters_by_reason == {
        **first.counts.dead_letters_by_reason,
        "broken_json": 3,
    }
    assert corpus.ids() == ["1", "2", "3"]
    os.utime(path, (0, 1_800_000_000))
    third = corpus.add()
    assert third.counts == second.counts
    assert (third.already_scored, third.already_refused) == (1 + 3, 3 + 4)


@pytest.mark.job
def test_a_line_that_looks_like_an_earlier_one_is_new(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where texts are hidden a payload is but a length, and of a long line it is the start."""
    path = corpus.directory / "a.jsonl"
    path.write_text('{"id": "1", "text": "rain"}\nnope\n' + "x" * 5000 + "1\n")
    with pytest.raises(UserError, match=r"^--only-new with --redact-text needs a key in MM_EMOR"):
        corpus.score(redact_text=True)
    monkeypatch.setenv("MM_EMOR_AUTHOR_KEY", "k" * 16)
    first = corpus.add(redact_text=True)
    # What was broken is mended, and other lines, as long as they were, have broken.
    path.write_text('{"id": "1", "text": "rain"}\nhope\n' + "x" * 5000 + "2\nnope\n")
    second = corpus.add(redact_text=True)
    letters = [row for row in corpus.rows("dead_letters") if row["run_id"] == second.run_id]
    assert [(row["source"], row["payload"]) for row in letters] == [
        (f"{path}:2", "[4 characters]"),
        (f"{path}:3", "[5001 characters]"),
    ]
    assert (first.counts.n_dead, second.counts.n_dead, second.already_refused) == (2, 4, 1)


@pytest.mark.job
def test_where_nothing_is_new_nothing_changes(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.write("b.jsonl", EVENING)
    corpus.add()
    out = corpus.directory / "out"
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    monkeypatch.delattr(launch, "_run_pipeline")
    entry = read_manifest(str(out)).runs[DAY]  # type: ignore[union-attr]
    assert corpus.score() == NothingNew(DAY, 2, entry)

    arguments = ["score", "--items", f"{corpus.directory}/*.jsonl", "--out", str(out)]
    arguments += ["--model", str(corpus.artifact), "--date", str(DAY), "--only-new"]
    assert run_command(lambda: app(arguments, standalone_mode=False)) == 0
    assert capsys.readouterr() == (
        "2026-11-22: nothing is new, published runs have read all 2 files; nothing was done.\n",
        "",
    )
    assert run_command(lambda: app([*arguments, "--json"], standalone_mode=False)) == 0
    assert json.loads(capsys.readouterr().out) == {
        "status": "nothing_new",
        "skipped": True,
        "date": "2026-11-22",
    }
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.job
def test_an_item_of_another_date_stays_there(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    before = corpus.data_files()
    (corpus.directory / "a.jsonl").unlink()
    corpus.write("b.jsonl", [MORNING[0], *EVENING, {"id": "bad", "text": "mended"}])
    arguments = ["score", "--items", f"{corpus.directory}/*.jsonl", "--out"]
    arguments += [f"{corpus.directory}/out", "--model", str(corpus.artifact), "--only-new"]
    arguments += ["--date", str(NEXT_DAY)]
    assert run_command(lambda: app(arguments, standalone_mode=False)) == 0
    assert "\nalready scored  1\n" in capsys.readouterr().out

    assert corpus.ids(NEXT_DAY) == ["3", "bad"]
    assert corpus.refused(NEXT_DAY) == ["4"]
    published = read_manifest(f"{corpus.directory}/out")
    assert published is not None
    entry = published.runs[NEXT_DAY]
    assert (entry.extends, entry.already_scored, entry.counts.n_items) == ((), 1, 3)
    after = corpus.data_files()
    assert {path: after[path] for path in before} == before
    assert verify_tree(f"{corpus.directory}/out").faults == ()

    # What the summary says of a date is of all its runs, but for what is new.
    corpus.write("c.jsonl", [MORNING[1], {"id": "5", "text": "rain"}])
    assert run_command(lambda: app(arguments, standalone_mode=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("labels        3  (mean confidence ") for line in lines)
    assert "dead letters  1  (25.0\xa0% of the items)" in lines
    start = lines.index("modalities    text 3")
    assert lines[start + 1 : start + 3] == ["new items     1", "already scored  2"]


@pytest.mark.job
def test_clips_that_came_late(corpus: Corpus) -> None:
    clips = corpus.directory / "clips"
    clips.mkdir()
    clip = encode(speech_like(0.3), 16_000, "wav")
    (clips / "lone.wav").write_bytes(clip)
    corpus.write("a.jsonl", MORNING[:1])
    corpus.add()
    # One of a labelled tweet, another of a labelled clip, one of a new tweet, one on its own.
    for name in ("1.wav", "lone.flac", "3.wav", "new.wav"):
        (clips / name).write_bytes(clip)
    corpus.write("b.jsonl", [*EVENING[:1], {"id": "lone", "text": "of a clip that is labelled"}])
    entry = corpus.add()
    modalities = {row["item_id"]: row["modality"] for row in corpus.rows("labels")}
    assert modalities == {"1": "text", "lone": "audio", "3": "text+audio", "new": "audio"}
    assert (entry.already_scored, entry.counts.n_dead) == (2, 0)


@pytest.mark.job
def test_a_failed_date_takes_more_items(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    assert corpus.add(max_bad_fraction=0.2).status is Status.TOO_MANY_BAD_ITEMS
    corpus.write("b.jsonl", [{"id": str(n), "text": "rain"} for n in range(10, 14)])
    assert corpus.add(max_bad_fraction=0.2).status is Status.COMPLETE


@pytest.mark.job
def test_what_decides_the_rows_decides_the_run_id(corpus: Corpus) -> None:
    """The same late file gives another run after other runs."""
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    late = {"items": (f"{corpus.directory}/b.jsonl",)}
    corpus.write("b.jsonl", EVENING)
    alone = corpus.score("alone", **late)
    added = corpus.add(**late)
    assert isinstance(alone, ScoringResult)
    assert added.run_id != alone.manifest.run_id


@pytest.mark.job
def test_where_nothing_is_new_a_failed_date_has_failed_still(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add(max_bad_fraction=0.2)
    staged = corpus.directory / "out" / f"_tmp.dt={DAY}" / "of another run" / "rows.0"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"half")
    arguments = ["score", "--items", f"{corpus.directory}/*.jsonl", "--out"]
    arguments += [f"{corpus.directory}/out", "--model", str(corpus.artifact), "--only-new"]
    assert run_command(lambda: app([*arguments, "--date", str(DAY)], standalone_mode=False)) == 1
    stdout, stderr = capsys.readouterr()
    assert stdout.startswith(f"{DAY}: nothing is new")
    assert stderr.startswith("mm-emor: 1 of 3 items were refused, more than --max-bad-fraction")
    assert staged.exists()
    # Of a date without a run of its own there is nothing to complain of.
    other = [*arguments, "--date", str(NEXT_DAY)]
    assert run_command(lambda: app(other, standalone_mode=False)) == 0


@pytest.mark.job
def test_a_run_without_the_flag_replaces_all_that_was_added(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    corpus.write("b.jsonl", EVENING)
    corpus.add()
    entry = corpus.add(only_new=False)
    assert (entry.extends, entry.already_scored) == ((), 0)
    assert {row["run_id"] for row in corpus.rows("labels")} == {entry.run_id}
    assert corpus.ids() == ["1", "2", "3"]
