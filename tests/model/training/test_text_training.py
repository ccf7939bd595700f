"""What the text part is trained on, and what of it is read without its emoji."""

from dataclasses import replace

import pytest

from model.datasets import Dataset
from model.datasets.dataset import Example
from model.network.backend import start_keras
from model.preprocessing.text_preprocessor import TextPreprocessor
from model.training.training_config import FitConfig, TextTraining
from tests.support.tiny_models import tiny_classifier_config, word_piece_tokenizer

start_keras()
from model.training.text_training import cut_window, text_batches  # noqa: E402

TEXTS = (
    "the rain",
    "the rain &#128514;",
    "😂😂",
    "happy \ufe0f \ufe0f",
    "the  rain &amp;amp;amp; ",
)
SETTINGS = TextTraining("some", FitConfig(), train_tokens=24, emoji_dropout=0.5)


@pytest.mark.parametrize("emoji", ["describe_all", "describe", "keep"])
def test_training_texts_with_emoji_also_stand_without(emoji: str) -> None:
    """Not those of nothing but emoji, nor those that cleaning again would change."""
    config = tiny_classifier_config(audio=False)
    assert config.text
    preprocessor = TextPreprocessor(replace(config.text, emoji=emoji), word_piece_tokenizer())
    examples = [Example("joy", text) for text in TEXTS]
    dataset = Dataset("some", config.emotions, {"train": examples, "validation": examples})

    def windows_of(text: str) -> tuple[int, ...]:
        return cut_window(preprocessor(text).windows[0], 24, preprocessor.suffix)

    train = text_batches(dataset, "train", config, preprocessor, SETTINGS, seed=1)
    assert list(train.windows) == [windows_of(text) for text in TEXTS]
    assert train.without_emoji == {1: windows_of("the rain"), 3: windows_of("happy")}
    assert train.emoji_dropout == 0.5

    for split, settings in (
        ("validation", SETTINGS),
        ("train", replace(SETTINGS, emoji_dropout=0)),
    ):
        assert not text_batches(
            dataset, split, config, preprocessor, settings, seed=1
        ).without_emoji
