"""`mm-emor export`: what it writes, what it says, and what it leaves as it was."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.datasets import Dataset, Example, load_dataset
from model.datasets.held_out import HeldOut
from model.errors import ArtifactError, UserError
from model.scoring.artifact import AUDIO_ONNX, CONFIG, HEADS_ONNX, TEXT_ONNX, WEIGHTS, Artifact
from model.scoring.engine import EngineChoice
from model.scoring.scorer import EmotionScorer
from model.training.training_record import TrainingRecord
from tests.support.command_line import Run
from tests.support.tiny_corpora import write_emodb, write_own_data
from tests.support.tiny_models import save_tiny_artifact

FILES = (TEXT_ONNX, AUDIO_ONNX, HEADS_ONNX)
METRICS = "metrics-int8.json"
WORDS = {"happy": "joy", "sad": "sadness", "angry": "anger"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 items to export on: 12 of text and audio, 6 of text, 6 of audio."""
    return write_own_data(tmp_path_factory.mktemp("own"), sizes={"train": 1, "validation": 8})


@pytest.fixture(scope="module")
def exported(trained_artifact: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copytree(trained_artifact, tmp_path_factory.mktemp("exported") / "model"))
    export(path, table)
    return path


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command line in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return mm_emor


def export(path: Path, table: Path) -> tuple[Artifact, dict[str, Any], list[str]]:
    """Exports; returns the artifact, the report and what was told on the way."""
    from model.export.export import export_onnx

    told: list[str] = []
    dataset = load_dataset("manifest", table)
    artifact, report = export_onnx(Artifact.load(path), dataset, "validation", told.append)
    return artifact, asdict(report), told


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "audio", "files", "n", "n_products"),
    [
        (True, True, set(FILES), 24, 8),
        (True, False, {TEXT_ONNX, HEADS_ONNX}, 18, 8),
        (False, True, {AUDIO_ONNX, HEADS_ONNX}, 18, 0),
    ],
)
def test_an_export_is_what_is_loaded_and_measured(
    tmp_path: Path, table: Path, text: bool, audio: bool, files: set[str], n: int, n_products: int
) -> None:
    before = save_tiny_artifact(tmp_path / "model", text=text, audio=audio)
    assert not before.has_onnx
    weights = contents(before.path)
    artifact, report, told = export(before.path, table)

    assert artifact == Artifact.load(before.path)
    assert artifact.has_onnx
    assert artifact.hashes.keys() == before.hashes.keys() | files
    assert artifact.model_version != before.model_version
    assert artifact.libraries.keys() == before.libraries.keys() | {"onnx", "onnxruntime"}
    written = contents(before.path)
    assert written.keys() == weights.keys() | files | {METRICS}
    assert all(written[file] == content for file, content in weights.items() if file != CONFIG)

    assert (report["dataset"], report["split"], report["n"]) == ("manifest", "validation", n)
    assert report["n_bytes"] == sum(len(written[file]) for file in files)
    metrics = json.loads(written[METRICS])
    assert metrics == {
        **report,
        "fine_products": list(report["fine_products"]),
        "model_version": artifact.model_version,
        "onnxruntime": artifact.libraries["onnxruntime"],
    }
    left_out = ["manifest, validation: left out, with nothing that the model scores: 6"]
    begun = [f"float32 on {n} items of manifest, validation"]
    assert told[: 1 + (n < 24)] == (left_out if n < 24 else []) + begun
    assert told[-1].startswith(f"int8, {len(metrics['fine_products'])} of {n_products} products")

    scorer = EmotionScorer.load(before.path, EngineChoice("onnx", "int8"))
    assert scorer.model_version == artifact.model_version
    if not text:
        assert (report["changed_labels"], report["macro_f1_int8"]) == (0, report["macro_f1"])


def test_a_class_that_the_split_lacks_weighs_nothing(copy: Path, table: Path) -> None:
    """Else one item for which int8 alone chooses it would cost a class's share of the macro-F1."""
    from model.export.export import export_onnx

    dataset = load_dataset("manifest", table)
    wider = replace(dataset, emotions=(*dataset.emotions, "fear", "neutral"))
    _, report, _ = export(copy, table)
    _, wider_report = export_onnx(Artifact.load(copy), wider, "validation", lambda _: None)
    assert wider_report.macro_f1 == report["macro_f1"]
    assert wider_report.macro_f1_int8 == report["macro_f1_int8"]


