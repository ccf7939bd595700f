"""`--only-new`: what came since is added to the date, and no item is labelled twice."""

import json
import os
import shutil
import zlib
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_jobs import launch, manifest
from beam_jobs.cli import app, run_command
from beam_jobs.join import (
    FileVerdicts,
    LoneClip,
    Standing,
    index_labels,
    judge_partition,
    partition_of,
)
from beam_jobs.launch import ScoringRequest, ScoringResult, score_corpus
from beam_jobs.manifest import Manifest, RunCounts, RunManifest, Status, read_manifest
from beam_jobs.only_new import NothingNew, run_to_extend
from beam_jobs.run import EarlierRun
from beam_jobs.verify import verify_tree
from model.errors import UserError
from schemas.reports import REPORT_SCHEMAS
from tests.model.clips import encode, speech_like

DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MORNING = [
    {"id": "1", "text": "the rain #wet", "lang": "en", "created_at": "2026-11-22T08:00:00Z"},
    {"id": "2", "text": "sad", "lang": "en", "created_at": "2026-11-22T09:00:00Z"},
    {"id": "bad"},
]
EVENING = [
    {"id": "3", "text": "so glad #wet", "lang": "de", "created_at": "2026-11-22T20:00:00Z"},
    {"id": "4"},
]


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
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.parquet")}


@pytest.fixture
def corpus(tmp_path: Path, tiny_artifact: Path) -> Corpus:
    return Corpus(tmp_path, tiny_artifact)


def names(entry: RunManifest) -> list[str]:
    return [Path(file.path).name for file in entry.inputs]


def without_run_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: cell for name, cell in row.items() if name != "run_id"} for row in rows]


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
    assert len(second.outputs) == 2 + 2 + len(REPORT_SCHEMAS)

    # All is as if both files had been there from the start.
    assert isinstance(corpus.score("at_once", only_new=False, batch_size=1), ScoringResult)
    for table in ("labels", "dead_letters", *(f"reports/{name}" for name in REPORT_SCHEMAS)):
        ours, at_once = (without_run_id(corpus.rows(table, out=out)) for out in ("out", "at_once"))
        if table in ("labels", "dead_letters"):  # in two files, each in order
            ours.sort(key=lambda row: row["item_id"])
            at_once.sort(key=lambda row: row["item_id"])
        assert ours == at_once, table


