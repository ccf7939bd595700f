"""One step of training against the same step in PyTorch, live; `make test-reference` runs it.

A checkpoint's weights, its gradients and its weights after the step are all read by the project's
own map of names: PyTorch's are saved as one more checkpoint and loaded into a second backbone.
"""

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.network.backend import start_keras
from tests.peers.head import save_head
from tests.peers.interpreter import run_peer
from tests.peers.job import write_job
from tests.peers.training_step import TrainingStepJob
from tests.support.reference_encoders import CASES, SIZES, encoder_job

start_keras()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from model.config import ClassifierConfig, HeadConfig, TextConfig  # noqa: E402
from model.network.emotion_classifier import EmotionClassifier  # noqa: E402
from model.network.hugging_face import (  # noqa: E402
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
)
from model.network.roberta_backbone import RobertaBackbone  # noqa: E402
from model.preprocessing.text_preprocessor import TextPreprocessor  # noqa: E402
from model.training.batches import TextBatches  # noqa: E402
from model.training.fitting import HeadModel, fit_model  # noqa: E402
from model.training.training_config import FitConfig  # noqa: E402
from schemas.emotions import Modality  # noqa: E402

MINILM = os.environ.get("MM_EMOR_MINILM")
TEXTS = [
    "so happy about this, so so happy!",
    "no.",
    "I can't believe they cancelled it again, I'm furious and I want my money back",
    "@user the worst part is the waiting http",
]
EMOTIONS = ("anger", "joy", "sadness")
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
# Large enough that a penalty or a decay left out shows; the shipped ones are 1e-4 and 0.01.
HEAD = HeadConfig(hidden_units=8, dropout=0.0, l2=0.01)
FIT = FitConfig(
    epochs=1,
    learning_rate=1e-3,
    warmup_share=0.0,
    weight_decay=0.5,
    label_smoothing=0.1,
    keep="last",
)
BETA_2 = 0.999
# Keras adds epsilon before it corrects the second moment's bias (Kingma & Ba 2015, section 2, "ε̂"),
# PyTorch after it: at the first step, Keras's 1e-7 is PyTorch's 3.2e-6.
EPSILON = 1e-7 / math.sqrt(1 - BETA_2)
Arrays = dict[str, np.ndarray[Any, Any]]


def our_classifier(path: Path) -> EmotionClassifier:
    """Returns the network of a checkpoint, with a random head and no dropout."""
    encoder = replace(load_encoder_config(path), **NO_DROPOUT)
    text = TextConfig(window_tokens=encoder.max_window_tokens)
    keras.utils.set_random_seed(7)
    classifier = EmotionClassifier(ClassifierConfig(EMOTIONS, HEAD, text, encoder))
    load_encoder_weights(classifier.text_encoder.backbone, path)
    return classifier


def as_ours(config: Any, file: Path) -> Arrays:
    """Returns a file of PyTorch's tensors, by its names, as arrays of our layout and names."""
    directory = file.with_suffix("")
    directory.mkdir()
    tensors = load_file(file)
    encoder = {
        name.removeprefix("encoder."): value
        for name, value in tensors.items()
        if name.startswith("encoder.")
    }
    save_file(encoder, directory / "model.safetensors")
    backbone = RobertaBackbone(config)
    backbone.build((None, None), (None, None))
    load_encoder_weights(backbone, directory)
    arrays = {inner_name(variable): np.array(variable) for variable in backbone.weights}
    for name in ("hidden", "logits"):
        arrays[f"{name}/kernel"] = tensors[f"{name}.weight"].T
        arrays[f"{name}/bias"] = tensors[f"{name}.bias"]
    return arrays


def inner_name(variable: Any) -> str:
    """Returns a weight's name inside the backbone or the head."""
    path: str = variable.path
    return path.removeprefix("text_encoder/").partition("/")[2]


def our_step(
    classifier: EmotionClassifier, batches: TextBatches, folder: Path
) -> tuple[float, Arrays, Arrays]:
    """Returns the loss and the gradients before a step, and the weights after it."""
    inputs, targets = batches[0]
    model = HeadModel(classifier, Modality.TEXT)
    start = model.get_weights()
    fit_model(model, batches, None, FIT, folder, "One step")
    variables = model.trainable_variables
    after = {inner_name(variable): np.array(variable) for variable in variables}
    # Only fit_model compiles; the loss is the compiled one, with its smoothing and penalty.
    model.set_weights(start)
    with tf.GradientTape() as tape:
        logits = model(inputs, training=True)
        loss = model.compute_loss(x=inputs, y=targets, y_pred=logits, training=True)
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    named = {
        inner_name(variable): tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    }
    return float(loss), named, after


