"""The whole job: equal to the scorer called directly, and each item in one place."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beam_jobs.commands.failure import explain_failure
from beam_jobs.runs.if_done import IfDone
from beam_jobs.runs.manifest import Status, read_manifest
from beam_jobs.scoring import launch
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.scoring_result import ScoringResult
from model.errors import ArtifactError, UserError
from model.scoring.scorer import EmotionScorer
from schemas.dead_letters import DEAD_LETTER_SCHEMA, REASON_MEANINGS, Reason
from schemas.labels import label_schema
from schemas.reports import REPORT_SCHEMAS
from tests.support.make_tiny_artifact import OPENVINO
from tests.support.scoring_runs import CORPUS, DAY, labels_by_id, read, request_for, write_items


@pytest.fixture(scope="module")
def sample(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus, scored once."""
    out = tmp_path_factory.mktemp("sample") / "out"
    assert score_corpus(request_for(out, tiny_artifact)).manifest.status == Status.COMPLETE
    return out


def test_each_item_of_the_sample_corpus_ends_where_it_should(sample: Path) -> None:
    expected = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
    labels = labels_by_id(sample)
    letters = read(sample, "dead_letters").to_pylist()
    assert len(labels) + len(letters) == expected["items"]
    modalities = [row["modality"] for row in labels.values()]
    assert {name: modalities.count(name) for name in set(modalities)} == expected["by_modality"]
    refused = [(row["item_id"] or "", row["reason"]) for row in letters]
    assert sorted(refused) == sorted(
        (row["item_id"] or "", row["reason"]) for row in expected["dead"]
    )


def test_schemas_are_as_published(sample: Path, tiny_artifact: Path) -> None:
    emotions = EmotionScorer.load(tiny_artifact, OPENVINO).emotions
    assert read(sample, "labels").schema.equals(label_schema(emotions))
    assert read(sample, "dead_letters").schema.equals(DEAD_LETTER_SCHEMA)
    for name, schema in REPORT_SCHEMAS.items():
        assert read(sample, f"reports/{name}").schema.equals(schema), name


def test_labels_equal_the_scorer_called_directly(sample: Path, tiny_artifact: Path) -> None:
    scorer = EmotionScorer.load(tiny_artifact, OPENVINO)
    labels = labels_by_id(sample)
    clips = {path.stem: path for path in sorted((CORPUS / "clips").iterdir())}
    records = [
        json.loads(line)
        for line in (CORPUS / "tweets.jsonl").read_text(encoding="utf-8").split("\n")
        if line and "item_id" in line and line.endswith("}")
    ]
    checked = 0
    for record in records:
        label = labels.get(str(record["item_id"]))
        if label is None:
            continue
        clip = clips.get(record["item_id"])
        item = scorer.preprocess(record.get("text"), clip.read_bytes() if clip else None)
        [scores] = scorer.score([item])
        assert label["modality"] == str(scores.modality)
        ours = list(label["scores"].values())
        np.testing.assert_allclose(ours, scores.scores, atol=1e-5)
        assert label["emotion"] == scorer.emotions[int(np.argmax(ours))]
        assert label["confidence"] == max(ours)
        assert (label["n_tokens"], label["truncated"]) == (item.n_tokens, item.truncated)
        checked += 1
    assert checked == 85


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_sizes_give_the_same_rows(
    sample: Path, tiny_artifact: Path, tmp_path: Path, batch_size: int
) -> None:
    assert_same_rows(sample, tiny_artifact, tmp_path, batch_size=batch_size)


TWO_PROCESSES = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [7, 64])
def test_two_processes_give_the_same_rows(
    sample: Path, tiny_artifact: Path, tmp_path: Path, batch_size: int
) -> None:
    settings = {"batch_size": batch_size, "beam_flags": TWO_PROCESSES}
    assert_same_rows(sample, tiny_artifact, tmp_path, **settings)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("flags", [(), TWO_PROCESSES])
