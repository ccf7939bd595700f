"""Imported classifiers against Transformers' `text-classification` pipeline, live, on 500 tweets;
`make test-reference` runs it.
"""

import json
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.datasets import load_dataset, texts_of
from model.network.backend import start_keras
from schemas.emotions import Modality
from tests.peers.classifiers import PROBLEM_TYPES, ClassifierJob
from tests.peers.interpreter import peers_python, run_peer
from tests.peers.job import write_job
from tests.support.command_line import Run
from tests.support.reference_classifiers import (
    FAMILIES,
    classifier_job,
    make_classifier,
    set_problem_type,
)

start_keras()

from model.importing.import_checkpoint import import_checkpoint  # noqa: E402
from model.importing.sequence_classifier import SequenceClassifier  # noqa: E402
from model.scoring.artifact import Artifact  # noqa: E402
from model.scoring.engine import FLOAT32, EngineChoice  # noqa: E402
from model.scoring.saving import save_artifact  # noqa: E402
from model.scoring.scorer import EmotionScorer  # noqa: E402
from model.training.batches import TextBatches  # noqa: E402
from model.training.fitting import HeadModel, fit_model  # noqa: E402
from model.training.training_config import FitConfig  # noqa: E402

N_TWEETS = 500
OPENVINO = EngineChoice("openvino", "float32")


def our_scores(
    checkpoint: Path, out: Path, texts: list[str], engine: EngineChoice = FLOAT32
) -> np.ndarray:
    import_checkpoint(SequenceClassifier.read(str(checkpoint)), out)
    scorer = EmotionScorer.load(out, engine)
    inputs = [scorer.preprocess(text, None) for text in texts]
    return np.stack([each.scores for each in scorer.score(inputs)])


@pytest.mark.parametrize("family", FAMILIES)
def test_random_classifiers(family: str, real_data: Path, tmp_path: Path) -> None:
    texts = texts_of(load_dataset("tweeteval/emotion", real_data).split("test"))[:N_TWEETS]
    theirs = make_classifier(family, tmp_path, texts)
    for name, problem_type in PROBLEM_TYPES.items():
        set_problem_type(tmp_path / "checkpoint", problem_type)
        exact = our_scores(tmp_path / "checkpoint", tmp_path / name, texts)
        np.testing.assert_allclose(exact, theirs[name], atol=1e-4)
        ours = our_scores(tmp_path / "checkpoint", tmp_path / name, texts, OPENVINO)
        error = np.abs(ours - theirs[name]).max()
        changed = np.mean(ours.argmax(axis=1) != theirs[name].argmax(axis=1))
        print(f"{family}, {name}: {error:.1e} at most, labels changed {changed:.2%}")
        assert error < 1e-4
        # Else the agreement says little.
        assert np.ptp(theirs[name], axis=0).max() > 0.2


def test_our_own_training_through_transformers_and_back(tmp_path: Path) -> None:
    """A classifier that our training has changed, saved by Transformers, is the same imported."""
    texts = [f"so {word} {letter}" for word in ("happy", "sad") for letter in "abcdefgh"]
    make_classifier("roberta", tmp_path, texts)
    source = tmp_path / "checkpoint"
    artifact = import_checkpoint(SequenceClassifier.read(str(source)), tmp_path / "model")
    classifier, preprocess = artifact.classifier(), artifact.preprocessor()
    windows = [preprocess(text, None).windows[0] for text in texts]
    targets = np.eye(5, dtype=np.float32)[np.arange(len(texts)) % 5]
    fit = FitConfig(epochs=1, batch_size=4, learning_rate=1e-2, warmup_share=0.0, keep="last")
    batches = TextBatches(windows, targets, fit.batch_size, seed=2)
    fit_model(HeadModel(classifier, Modality.TEXT), batches, None, fit, tmp_path / "fit", "Tiny")
    trained = save_artifact(
        *(tmp_path / "trained", classifier, preprocess, {"text": 1.0}, np.float32),
    )
    write_as_checkpoint(trained, source)
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    write_job(tmp_path, ClassifierJob(str(source), saved=str(tmp_path / "saved")))
    run_peer("tests.peers.classifiers", str(tmp_path))
    theirs = np.load(tmp_path / "scores.npz")["single"]
    back = our_scores(tmp_path / "saved", tmp_path / "back", texts)
    scorer = EmotionScorer.load(trained.path, FLOAT32)
    ours = np.stack([each.scores for each in scorer.score([preprocess(t, None) for t in texts])])
    np.testing.assert_array_equal(back, ours)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    before = EmotionScorer.load(artifact.path, FLOAT32)
    old = np.stack([each.scores for each in before.score([preprocess(t, None) for t in texts])])
    assert np.abs(ours - old).max() > 0.1


def write_as_checkpoint(artifact: Artifact, checkpoint: Path) -> None:
    """Writes an artifact's weights into the checkpoint that it was imported from.

    Where each goes, the import itself says: of a checkpoint whose values are numbered.
    """
    tensors = load_file(checkpoint / "model.safetensors")
    ends = np.cumsum([tensor.size for tensor in tensors.values()])
    numbered = {
        name: np.arange(end - tensor.size, end, dtype=np.float32).reshape(tensor.shape)
        for (name, tensor), end in zip(tensors.items(), ends, strict=True)
    }
    assert ends[-1] < 2**24, "float32 counts no further"
    save_file(numbered, checkpoint / "model.safetensors", metadata={"format": "pt"})
    read = SequenceClassifier.read(str(checkpoint))
    numbers = import_checkpoint(read, checkpoint.parent / "numbered").classifier()
    values = np.full(ends[-1], np.nan, np.float32)
    for number, value in zip(numbers.weights, artifact.classifier().weights, strict=True):
        values[np.asarray(number).astype(int).ravel()] = np.asarray(value).ravel()
    assert not np.isnan(values).any()
    written = {name: values[number.astype(int)] for name, number in numbered.items()}
    save_file(written, checkpoint / "model.safetensors", metadata={"format": "pt"})


def test_the_line_that_converts_a_pickle_does(tmp_path: Path, mm_emor: Run) -> None:
    """The pickle is refused; run as told, the line makes what is imported."""
    write_job(tmp_path, classifier_job("bert", tmp_path / "checkpoint", pickled=True))
    (tmp_path / "texts.json").write_text(json.dumps([]), encoding="utf-8")
    run_peer("tests.peers.classifiers", str(tmp_path))
    out = ("--out", str(tmp_path / "model"))
    code, _, err = mm_emor("import", str(tmp_path / "checkpoint"), *out)
    assert code == 2
    command = err.partition("checkpoint-safe: ")[2].strip()
    subprocess.run(
        [peers_python(), *shlex.split(command)[1:]], cwd=tmp_path, check=True, capture_output=True
    )
    code, _, err = mm_emor("import", str(tmp_path / "checkpoint-safe"), *out)
    assert (code, err) == (0, "")