def their_step(
    classifier: EmotionClassifier, path: Path, batch: Arrays, folder: Path
) -> tuple[float, Arrays, Arrays]:
    """Returns the same of PyTorch."""
    job = TrainingStepJob(
        checkpoint=str(path),
        learning_rate=FIT.learning_rate,
        beta_2=BETA_2,
        epsilon=EPSILON,
        weight_decay=FIT.weight_decay,
        label_smoothing=FIT.label_smoothing,
        l2=HEAD.l2,
    )
    write_job(folder, job)
    np.savez(folder / "batch.npz", **batch)
    save_head(folder / "head.npz", classifier.heads["text"])
    run_peer("tests.peers.training_step", str(folder))
    loss: float = json.loads((folder / "loss.json").read_text(encoding="utf-8"))
    config = classifier.config.encoder
    return (
        loss,
        as_ours(config, folder / "gradients.safetensors"),
        as_ours(config, folder / "after.safetensors"),
    )


def compare_steps(path: Path, windows: list[tuple[int, ...]], directory: Path) -> None:
    """Asserts that a step on one padded batch is the same step in both."""
    classifier = our_classifier(path)
    config = classifier.config.encoder
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[np.arange(len(windows)) % len(EMOTIONS)]
    batches = TextBatches(windows, targets, batch_size=len(windows), seed=2)
    inputs, targets = batches[0]
    mask = inputs["token_mask"][:, 0]
    assert not mask.all()
    # Transformers' RoBERTa tells padding by its id when it counts positions; ours by the mask.
    token_ids = np.where(mask, inputs["token_ids"][:, 0], config.pad_token_id)
    batch = {"token_ids": token_ids, "mask": mask, "targets": targets}
    their_loss, their_gradients, their_weights = their_step(
        classifier, path, batch, directory / "peer"
    )
    our_loss, our_gradients, our_weights = our_step(classifier, batches, directory / "fit")
    print(f"\nloss {our_loss:.6f}: {abs(our_loss - their_loss):.1e} apart")
    assert abs(our_loss - their_loss) < 1e-5
    assert our_gradients.keys() == our_weights.keys() == their_gradients.keys()
    errors = []
    for name, theirs in their_gradients.items():
        scale = np.abs(theirs).max()
        error = np.abs(our_gradients[name] - theirs).max()
        step_error = np.abs(our_weights[name] - their_weights[name]).max() / FIT.learning_rate
        if name.endswith("/key/bias"):
            # It adds the same to all scores of a query, which the softmax takes out.
            assert scale < 1e-6, name
            errors.append((error, 0.0, step_error, name))
            continue
        # Else its agreement would say nothing.
        assert scale > 1e-4, name
        errors.append((error, error / scale, step_error, name))
    for title, column, limit in (
        ("gradient", 0, 1e-4),
        ("gradient, of its scale", 1, 1e-4),
        # Adam divides by the gradient's size, and with it enlarges the rounding of small ones.
        ("weight after the step, of the learning rate", 2, 0.03),
    ):
        worst = max(errors, key=lambda row: row[column])
        print(f"{title}: at most {worst[column]:.1e} apart ({worst[3]})")
        assert worst[column] < limit, (title, worst)


@pytest.mark.parametrize("case", sorted(CASES))
def test_random_checkpoints(case: str, tmp_path: Path) -> None:
    write_job(tmp_path, encoder_job(case, tmp_path / "checkpoint"))
    run_peer("tests.peers.encoders", str(tmp_path))
    rng = np.random.default_rng(5)
    windows = [tuple(rng.integers(4, SIZES["vocab_size"], n).tolist()) for n in (15, 7, 2)]
    compare_steps(tmp_path / "checkpoint", windows, tmp_path)


@pytest.mark.skipif(not MINILM, reason="MM_EMOR_MINILM names no all-MiniLM-L6-v2 checkpoint")
def test_all_minilm(tmp_path: Path) -> None:
    path = Path(str(MINILM))
    preprocessor = TextPreprocessor(TextConfig(), load_tokenizer(path))
    windows = [item.windows[0] for item in preprocessor.batch(TEXTS)]
    compare_steps(path, windows, tmp_path)