def test_the_first_run_is_as_without_the_flag(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    assert isinstance(corpus.score("plain", only_new=False), ScoringResult)
    assert corpus.data_files() == corpus.data_files("plain")


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
    start = lines.index("labels        3  (text 3)")
    assert lines[start + 1] == "dead letters  1"
    assert lines[start + 3 : start + 5] == ["new items     1", "already scored  2"]


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


@pytest.mark.parametrize("dies", ["counting", "renaming", "removing"])
def test_a_run_that_died_and_is_started_again_ends_the_same(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    shutil.copytree(corpus.directory / "out", corpus.directory / "undisturbed")
    corpus.write("b.jsonl", EVENING)
    assert isinstance(corpus.score("undisturbed"), ScoringResult)

    def die(*_: object) -> None:
        raise MemoryError("the worker dies")

    function = {
        "counting": "count_items",
        "renaming": "publish_file",
        "removing": "remove_superseded",
    }[dies]
    with monkeypatch.context() as patch:
        patch.setattr(manifest, function, die)
        with pytest.raises(Exception, match="the worker dies"):
            corpus.score()
    corpus.score()
    assert corpus.data_files() == corpus.data_files("undisturbed")
    # In the third case there is nothing left to do: another run may be at work in there.
    assert bool(list((corpus.directory / "out").glob("_tmp*"))) is (dies == "removing")
    assert verify_tree(f"{corpus.directory}/out").faults == ()
    ours, undisturbed = (
        read_manifest(f"{corpus.directory}/{out}") for out in ("out", "undisturbed")
    )
    assert ours is not None
    assert undisturbed is not None
    assert ours.runs[DAY].run_id == undisturbed.runs[DAY].run_id
    assert ours.runs[DAY].extends == undisturbed.runs[DAY].extends
    assert ours.runs[DAY].outputs == undisturbed.runs[DAY].outputs


@pytest.mark.parametrize("has_run", [True, False])
def test_a_run_whose_date_got_another_meanwhile_is_not_published(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, has_run: bool
) -> None:
    corpus.write("a.jsonl", MORNING)
    if has_run:
        corpus.add()
    corpus.write("b.jsonl", EVENING)
    replaced: list[RunManifest] = []

    def replace_first_run(
        out: str, run: RunManifest, *, adds: bool
    ) -> tuple[manifest.WrittenFile, ...]:
        monkeypatch.undo()
        result = corpus.score(only_new=False, batch_size=1)
        assert isinstance(result, ScoringResult)
        replaced.append(result.manifest)
        return manifest.publish_run(out, run, adds=adds)

    monkeypatch.setattr(manifest, "publish_run", replace_first_run)
    message = "which another run has replaced" if has_run else "and --only-new replaces none"
    with pytest.raises(Exception, match=f"{message}; start it again"):
        corpus.score()
    published = read_manifest(f"{corpus.directory}/out")
    assert published is not None
    assert [published.runs[DAY]] == replaced
    assert verify_tree(f"{corpus.directory}/out").faults == ()


def test_a_failed_date_takes_more_items(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    assert corpus.add(max_bad_fraction=0.2).status is Status.TOO_MANY_BAD_ITEMS
    corpus.write("b.jsonl", [{"id": str(n), "text": "rain"} for n in range(10, 14)])
    assert corpus.add(max_bad_fraction=0.2).status is Status.COMPLETE


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


@pytest.mark.parametrize(
    ("setting", "then", "now", "message"),
    [
        ("author_key", None, "1b", "with the author key None, and it is 1b now"),
        ("author_key", "0a", "1b", "with the author key 0a, and it is 1b now"),
        ("redact_text", False, True, "with --redact-text False, and it is True now"),
        (
            "engine",
            {"name": "tensorflow", "precision": "float32"},
            {"name": "onnx", "precision": "float32"},
            r"with the engine \{'name': 'tensorflow', .*, and it is \{'name': 'onnx', .* now",
        ),
    ],
)
def test_rows_of_another_kind_are_not_mixed_in(
    setting: str, then: object, now: object, message: str
) -> None:
    entry = RunManifest(
        *(Status.COMPLETE, "0a", DAY, "v", NOON, NOON, RunCounts({}, {})), settings={setting: then}
    )
    published = Manifest(runs={DAY: entry})
    assert run_to_extend(published, DAY, "v", {setting: then}) == EarlierRun(("0a",), (), ())
    with pytest.raises(UserError, match=f"{DAY} was scored {message}: score the date without"):
        run_to_extend(published, DAY, "v", {setting: now})


def test_an_entry_from_before_privacy_has_none() -> None:
    entry = RunManifest(Status.COMPLETE, "0a", DAY, "v", NOON, NOON, RunCounts({}, {}))
    public = {"min_confidence": 0.0, "author_key": None, "redact_text": False}
    assert run_to_extend(Manifest(runs={DAY: entry}), DAY, "v", public) is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"if_done": "skip"}, "--only-new adds to a complete date, which --if-done skip leaves"),
        ({"min_confidence": 0.5}, r"2026-11-22 was scored with --min-confidence 0\.0, and it is "),
    ],
)
def test_mistakes(corpus: Corpus, changes: dict[str, Any], message: str) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    corpus.write("b.jsonl", EVENING)
    before = corpus.data_files()
    with pytest.raises(UserError, match=message):
        corpus.score(**changes)
    assert corpus.data_files() == before


