"""A model of RoBERTa-base's size with random weights, for our side and as the peer's checkpoint."""

import os
from collections.abc import Sequence
from pathlib import Path

from model.config import AudioConfig, ClassifierConfig, HeadConfig, MobileNetConfig, TextConfig
from model.network.backend import start_keras, start_openvino
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.preprocessing.text_preprocessor import TextPreprocessor
from model.scoring.artifact import Artifact
from model.scoring.conversion import convert_artifact
from model.scoring.graph_files import TEXT_GRAPH, TEXT_INT8_GRAPH, graph_files
from model.scoring.saving import add_graphs, save_artifact
from tests.peers.interpreter import run_peer
from tests.peers.job import write_job
from tests.peers.roberta_checkpoint import CheckpointJob

MINILM = Path(os.environ.get("MM_EMOR_MINILM", "build/all-minilm-l6-v2"))
"""Whose tokenizer both sides use; roberta-base's own cannot be had without a network."""
EMOTIONS = ("anger", "joy", "optimism", "sadness")
AUDIO = AudioConfig(hop_length=160, image_height=224, image_width=224)
"""A clip of 2.2 s is one image of MobileNet's own size."""
N_OBSERVED = 256


def data_dir() -> Path:
    """Returns the directory of real data.

    Raises:
        SystemExit: none is named.
    """
    if "MM_EMOR_DATA" not in os.environ:
        raise SystemExit("MM_EMOR_DATA names no directory of real data; this suite reads it")
    return Path(os.environ["MM_EMOR_DATA"])


def read_tweets(n_tweets: int) -> list[str]:
    """Returns tweets of TweetEval emotion: of its test split, then of its training split."""
    folder = data_dir() / "tweeteval" / "emotion"
    lines = [
        line
        for split in ("test", "train")
        for line in (folder / f"{split}_text.txt").read_text(encoding="utf-8").split("\n")
        if line.strip()
    ]
    # Beyond the corpus's end, what is appended makes the texts differ.
    return [
        lines[row % len(lines)] + (f" {row}" if row >= len(lines) else "")
        for row in range(n_tweets)
    ]


def read_clips(n_clips: int) -> list[bytes]:
    """Returns the files of EmoDB's first clips."""
    paths = sorted((data_dir() / "emodb" / "wav").glob("*.wav"))[:n_clips]
    return [path.read_bytes() for path in paths]


def save_checkpoint(folder: Path) -> Path:
    """Writes what Transformers' pipeline loads: RoBERTa-base's sizes, random weights.

    Returns:
        its directory, `checkpoint/` in the folder.
    """
    write_job(folder, CheckpointJob(str(MINILM), len(EMOTIONS)))
    run_peer("tests.peers.roberta_checkpoint", str(folder))
    return folder / "checkpoint"


def save_model(folder: Path, checkpoint: Path, tweets: Sequence[str], audio: bool) -> Artifact:
    """Writes the checkpoint as an artifact of ours, exported to int8."""
    start_keras()
    import keras

    from model.export.quantisation import quantise
    from model.network.emotion_classifier import EmotionClassifier
    from model.network.hugging_face import load_encoder_config, load_encoder_weights, load_tokenizer

    keras.utils.set_random_seed(1)
    encoder = load_encoder_config(checkpoint)
    text = TextConfig(window_tokens=encoder.max_window_tokens, emoji="describe")
    parts = {"audio": AUDIO, "mobilenet": MobileNetConfig()} if audio else {}
    classifier = EmotionClassifier(ClassifierConfig(EMOTIONS, HeadConfig(), text, encoder, **parts))
    assert classifier.text_encoder
    load_encoder_weights(classifier.text_encoder.backbone, checkpoint)
    preprocessor = EmotionPreprocessor(
        TextPreprocessor(text, load_tokenizer(checkpoint)),
        AudioPreprocessor(AUDIO, build_filter_banks(AUDIO)) if audio else None,
    )
    temperatures = dict.fromkeys(classifier.heads, 1.0)
    artifact = save_artifact(folder, classifier, preprocessor, temperatures)
    converted = convert_artifact(artifact)
    assert preprocessor.text
    windows = [each.windows[0] for each in preprocessor.text.batch(tweets[:N_OBSERVED])]
    graph = start_openvino().Core().read_model(folder / graph_files(TEXT_GRAPH)[0])
    return add_graphs(converted, {TEXT_INT8_GRAPH: quantise(graph, windows)})