def test_a_second_export_replaces_the_first(copy: Path, table: Path) -> None:
    first = Artifact.load(copy)
    (copy / METRICS).unlink()
    again, _, _ = export(copy, table)
    # The same model on the same data gives the same graphs.
    assert again.model_version == first.model_version
    assert again.hashes == first.hashes
    assert (copy / METRICS).is_file()


def test_products_get_finer_inputs_until_labels_stay(
    trained_artifact: Path, tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.export import export as module

    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    real, said = module.predict, []
    shares = iter([0.5, 0.25, 0.0])

    def predict(*arguments: Any) -> dict[str, np.ndarray]:
        """The first time what the model says, and then the same with other labels for a share."""
        if not said:
            said.append(real(*arguments)[""])
            return {"": said[0]}
        scores = said[0].copy()
        n_changed = round(next(shares) * len(scores))
        scores[:n_changed] = np.roll(scores[:n_changed], 1, axis=1)
        return {"": scores}

    monkeypatch.setattr(module, "predict", predict)
    monkeypatch.setattr(module, "MAX_LOST_MACRO_F1", 1.0)
    _, report, told = export(path, table)
    assert told[2:] == [
        f"int8, {n_fine} of 8 products with 16 bits: {changed} changed"
        for n_fine, changed in enumerate(("50.00%", "25.00%", "0.00%"))
    ]
    assert len(report["fine_products"]) == 2
    assert report["changed_labels"] == 0


def test_an_export_that_loses_too_much_leaves_the_artifact_as_it_was(
    trained_artifact: Path,
    copy: Path,
    tmp_path: Path,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.export.export.MAX_LOST_MACRO_F1", -1.0)
    plain = Path(shutil.copytree(trained_artifact, tmp_path / "plain"))
    for path in (plain, copy):
        before = contents(path)
        told = rf"{path.name} is not exported: in int8 its macro-F1 on manifest, validation, is 0\."
        with pytest.raises(ArtifactError, match=told):
            export(path, table)
        assert contents(path) == before
    assert not Artifact.load(plain).has_onnx
    assert Artifact.load(copy).has_onnx


def test_an_export_that_changes_too_many_labels_is_refused(
    trained_artifact: Path, tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.export.export.WANTED_CHANGED_LABELS", -1.0)
    monkeypatch.setattr("model.export.export.MAX_CHANGED_LABELS", -1.0)
    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    before = contents(path)
    told = r"copy is not exported: int8 changes \d+\.\d% of its labels on manifest, validation"
    with pytest.raises(ArtifactError, match=told):
        export(path, table)
    assert contents(path) == before


@pytest.mark.parametrize("file", FILES)
def test_a_missing_or_damaged_graph_is_refused(copy: Path, file: str) -> None:
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{file} is damaged: its hash differs"):
        Artifact.load(copy)
    (copy / file).unlink()
    with pytest.raises(ArtifactError, match=f"{file} is missing"):
        Artifact.load(copy)


@pytest.mark.parametrize("file", FILES)
def test_an_export_without_one_of_its_graphs_is_refused(copy: Path, file: str) -> None:
    settings = json.loads((copy / CONFIG).read_text(encoding="utf-8"))
    del settings["hashes"][file]
    (copy / CONFIG).write_text(json.dumps(settings))
    told = "hashes are of .*; the files are" if file != HEADS_ONNX else "hashes are of "
    with pytest.raises(ArtifactError, match=told):
        Artifact.load(copy)


def test_without_texts_a_model_that_reads_is_not_exported(
    trained_artifact: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    table = write_own_data(tmp_path / "own", ("audio",), {"validation": 2})
    with pytest.raises(UserError, match="text"):
        export(path, table)


def test_a_text_that_the_tokenizer_drops_counts_as_none_beside_a_clip(
    trained_artifact: Path, tmp_path: Path
) -> None:
    from model.export.export import export_onnx

    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    clips = write_emodb(tmp_path, copies=1).glob("wav/*.wav")
    examples = [
        Example(emotion, text, clip)
        for (emotion, text), clip in zip(
            (("anger", "\ue000"), ("joy", "happy"), ("sadness", "sad")), clips, strict=False
        )
    ]
    examples += [Example("joy", text) for text in ("happy", "so happy", "train", "rain") * 2]
    dataset = Dataset("manifest", ("anger", "joy", "sadness"), {"validation": examples})
    export_onnx(Artifact.load(path), dataset, "validation", lambda line: None)


def test_the_command_tells_the_report(
    run: Run, trained_artifact: Path, tmp_path: Path, table: Path
) -> None:
    shutil.copytree(trained_artifact, tmp_path / "model")
    arguments = ("--model", "model", "--dataset", "manifest", "--data-dir", str(table))
    code, out, err = run("export", *arguments)
    assert (code, err) == (0, "")
    metrics = json.loads((tmp_path / "model" / METRICS).read_text(encoding="utf-8"))
    fine = metrics["fine_products"]
    assert out.splitlines() == [
        "float32 on 24 items of manifest, validation",
        "which matrix products matter",
        *out.splitlines()[2 : 3 + len(fine)],
        "manifest, validation: n 24",
        f"  macro_f1  {metrics['macro_f1']:.4f} in float32, {metrics['macro_f1_int8']:.4f} in int8",
        f"  accuracy  {metrics['accuracy']:.4f} in float32, {metrics['accuracy_int8']:.4f} in int8",
        f"  labels    {metrics['changed_labels']:.2%} changed",
        f"  16 bits   {', '.join(fine) or 'none'}",
        f"  files     {metrics['n_bytes'] / 1e6:.1f} MB",
        f"model {Artifact.load('model').model_version} written to model",
    ]
    on_onnx = ("--engine", "onnx", "--split", "validation", "--out", "measured")
    code, out, err = run("evaluate", *arguments, *on_onnx)
    assert (code, err) == (0, "")
    measured = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert measured["engine"] == {"name": "onnx", "precision": "int8", "device": "cpu"}
    assert measured["macro_f1"] == pytest.approx(metrics["macro_f1_int8"], abs=1e-4)


@pytest.mark.parametrize("n_held_out", [0, 9])
def test_of_a_file_without_splits_what_training_held_out_is_measured(
    run: Run, trained_artifact: Path, tmp_path: Path, n_held_out: int
) -> None:
    artifact = Artifact.load(shutil.copytree(trained_artifact, tmp_path / "model"))
    rows = [f"{word} {number},{label}" for number in range(6) for word, label in WORDS.items()]
    Path("own.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    dataset = load_dataset("manifest", Path("own.csv"))
    drawn = HeldOut.of(dataset, "train", dataset.split("train")[:n_held_out])
    held_out = {"manifest": drawn} if n_held_out else {}
    TrainingRecord("0" * 64, artifact.hashes[WEIGHTS], {}, held_out).write(artifact.path)
    arguments = ("--model", "model", "--dataset", "manifest", "--data-dir", "own.csv")
    code, out, err = run("export", *arguments)
    assert (code, err) == (0, "")
    measured = (
        f"{n_held_out} items of manifest, validation"
        if n_held_out
        else (f"{len(rows)} items of manifest, all")
    )
    assert out.startswith(f"float32 on {measured}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"--model": "none"}, "none is no artifact: it has no readable config.json"),
        ({"--dataset": "meld2"}, "dataset is 'meld2'; known are emodb, "),
        ({"--data-dir": "none.csv"}, "path 'none.csv' does not exist"),
        ({"--split": "test"}, "manifest has no split 'test'; it has train, validation"),
        ({"--format": "onnx"}, "'onnx' is not one of 'onnx-int8'"),
        ({"--model": "default"}, "--model default is part of the package"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Run, trained_artifact: Path, table: Path, arguments: dict[str, str], message: str
) -> None:
    before = contents(trained_artifact)
    right = {"--model": str(trained_artifact), "--dataset": "manifest", "--data-dir": str(table)}
    code, out, err = run("export", *(word for pair in (right | arguments).items() for word in pair))
    assert (code, out) == (2, "")
    assert err.startswith("mm-emor: ")
    assert err.count("\n") == 1
    assert message in err
    assert contents(trained_artifact) == before


def test_a_model_saved_over_an_exported_one_leaves_nothing_of_the_export(copy: Path) -> None:
    assert all((copy / name).is_file() for name in (*FILES, METRICS))
    save_tiny_artifact(copy)
    assert not any((copy / name).exists() for name in (*FILES, METRICS))
    assert not Artifact.load(copy).has_onnx