def test_another_model_is_not_mixed_in(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    path = corpus.directory / "out" / "_manifest.json"
    content = json.loads(path.read_bytes())
    content["runs"]["2026-11-22"]["model_version"] = "another"
    path.write_text(json.dumps(content))
    corpus.write("b.jsonl", EVENING)
    with pytest.raises(UserError, match="2026-11-22 was scored with model another, and --model is"):
        corpus.score()


def test_a_run_without_the_flag_replaces_all_that_was_added(corpus: Corpus) -> None:
    corpus.write("a.jsonl", MORNING)
    corpus.add()
    corpus.write("b.jsonl", EVENING)
    corpus.add()
    entry = corpus.add(only_new=False)
    assert (entry.extends, entry.already_scored) == ((), 0)
    assert {row["run_id"] for row in corpus.rows("labels")} == {entry.run_id}
    assert corpus.ids() == ["1", "2", "3"]


def test_published_ids_go_to_their_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beam_jobs.join.MAX_BUFFERED_IDS", 7)
    path = tmp_path / "labels.parquet"
    ids = [f"id{number}" for number in range(50)]
    pq.write_table(pa.table({"item_id": ids, "emotion": ["joy"] * 50}), path)
    packs = list(index_labels(str(path)))
    for number in {partition_of(item_id) for item_id in ids}:
        groups = {
            "packs": [],
            "clips": [f"{item_id}.wav" for item_id in ids if partition_of(item_id) == number],
            "labelled": [pack for partition, pack in packs if partition == number],
        }
        found = list(judge_partition(number, groups))
        assert found == [
            LoneClip(item_id, (f"{item_id}.wav",), already_scored=True)
            for item_id in sorted(ids)
            if partition_of(item_id) == number
        ]
        groups["labelled"] = []
        assert not any(verdict.already_scored for verdict in judge_partition(number, groups))


def test_a_partition_takes_only_the_published_ids_that_it_reads() -> None:
    def pack(content: object) -> bytes:
        return zlib.compress(orjson.dumps(content))

    groups = {
        "packs": [pack(["a.jsonl", [["1", 1, 0, Standing.FULL], ["2", 2, 0, Standing.FULL]]])],
        "clips": ["3.wav"],
        "labelled": [pack(["2", "3", "of last year"])],
    }
    assert list(judge_partition(0, groups)) == [
        FileVerdicts("a.jsonl", already_scored=frozenset({(2, 0)})),
        LoneClip("3", ("3.wav",), already_scored=True),
    ]


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "c", "d", None])},
        optional={"text": st.sampled_from(["rain", " ", 5, "sad"])},
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(
        # A file of its own, or lines at the end of the first one, which with none is only touched.
        st.tuples(RECORDS, st.sampled_from([DAY, NEXT_DAY]), st.booleans()),
        max_size=3,
    )
)
def test_no_item_is_labelled_twice_and_none_is_lost(
    tiny_artifact: Path,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[tuple[list[dict[str, Any]], date, bool]],
) -> None:
    corpus = Corpus(tmp_path_factory.mktemp("corpus"), tiny_artifact)
    n_records = dict.fromkeys((DAY, NEXT_DAY), 0)
    files: dict[str, list[dict[str, Any]]] = {}
    expected: set[str] = set()
    for number, (records, day, grows) in enumerate(batches):
        name = "0.jsonl" if grows else f"{number}.jsonl"
        files[name] = files.get(name, []) + records
        corpus.write(name, files[name])
        os.utime(corpus.directory / name, (0, 1_800_000_000 + number))
        corpus.add(run_date=day)  # finds every file, of which only this one is new
        n_records[day] += len(files[name])
        # Of an id the first record with a text is kept; a blank one takes the later ones with it.
        first: dict[str, str] = {}
        for record in files[name]:
            if record["id"] and record.get("text") in ("rain", " ", "sad"):
                first.setdefault(record["id"], record["text"])
        expected |= {item_id for item_id, text in first.items() if text != " "}
    labelled: list[str] = []
    refused: Counter[str] = Counter()
    days = {day for _, day, _ in batches}
    for day in days:
        published = read_manifest(f"{corpus.directory}/out")
        assert published is not None
        entry = published.runs[day]
        labelled += corpus.ids(day)
        n_left_out = entry.already_scored + entry.already_refused
        assert entry.counts.n_items + n_left_out == n_records[day]
        refused.update(row["source"] for row in corpus.rows("dead_letters", day))
        assert (entry.counts.n_labels, entry.counts.n_dead) == (
            len(corpus.ids(day)),
            len(corpus.rows("dead_letters", day)),
        )
    assert sorted(labelled) == sorted(set(labelled))
    if len(days) == 1:  # lines are only appended: none moves, and none is refused twice
        assert set(refused.values()) <= {1}
    assert set(labelled) == expected
