"""Training end to end on tiny corpora: it learns, repeats from its seed, and keeps its parts."""

import json
import re
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.config import MobileNetConfig
from model.datasets import Dataset, load_dataset
from model.errors import DatasetError, UserError
from model.evaluation.evaluate import evaluate_model
from model.network.backend import start_keras
from model.scoring.artifact import Artifact
from model.scoring.engine import FLOAT32
from model.scoring.graph_files import TEXT_INT8_GRAPH, graph_files
from model.scoring.scorer import EmotionScorer
from model.training.training_config import TrainingConfig
from schemas.emotions import Modality
from tests.support.tiny_corpora import WORD_OF, tiny_training, write_emodb, write_goemotions
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.training.train  # noqa: E402
from model.training.calibrating import PAIRS_PER_CLIP, calibrate, pair_by_label  # noqa: E402
from model.training.fitting import HISTORY_FILE  # noqa: E402
from model.training.training_data import TrainingData  # noqa: E402


def train(config: TrainingConfig, data_dir: Path, text_encoder: str | None, out: Path) -> Artifact:
    data = TrainingData.load(config, data_dir)
    return model.training.train.train(config, data, text_encoder, out).artifact


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture(scope="module")
def trained(data_dir: Path, checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The tiny config, trained once; its directory is not to be changed."""
    return train(tiny_training(), data_dir, checkpoint, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def scorer(trained: Artifact) -> EmotionScorer:
    return EmotionScorer.load(trained.path, FLOAT32)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts whose fitting a run came to, in their order; they stay as they are."""
    called: list[str] = []

    def record(part: str, *arguments: Any) -> None:
        called.append(part)
        folder: Path = arguments[-1]
        folder.mkdir(parents=True, exist_ok=True)
        history = {"epochs": [{"loss": 1.0, "val_macro_f1": 0.5, "seconds": 0}], "kept_epoch": 1}
        (folder / HISTORY_FILE).write_text(json.dumps(history), encoding="utf-8")

    for part in ("text", "audio"):
        monkeypatch.setattr(model.training.train, f"fit_{part}", partial(record, part))
    return called


# What comes out


def test_the_artifact_scores_every_modality(scorer: EmotionScorer, data_dir: Path) -> None:
    clip = load_dataset("emodb", data_dir).split("test")[0].read_clip()
    items = [scorer.preprocess(*item) for item in (("happy", None), (None, clip), ("sad", clip))]
    scores = scorer.score(items)
    assert [each.modality for each in scores] == list(Modality)
    for each in scores:
        assert each.scores.sum() == pytest.approx(1, abs=1e-5)


def test_every_head_has_a_temperature(trained: Artifact) -> None:
    assert list(trained.temperatures) == ["text", "audio", "text+audio"]
    # Tiny corpora are learned by heart: their probabilities are to be sharper than the logits say.
    assert all(0.05 <= temperature < 0.9 for temperature in trained.temperatures.values())


def test_temperatures_are_fitted_to_the_saved_weights(
    trained: Artifact, scorer: EmotionScorer, data_dir: Path
) -> None:
    data = TrainingData.load(tiny_training(), data_dir)
    calibration = calibrate(scorer, data, tiny_training().seed)
    assert (calibration.temperatures, calibration.thresholds) == (trained.temperatures, {})


def test_settings_are_those_of_the_config(trained: Artifact, checkpoint: str) -> None:
    config = tiny_training()
    assert trained.config.emotions == config.emotions
    assert trained.config.text is not None
    assert trained.config.text.emoji == "describe"
    assert trained.config.text.window_tokens == 32
    assert config.audio is not None
    assert trained.config.audio == config.audio.features
    assert trained.config.mobilenet == config.audio.mobilenet


def test_the_vocabulary_is_trimmed_to_what_occurs(trained: Artifact) -> None:
    text = trained.preprocessor().text
    assert text is not None
    vocabulary = text.tokenizer.get_vocab()
    assert trained.config.encoder is not None
    assert trained.config.encoder.vocab_size == len(vocabulary)
    assert set(WORD_OF.values()) <= vocabulary.keys()
    # The emoji's names have "train" in them; nothing has "##ing" as the tokenizer cuts words.
    assert "train" in vocabulary


# Learning


@pytest.mark.parametrize(
    ("name", "least"), [("goemotions-ekman", 0.8), ("emodb", 0.6)], ids=["text", "audio"]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_each_encoder_learns(
    scorer: EmotionScorer, data_dir: Path, name: str, split: str, least: float
) -> None:
    """Chance is 1 in 7 and 1 in 6; the test speaker's tones were never heard."""
    assert evaluate_model(scorer, load_dataset(name, data_dir), split).metrics.accuracy >= least


def test_the_fused_head_learns(scorer: EmotionScorer, data_dir: Path) -> None:
    clips = load_dataset("emodb", data_dir).split("train")
    pairs = [replace(example, text=WORD_OF[example.emotion]) for example in clips]
    dataset = Dataset("pairs", tuple(WORD_OF), {"train": pairs})
    assert evaluate_model(scorer, dataset, "train").metrics.accuracy >= 0.8


# Repeating


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(
    trained: Artifact, data_dir: Path, checkpoint: str, tmp_path: Path
) -> None:
    again = train(tiny_training(), data_dir, checkpoint, tmp_path)
    assert again.model_version == trained.model_version


def test_another_seed_gives_another_model(
    trained: Artifact, data_dir: Path, checkpoint: str, tmp_path: Path, fits: list[str]
) -> None:
    """Even beside the finished parts of the first seed."""
    shutil.copytree(trained.path, tmp_path, dirs_exist_ok=True)
    other = train(tiny_training(seed=2), data_dir, checkpoint, tmp_path)
    assert fits == ["text", "audio"]
    assert other.model_version != trained.model_version


def test_a_rerun_skips_the_finished_parts(
    trained: Artifact,
    data_dir: Path,
    checkpoint: str,
    tmp_path: Path,
    fits: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(trained.path, tmp_path, dirs_exist_ok=True)
    (tmp_path / graph_files(TEXT_INT8_GRAPH)[0]).write_bytes(b"of another model")
    again = train(tiny_training(), data_dir, checkpoint, tmp_path)
    told = f"the export in {tmp_path} is removed; mm-emor export makes a new one\n"
    assert capsys.readouterr().out.endswith(told)
    assert fits == []
    assert again.model_version == trained.model_version


def test_a_part_that_has_lost_its_history_is_fitted_again(
    trained: Artifact, data_dir: Path, checkpoint: str, tmp_path: Path, fits: list[str]
) -> None:
    """Nobody could say how it ended."""
    shutil.copytree(trained.path, tmp_path, dirs_exist_ok=True)
    [text] = (tmp_path / "training").glob("text-[0-9a-f]*")
    (text / HISTORY_FILE).unlink()
    train(tiny_training(), data_dir, checkpoint, tmp_path)
    assert fits == ["text"]


@pytest.mark.slow
def test_a_run_takes_over_one_finished_part_and_ends_the_same(
    trained: Artifact, data_dir: Path, checkpoint: str, tmp_path: Path
) -> None:
    [text] = (trained.path / "training").glob("text-[0-9a-f]*")
    shutil.copytree(text, tmp_path / "training" / text.name)
    again = train(tiny_training(), data_dir, checkpoint, tmp_path)
    assert again.model_version == trained.model_version


@pytest.mark.slow
def test_finished_parts_count_for_what_they_were_trained_from_only(
    trained: Artifact, data_dir: Path, checkpoint: str, tmp_path: Path, fits: list[str]
) -> None:
    config = tiny_training()
    assert config.audio is not None
    moved = Path(shutil.copytree(checkpoint, tmp_path / "moved"))
    other = Path(shutil.copytree(data_dir, tmp_path / "data"))
    clip = other / "emodb" / "wav" / "03a01Wa.wav"
    clip.write_bytes((other / "emodb" / "wav" / "03a01Ta.wav").read_bytes())

    def fitted(config: TrainingConfig, data_dir: Path, text_encoder: Path | str) -> list[str]:
        out = Path(tempfile.mkdtemp(dir=tmp_path))
        shutil.copytree(trained.path, out, dirs_exist_ok=True)
        fits.clear()
        train(config, data_dir, str(text_encoder), out)
        return list(fits)

    # The same bytes elsewhere are the same.
    assert fitted(config, data_dir, moved) == []
    slower = replace(config.audio, speeds=(0.9, 1.0))
    assert fitted(replace(config, audio=slower), data_dir, moved) == ["audio"]
    assert fitted(config, other, moved) == ["audio"]
    # Weights of another shape; the texts are none of the clips' business.
    wider = replace(config.audio, mobilenet=MobileNetConfig(alpha=0.5))
    assert fitted(replace(config, audio=wider), data_dir, moved) == ["audio"]
    # Weights of another checkpoint.
    weights = load_file(moved / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 0.5
    save_file(weights, moved / "model.safetensors")
    assert fitted(config, data_dir, moved) == ["text"]


# Errors


def error_of(config: TrainingConfig, data_dir: Path, text_encoder: str | None, out: Path) -> str:
    with pytest.raises(UserError) as caught:
        train(config, data_dir, text_encoder, out)
    assert not list(out.glob("*.json")), "an artifact was written"
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_text_without_an_encoder(data_dir: Path, tmp_path: Path) -> None:
    message = error_of(tiny_training(), data_dir, None, tmp_path)
    assert message == "tiny has a [text] table: name a --text-encoder"


def test_a_checkpoint_that_is_none(data_dir: Path, tmp_path: Path) -> None:
    message = error_of(tiny_training(), data_dir, str(data_dir), tmp_path)
    assert message == f"{data_dir} is not a checkpoint: it has no config.json"


def test_emotions_that_lack_a_class(data_dir: Path, checkpoint: str, tmp_path: Path) -> None:
    config = tiny_training(emotions=("anger", "disgust", "fear", "joy", "neutral", "sadness"))
    message = error_of(config, data_dir, checkpoint, tmp_path)
    assert message == "tiny: emotions lack 'surprise', a class of goemotions-ekman"


def test_emotions_that_stand_twice(data_dir: Path, checkpoint: str, tmp_path: Path) -> None:
    config = tiny_training(emotions=(*WORD_OF, "joy"))
    message = error_of(config, data_dir, checkpoint, tmp_path)
    assert message.startswith("tiny: emotions are ('anger', ")


def test_windows_past_the_encoder_positions(
    data_dir: Path, checkpoint: str, tmp_path: Path
) -> None:
    config = tiny_training()
    assert config.text is not None
    config = replace(config, text=replace(config.text, window_tokens=64))
    message = error_of(config, data_dir, checkpoint, tmp_path)
    assert message == "tiny: window_tokens is 64; the encoder's positions reach 32"


def test_texts_from_a_corpus_of_clips(data_dir: Path, checkpoint: str, tmp_path: Path) -> None:
    config = tiny_training(audio=None, fusion=None)
    assert config.text is not None
    config = replace(config, text=replace(config.text, dataset="emodb"))
    message = error_of(config, data_dir, checkpoint, tmp_path)
    assert message == "emodb has no texts to train on"


def test_no_emotion_with_both_validation_texts_and_clips(checkpoint: str, tmp_path: Path) -> None:
    write_goemotions(tmp_path, {"dev": ["http\t26\tid"]})
    write_emodb(tmp_path)
    message = error_of(tiny_training(), tmp_path, checkpoint, tmp_path / "out")
    assert message == (
        "no emotion has both validation texts in goemotions-ekman and validation clips in emodb; "
        "the fused head is calibrated on pairs of them"
    )


@pytest.mark.parametrize("speaker", ["03", "09"], ids=["training", "validation"])
def test_a_damaged_clip_is_named_before_any_fit(
    tmp_path: Path, checkpoint: str, speaker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fit in ("fit_text", "fit_audio"):
        monkeypatch.delattr(model.training.train, fit)
    write_goemotions(tmp_path)
    clip = write_emodb(tmp_path) / "wav" / f"{speaker}a01Wa.wav"
    clip.write_bytes(b"RIFF, and no more")
    with pytest.raises(DatasetError, match=f"^{re.escape(str(clip))}: "):
        train(tiny_training(), tmp_path, checkpoint, tmp_path / "out")


def test_clips_of_a_class_without_texts_are_not_paired(
    scorer: EmotionScorer, data_dir: Path
) -> None:
    [clip] = [
        scorer.preprocess(None, example.read_clip())
        for example in load_dataset("emodb", data_dir).split("test")[:1]
    ]
    texts = [scorer.preprocess(word, None) for word in ("happy", "sad")]
    pairs, labels = pair_by_label(
        (texts, np.array([3, 5])), ([clip, clip, clip], np.array([5, 0, 3])), seed=1
    )
    assert labels.tolist() == [5] * PAIRS_PER_CLIP + [3] * PAIRS_PER_CLIP
    assert [pair.windows for pair in pairs] == (
        [texts[1].windows] * PAIRS_PER_CLIP + [texts[0].windows] * PAIRS_PER_CLIP
    )
    assert {pair.modality for pair in pairs} == {Modality.TEXT_AUDIO}
