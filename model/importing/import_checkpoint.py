"""Makes an artifact of a fine-tuned sequence classifier."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model.config import ClassifierConfig, Cleaning, HeadConfig, TextConfig, parse_config
from model.errors import ArtifactError
from model.files import write_whole
from model.importing.card import write_card
from model.importing.joined_labels import join_labels, nameless_labels
from model.importing.sequence_classifier import SequenceClassifier
from model.network.emotion_classifier import EmotionClassifier
from model.network.hugging_face import load_encoder_weights, load_head_weights, load_tokenizer
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.preprocessing.text_preprocessor import TextPreprocessor
from model.scoring.artifact import Artifact
from model.scoring.calibration import UNTUNED_THRESHOLD
from model.scoring.conversion import convert_artifact
from model.scoring.model_card import MODEL_CARD
from model.scoring.saving import save_artifact


def import_checkpoint(
    checkpoint: SequenceClassifier,
    out: Path,
    cleaning: Cleaning = "none",
    emotion_of: Mapping[str, str] | None = None,
    max_tokens: int | None = None,
    log: Callable[[str], Any] = print,
) -> Artifact:
    """Writes an artifact that scores as Transformers' `text-classification` pipeline does.

    Its weights stay in float32, and it is not calibrated.

    Args:
        checkpoint: what to import.
        out: the artifact's directory.
        cleaning: of texts, before the tokenizer.
        emotion_of: labels to join or to drop, see `model.importing.joined_labels`.
        max_tokens: content tokens read of one text, as windows where they are more than one holds;
            one window where None, as in Transformers.
        log: called with a line of text that a user should see.

    Raises:
        UserError: a label, a weight or the tokenizer is not as the settings say; nothing is
            written then.
    """
    emotion_of = emotion_of or {}
    joined = join_labels(checkpoint.labels, emotion_of)
    if nameless := nameless_labels(checkpoint.labels, emotion_of):
        log(
            f"the checkpoint does not name {', '.join(nameless)}; its card may, and "
            f"--map {nameless[0]}=EMOTION names them here"
        )
    preprocessor = _preprocessor_of(checkpoint, cleaning, max_tokens)
    config = parse_config(
        ClassifierConfig,
        {
            "emotions": joined.emotions,
            "head": HeadConfig(
                hidden_units=checkpoint.encoder.hidden_size,
                dropout=0.0,
                l2=0.0,
                activation="relu" if checkpoint.family == "distilbert" else "tanh",
                joined=joined.joined,
            ),
            "text": preprocessor.config,
            "encoder": checkpoint.encoder,
            "pooling": "first",
            "problem_type": checkpoint.problem_type,
        },
        checkpoint.name,
    )
    classifier = EmotionClassifier(config)
    assert classifier.text_encoder  # noqa: S101  (there is an encoder's config)
    load_encoder_weights(classifier.text_encoder.backbone, checkpoint.path)
    kept = [number for numbers in joined.labels for number in numbers]
    load_head_weights(classifier.heads["text"], checkpoint.path, len(checkpoint.labels), kept)
    saved = save_artifact(
        out,
        classifier,
        EmotionPreprocessor(preprocessor, None),
        dict.fromkeys(classifier.heads, 1.0),
        weights_dtype=np.float32,
        thresholds=dict.fromkeys(
            classifier.heads if config.is_multi_label else (),
            [UNTUNED_THRESHOLD] * len(config.emotions),
        ),
        calibrated=False,
    )
    artifact = convert_artifact(saved)
    write_whole(out / MODEL_CARD, write_card(checkpoint, joined, preprocessor.config))
    return artifact


def _preprocessor_of(
    checkpoint: SequenceClassifier, cleaning: Cleaning, max_tokens: int | None
) -> TextPreprocessor:
    """Returns the checkpoint's tokenizer behind its cleaning.

    Raises:
        ArtifactError: the tokenizer has tokens that the encoder does not know, or leaves no room.
    """
    tokenizer = load_tokenizer(checkpoint.path)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    if highest >= checkpoint.encoder.vocab_size:
        raise ArtifactError(
            f"{checkpoint.name}: the tokenizer has the token id {highest}; the encoder knows "
            f"{checkpoint.encoder.vocab_size} tokens"
        )
    settings = {"window_tokens": checkpoint.window_tokens, "cleaning": cleaning}
    config = parse_config(TextConfig, settings, checkpoint.name)
    one_window = TextPreprocessor(config, tokenizer).content_tokens
    return TextPreprocessor(replace(config, max_tokens=max_tokens or one_window), tokenizer)
