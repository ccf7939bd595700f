"""`mm-emor export`: what it writes, what it says, and what it leaves as it was."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from model.datasets import Dataset, Example, load_dataset
from model.datasets.held_out import HeldOut
from model.errors import ArtifactError, UserError
from model.scoring.artifact import CONFIG, WEIGHTS, Artifact
from model.scoring.conversion import convert_artifact
from model.scoring.engine import EngineChoice
from model.scoring.graph_files import GRAPHS, TEXT_GRAPH, TEXT_INT8_GRAPH, graph_files
from model.scoring.openvino_engine import read_graph
from model.scoring.scorer import EmotionScorer
from model.scoring.scores import EmotionScores
from model.training.training_record import TrainingRecord
from schemas.emotions import Modality
from tests.support.command_line import Run
from tests.support.multi_label_artifact import make_multi_label
from tests.support.tiny_corpora import write_emodb, write_own_data
from tests.support.tiny_models import save_tiny_artifact

FILES = graph_files(TEXT_INT8_GRAPH)
ALL_FILES = tuple(file for graph in GRAPHS for file in graph_files(graph))
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


def export(path: Path, table: Path) -> tuple[Artifact, dict[str, Any], list[str]]:
    """Exports; returns the artifact, the report and what was told on the way."""
    from model.export.export import export_int8

    told: list[str] = []
    dataset = load_dataset("manifest", table)
    artifact, report = export_int8(Artifact.load(path), dataset, "validation", told.append)
    return artifact, asdict(report), told


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.tensorflow
@pytest.mark.parametrize(("audio", "n"), [(True, 24), (False, 18)])
def test_an_export_is_what_is_loaded_and_measured(
    tmp_path: Path, table: Path, audio: bool, n: int
) -> None:
    before = convert_artifact(save_tiny_artifact(tmp_path / "model", audio=audio))
    assert (before.has_graphs, before.has_int8) == (True, False)
    unchanged = contents(before.path)
    artifact, report, told = export(before.path, table)

    assert artifact == Artifact.load(before.path)
    assert artifact.has_int8
    assert artifact.hashes.keys() == before.hashes.keys() | {*FILES}
    assert artifact.model_version != before.model_version
    assert artifact.libraries == before.libraries
    written = contents(before.path)
    assert written.keys() == unchanged.keys() | {*FILES, METRICS}
    assert all(written[file] == content for file, content in unchanged.items() if file != CONFIG)

    assert (report["dataset"], report["split"], report["n"]) == ("manifest", "validation", n)
    assert report["n_bytes"] == sum(len(written[file]) for file in FILES)
    metrics = json.loads(written[METRICS])
    assert metrics == {
        **report,
        "float32_products": list(report["float32_products"]),
        "model_version": artifact.model_version,
        "nncf": version("nncf"),
        "openvino": artifact.libraries["openvino"],
    }
    left_out = ["manifest, validation: left out, with nothing that the model scores: 6"]
    begun = [
        f"float32 on {n} items of manifest, validation",
        "int8, from the ranges on 18 texts",
    ]
    assert told[: 2 + (n < 24)] == (left_out if n < 24 else []) + begun
    n_float32 = len(report["float32_products"])
    assert told[-1] == (
        f"int8, {n_float32} of 12 products in float32: {report['changed_labels']:.2%} changed"
    )
    scorer = EmotionScorer.load(before.path, EngineChoice("openvino", "int8"))
    assert scorer.model_version == artifact.model_version


def rounded_products(graph: ov.Model) -> set[str]:
    """Returns the names of the products whose inputs are rounded to int8."""
    return {
        "/".join(part.rpartition("_")[0] for part in node.get_friendly_name().split("/")[1:3])
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "MatMul"
        and node.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }


@pytest.mark.tensorflow
def test_products_stay_in_float32_where_they_are_to(tmp_path: Path) -> None:
    from model.export.quantisation import products_of, quantise

    artifact = convert_artifact(save_tiny_artifact(tmp_path / "model"))
    graph = read_graph(artifact, TEXT_GRAPH)
    products = products_of(graph)
    assert products == tuple(
        f"layer_{layer}/{dense}"
        for dense in ("output_dense", "intermediate", "attention_output", "value", "key", "query")
        for layer in range(2)
    )
    rng = np.random.default_rng(1)
    windows = [tuple(rng.integers(5, 100, length).tolist()) for length in range(4, 30)]
    for kept in ((), products[:2], products[:7], products):
        quantised = quantise(graph.clone(), windows, kept)
        assert rounded_products(quantised) == {*products} - {*kept}


def test_products_stay_in_float32_until_labels_stay(
    trained_artifact: Path, tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.export import export as module

    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    real, said = module.score_examples, []
    shares = iter([0.5, 0.25, 0.0])

    def score_examples(*arguments: Any) -> list[EmotionScores]:
        """The first time what the model says, and then the same with other labels for a share."""
        if not said:
            said.extend(real(*arguments))
            return said
        n_changed = round(next(shares) * len(said))
        others = [replace(each, scores=np.roll(each.scores, 1)) for each in said[:n_changed]]
        return [*others, *said[n_changed:]]

    monkeypatch.setattr(module, "score_examples", score_examples)
    monkeypatch.setattr(module, "MAX_LOST_MACRO_F1", 1.0)
    _, report, told = export(path, table)
    assert told[2:] == [
        "int8, 0 of 12 products in float32: 50.00% changed",
        "int8, 1 of 12 products in float32: 25.00% changed",
        "int8, 2 of 12 products in float32: 0.00% changed",
    ]
    assert report["float32_products"] == ("layer_0/output_dense", "layer_1/output_dense")
    assert report["changed_labels"] == 0


@pytest.mark.tensorflow
def test_labels_of_a_multi_label_model_count_each(
    trained_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.export import export as module

    emotions = Artifact.load(trained_artifact).config.emotions
    artifact = make_multi_label(trained_artifact, tmp_path / "model", [0.5] * len(emotions))
    # What float32 gives to three items, and int8; the labels of the third are all right.
    given = [[(0, 1), (2,), ()], [(0,), (2,), (1, 2)]]
    examples = [
        Example.of_several([emotions[index] for index in labels], f"text {row}")
        for row, labels in enumerate([(0, 1), (2,), (1, 2)])
    ]
    answers = iter(given)

    def score_examples(
        scorer: EmotionScorer, dataset: Dataset, examples: Sequence[Example]
    ) -> list[EmotionScores]:
        del dataset, examples
        thresholds = (0.5,) * len(emotions)
        every = np.arange(len(emotions))
        return [
            EmotionScores(
                Modality.TEXT, np.isin(every, labels).astype(np.float32), thresholds=thresholds
            )
            for labels in next(answers)
        ]

    monkeypatch.setattr(module, "score_examples", score_examples)
    monkeypatch.setattr(module, "MIN_OBSERVED_TEXTS", 3)
    monkeypatch.setattr(module, "MAX_CHANGED_LABELS", 0.5)
    dataset = Dataset("mine", emotions, {"test": examples}, problem_type="multi_label")
    _, report = module.export_int8(artifact, dataset, "test", lambda _: None)
    # One label is lost and two are new, of three and four.
    assert report.changed_labels == pytest.approx(3 / 7)
    assert (report.accuracy, report.accuracy_int8) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    # F1 of the three classes: 1, 2/3, 2/3; and 1, 2/3, 1.
    assert report.macro_f1 == pytest.approx(7 / 9)
    assert report.macro_f1_int8 == pytest.approx(8 / 9)


def test_texts_without_labels_will_do(run: Run, trained_artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_artifact, tmp_path / "model")
    texts = [f"{word} {number}" for number in range(6) for word in ("happy", "sad", "the rain")]
    Path("tweets.txt").write_text("".join(f"{text}\n" for text in ["", *texts]), encoding="utf-8")
    code, out, err = run("export", "--model", "model", "--texts", "tweets.txt")
    assert (code, err) == (0, "")
    metrics = json.loads((tmp_path / "model" / METRICS).read_text(encoding="utf-8"))
    assert (metrics["dataset"], metrics["split"], metrics["n"]) == ("tweets.txt", "", 18)
    assert metrics["macro_f1"] is metrics["accuracy_int8"] is None
    lines = out.splitlines()
    assert lines == [
        "float32 on 18 items of tweets.txt",
        "int8, from the ranges on 18 texts",
        *lines[2:-5],
        "tweets.txt: n 18",
        f"  labels    {metrics['changed_labels']:.2%} changed",
        f"  float32   {', '.join(metrics['float32_products']) or 'no product'}",
        f"  files     {metrics['n_bytes'] / 1e6:.1f} MB",
        f"model {Artifact.load('model').model_version} written to model",
    ]


def test_a_class_that_the_split_lacks_weighs_nothing(copy: Path, table: Path) -> None:
    """Else one item for which int8 alone chooses it would cost a class's share of the macro-F1."""
    from model.export.export import export_int8

    dataset = load_dataset("manifest", table)
    wider = replace(dataset, emotions=(*dataset.emotions, "fear", "neutral"))
    _, report, _ = export(copy, table)
    _, wider_report = export_int8(Artifact.load(copy), wider, "validation", lambda _: None)
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
    assert not Artifact.load(plain).has_int8
    assert Artifact.load(copy).has_int8


