"""Which run `--only-new` adds to: one of the same kind, as it was published."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.runs import publish, write_manifest
from beam_jobs.runs.if_done import IfDone
from beam_jobs.runs.manifest import Manifest, RunCounts, RunManifest, Status, read_manifest
from beam_jobs.runs.only_new import run_to_extend
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.run import EarlierRun
from beam_jobs.runs.verify import verify_tree
from beam_jobs.scoring.scoring_result import ScoringResult
from model.errors import UserError
from tests.support.growing_corpus import DAY, EVENING, MORNING, Corpus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def corpus(tmp_path: Path, tiny_artifact: Path) -> Corpus:
    return Corpus(tmp_path, tiny_artifact)


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

    module, function = {
        "counting": (write_manifest, "read_counts"),
        "renaming": (publish, "publish_file"),
        "removing": (write_manifest, "remove_superseded"),
    }[dies]
    with monkeypatch.context() as patch:
        patch.setattr(module, function, die)
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

    def replace_first_run(out: str, run: RunManifest, *, adds: bool) -> tuple[WrittenFile, ...]:
        monkeypatch.undo()
        result = corpus.score(only_new=False, batch_size=1)
        assert isinstance(result, ScoringResult)
        replaced.append(result.manifest)
        return publish.publish_run(out, run, adds=adds)

    monkeypatch.setattr(write_manifest, "publish_run", replace_first_run)
    message = "which another run has replaced" if has_run else "and --only-new replaces none"
    with pytest.raises(Exception, match=f"{message}; start it again"):
        corpus.score()
    published = read_manifest(f"{corpus.directory}/out")
    assert published is not None
    assert [published.runs[DAY]] == replaced
    assert verify_tree(f"{corpus.directory}/out").faults == ()


@pytest.mark.parametrize(
    ("setting", "then", "now", "message"),
    [
        ("author_key", None, "1b", "with the author key None, and it is 1b now"),
        ("author_key", "0a", "1b", "with the author key 0a, and it is 1b now"),
        ("redact_text", False, True, "with --redact-text False, and it is True now"),
        (
            "engine",
            {"name": "tensorflow", "precision": "float32"},
            {"name": "openvino", "precision": "float32"},
            r"with the engine \{'name': 'tensorflow', .*, and it is \{'name': 'openvino', .* now",
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
        (
            {"if_done": IfDone.SKIP},
            "adds to a complete date, which --if-done skip leaves alone",
        ),
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