def test_tensorflow_gives_the_same_rows(
    sample: Path, tiny_artifact: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    settings = {"engine": "tensorflow", "precision": "float32", "beam_flags": flags}
    assert_same_rows(sample, tiny_artifact, tmp_path, **settings)


def assert_same_rows(sample: Path, artifact: Path, out: Path, **changes: Any) -> None:
    score_corpus(request_for(out, artifact, **changes))
    assert_same_labels(labels_by_id(sample), labels_by_id(out))
    ours, theirs = (read(each, "dead_letters") for each in (out, sample))
    assert ours.drop_columns("run_id").equals(theirs.drop_columns("run_id"))


def assert_same_labels(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    floats = {"scores", "confidence", "disagreement"}
    for item_id, row in one.items():
        for name, value in row.items():
            if name == "run_id":  # the batch size is part of it
                continue
            if name in floats and value is not None:
                values = [
                    list(cell.values()) if isinstance(cell, dict) else cell
                    for cell in (value, other[item_id][name])
                ]
                np.testing.assert_allclose(*values, atol=1e-4)
            else:
                assert other[item_id][name] == value, (item_id, name)


def test_running_a_date_again_gives_the_same_bytes(
    sample: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    score_corpus(request_for(tmp_path, tiny_artifact))
    first, second = (
        {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("part-*"))}
        for out in (sample, tmp_path)
    )
    assert first == second
    assert len(first) == 2 + len(REPORT_SCHEMAS) + 1


def test_another_model_replaces_the_date(tiny_artifact: Path, tmp_path: Path) -> None:
    items = tmp_path / "tweets.jsonl"
    write_items(items, [{"id": "1", "text": "rain"}])
    out = tmp_path / "out"
    only_text = {"items": (str(items),), "clips": (), "audio_roots": ()}
    first = score_corpus(request_for(out, tiny_artifact, **only_text))
    write_items(items, [{"id": "2", "text": "sad"}])
    second = score_corpus(request_for(out, tiny_artifact, **only_text))
    assert first.manifest.run_id != second.manifest.run_id
    assert set(labels_by_id(out)) == {"2"}
    assert not any(first.manifest.run_id in path.name for path in out.rglob("*"))


def test_a_complete_date_is_skipped_when_asked(
    sample: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(sample, tmp_path / "out"))
    result = score_corpus(request_for(out, tiny_artifact, if_done=IfDone.SKIP))
    assert result.skipped
    assert result.manifest.run_id == score_corpus(request_for(out, tiny_artifact)).manifest.run_id


def test_skipping_removes_what_a_killed_run_left(
    sample: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(sample, tmp_path / "out"))
    before = {path for path in out.rglob("*") if path.is_file()}
    for killed in (out / "labels" / f"dt={DAY}", out / f"_tmp.dt={DAY}" / "0123" / "labels"):
        killed.mkdir(parents=True, exist_ok=True)
        (killed / "part-0123-00000-of-00001.parquet").write_bytes(b"")
    assert score_corpus(request_for(out, tiny_artifact, if_done=IfDone.SKIP)).skipped
    assert {path for path in out.rglob("*") if path.is_file()} == before
    assert not list(out.glob("_tmp*"))


@pytest.mark.parametrize("published", [False, True])
def test_a_job_that_publishes_nothing_is_told_from_an_earlier_run(
    sample: Path,
    tiny_artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    published: bool,
) -> None:
    out = tmp_path / "out"
    if published:  # with the same run id, an hour or a second before
        shutil.copytree(sample, out)
    monkeypatch.setattr(launch, "_run_pipeline", lambda *_: (0.0, None))
    with pytest.raises(RuntimeError, match="the job ended without publishing its run"):
        score_corpus(request_for(out, tiny_artifact))


def test_the_batch_size_is_part_of_the_run(sample: Path) -> None:
    manifest = read_manifest(str(sample))
    assert manifest is not None
    assert manifest.runs[DAY].settings["batch_size"] == 256


@pytest.mark.parametrize(
    ("name", "message"),
    [("", r"_manifest\.json is not a manifest"), ("_manifest.json", "is a file; it must be")],
)
def test_an_output_directory_that_will_not_do_is_told_before_the_job(
    tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    (tmp_path / "_manifest.json").write_bytes(b"{")
    monkeypatch.delattr(launch, "_run_pipeline")
    with pytest.raises(UserError, match=message):
        score_corpus(request_for(tmp_path / name, tiny_artifact))
    assert [path.name for path in tmp_path.iterdir()] == ["_manifest.json"]


def test_an_empty_corpus_gives_empty_outputs(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_bytes(b"")
    result = score_corpus(
        request_for(tmp_path / "out", tiny_artifact, items=(f"{tmp_path}/tweets.jsonl",), clips=())
    )
    assert result.manifest.status == Status.COMPLETE
    assert read(tmp_path / "out", "labels").num_rows == 0
    assert read(tmp_path / "out", "dead_letters").num_rows == 0
    assert read(tmp_path / "out", "reports/run_summary").to_pylist()[0]["n_items"] == 0


def test_too_many_bad_items_fail_the_run_and_keep_its_rows(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\nnope\n{"id": "2"}\n')
    out = tmp_path / "out"
    request = request_for(
        out, tiny_artifact, items=(f"{tmp_path}/tweets.jsonl",), clips=(), max_bad_fraction=0.6
    )
    result = score_corpus(request)
    assert result.manifest.status == Status.TOO_MANY_BAD_ITEMS
    assert set(labels_by_id(out)) == {"1"}
    assert failure(result, out) == (
        "2 of 3 items were refused, more than --max-bad-fraction; the leading reason is "
        f"broken_json (1: {REASON_MEANINGS[Reason.BROKEN_JSON]}); see {out}/dead_letters"
    )


def test_a_lost_file_fails_the_run(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\n')
    (tmp_path / "more.jsonl.gz").write_bytes(b"\x1f\x8bnot gzip at all")
    out = tmp_path / "out"
    result = score_corpus(
        request_for(out, tiny_artifact, items=(f"{tmp_path}/*.jsonl*",), clips=())
    )
    assert result.manifest.status == Status.LOST_FILE
    assert set(labels_by_id(out)) == {"1"}
    assert "1 input file(s) could not be read to the end" in str(failure(result, out))


def failure(result: ScoringResult, out: Path) -> str | None:
    return explain_failure(result, str(out))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"items": ("/nowhere/*.jsonl",)}, UserError, r"no file matches /nowhere/\*\.jsonl"),
        ({"items": (), "clips": ()}, UserError, "there is nothing to score"),
        ({"items": (__file__,)}, UserError, r"test_scoring_job\.py"),
        ({"model": "/nowhere"}, ArtifactError, "/nowhere is no artifact"),
        ({"columns": (("tekst", "x"),)}, UserError, "--column tekst=…: the fields are"),
        ({"beam_flags": ("--nope",)}, UserError, "--nope is not a flag"),
        ({"beam_flags": ("--direct_num_workers=x",)}, UserError, "invalid int value: 'x'"),
        ({"max_bad_fraction": 2.0}, UserError, r"--max-bad-fraction is 2\.0"),
    ],
)
def test_mistakes_are_told_before_any_item_is_read(
    tiny_artifact: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    out = tmp_path / "out"
    with pytest.raises(error, match=message):
        score_corpus(request_for(out, tiny_artifact, **changes))
    assert not out.exists()


def test_renamed_columns_and_progress(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text("pk,body\n1,the rain\n2,sad\n", encoding="utf-8")
    seen: list[tuple[int, int]] = []
    request = request_for(
        tmp_path / "out",
        tiny_artifact,
        items=(f"{tmp_path}/tweets.csv",),
        clips=(),
        columns=(("item_id", "pk"), ("text", "body")),
    )
    score_corpus(request, lambda done, found: seen.append((done, found)))
    assert set(labels_by_id(tmp_path / "out")) == {"1", "2"}
    assert seen[-1] == (2, 2)