def test_an_export_that_changes_too_many_labels_is_refused(
    trained_artifact: Path, tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.export.export.MAX_CHANGED_LABELS", -1.0)
    path = Path(shutil.copytree(trained_artifact, tmp_path / "copy"))
    before = contents(path)
    told = r"copy is not exported: int8 changes \d+\.\d% of its labels on manifest, validation"
    with pytest.raises(ArtifactError, match=told):
        export(path, table)
    assert contents(path) == before


@pytest.mark.parametrize("file", ALL_FILES)
def test_a_missing_or_damaged_graph_is_refused(copy: Path, file: str) -> None:
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{file} is damaged: its hash differs"):
        Artifact.load(copy)
    (copy / file).unlink()
    with pytest.raises(ArtifactError, match=f"{file} is missing"):
        Artifact.load(copy)


@pytest.mark.parametrize("file", ALL_FILES)
def test_an_export_without_one_of_its_graphs_is_refused(copy: Path, file: str) -> None:
    settings = json.loads((copy / CONFIG).read_text(encoding="utf-8"))
    del settings["hashes"][file]
    (copy / CONFIG).write_text(json.dumps(settings))
    with pytest.raises(ArtifactError, match=r"hashes are of .*; the files are"):
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
    from model.export.export import export_int8

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
    export_int8(Artifact.load(path), dataset, "validation", lambda line: None)


def test_the_command_tells_the_report(
    run: Run, trained_artifact: Path, tmp_path: Path, table: Path
) -> None:
    shutil.copytree(trained_artifact, tmp_path / "model")
    arguments = ("--model", "model", "--dataset", "manifest", "--data-dir", str(table))
    code, out, err = run("export", *arguments)
    assert (code, err) == (0, "")
    metrics = json.loads((tmp_path / "model" / METRICS).read_text(encoding="utf-8"))
    lines = out.splitlines()
    assert lines == [
        "float32 on 24 items of manifest, validation",
        "int8, from the ranges on 18 texts",
        *lines[2:-7],
        "manifest, validation: n 24",
        f"  macro_f1  {metrics['macro_f1']:.4f} in float32, {metrics['macro_f1_int8']:.4f} in int8",
        f"  accuracy  {metrics['accuracy']:.4f} in float32, {metrics['accuracy_int8']:.4f} in int8",
        f"  labels    {metrics['changed_labels']:.2%} changed",
        f"  float32   {', '.join(metrics['float32_products']) or 'no product'}",
        f"  files     {metrics['n_bytes'] / 1e6:.1f} MB",
        f"model {Artifact.load('model').model_version} written to model",
    ]
    in_int8 = ("--precision", "int8", "--split", "validation", "--out", "measured")
    code, out, err = run("evaluate", *arguments, *in_int8)
    assert (code, err) == (0, "")
    measured = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert measured["engine"] == {"name": "openvino", "precision": "int8", "device": "cpu"}
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
        ({"--precision": "onnx"}, "'onnx' is not one of 'int8', 'float32'"),
        ({"--texts": "tweets.txt"}, "--texts and --dataset exclude each other"),
        ({"--precision": "float32"}, "--precision float32 measures nothing, so it needs no --data"),
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
    assert all((copy / name).is_file() for name in (*ALL_FILES, METRICS))
    save_tiny_artifact(copy)
    assert not any((copy / name).exists() for name in (*ALL_FILES, METRICS))
    assert not Artifact.load(copy).has_graphs
