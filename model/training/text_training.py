"""Fine-tunes the text encoder."""

from pathlib import Path

from model.config import ClassifierConfig
from model.datasets import Dataset, target_matrix, texts_of
from model.errors import ItemError
from model.network.emotion_classifier import EmotionClassifier
from model.preprocessing.text_preprocessor import (
    TextPreprocessor,
    TokenWindows,
    clean_text,
    drop_emoji,
)
from model.training.batches import TextBatches
from model.training.fitting import HeadModel, class_weights, fit_model
from model.training.training_config import TextTraining
from schemas.emotions import Modality


def fit_text(
    classifier: EmotionClassifier,
    preprocessor: TextPreprocessor,
    settings: TextTraining,
    dataset: Dataset,
    seed: int,
    folder: Path,
) -> None:
    """Fine-tunes the text encoder and the text head together.

    Training reads the first window of a text, cut at `settings.train_tokens`; scoring reads them
    all.

    Args:
        classifier: its weights change.
        preprocessor: the classifier's.
        settings: how to train.
        dataset: texts, with splits `train` and, where the best epoch is kept, `validation`.
        seed: of the batches.
        folder: see `model.training.fitting.fit_model`.
    """
    config = classifier.config
    train = text_batches(dataset, "train", config, preprocessor, settings, seed)
    validation = None
    if dataset.splits["validation"]:
        validation = text_batches(dataset, "validation", config, preprocessor, settings, seed)
        validation.moves_on = False
    model = HeadModel(classifier, Modality.TEXT)
    weights = class_weights(train.targets, settings.fit)
    title = f"Training of the text part on {dataset.name}"
    problem_type = config.problem_type
    fit_model(model, train, validation, settings.fit, folder, title, weights, problem_type)


def text_batches(
    dataset: Dataset,
    split: str,
    config: ClassifierConfig,
    preprocessor: TextPreprocessor,
    settings: TextTraining,
    seed: int,
) -> TextBatches:
    """Returns the batches of a split; those of `train` also have its texts without their emoji."""

    def first_window(item: TokenWindows) -> tuple[int, ...]:
        return cut_window(item.windows[0], settings.train_tokens, preprocessor.suffix)

    examples = dataset.split(split)
    texts = texts_of(examples)
    windows = [first_window(item) for item in preprocessor.batch(texts)]
    without_emoji = {}
    if split == "train" and settings.emoji_dropout:
        cleaned = [clean_text(text) for text in texts]
        without = [drop_emoji(text) for text in cleaned]
        for row, item in enumerate(preprocessor.try_batch(without)):
            # A text of nothing but emoji keeps them.
            if without[row] != cleaned[row] and not isinstance(item, ItemError):
                without_emoji[row] = first_window(item)
    return TextBatches(
        windows,
        target_matrix(examples, config.emotions),
        settings.fit.batch_size,
        seed,
        preprocessor.config.window_tokens,
        without_emoji,
        settings.emoji_dropout,
    )


def cut_window(
    window: tuple[int, ...], max_tokens: int, suffix: tuple[int, ...]
) -> tuple[int, ...]:
    """Returns a window of at most `max_tokens`, which ends as it did.

    >>> cut_window((101, 7, 8, 9, 102), 4, (102,))
    (101, 7, 8, 102)
    """
    if len(window) <= max_tokens:
        return window
    return window[: max_tokens - len(suffix)] + suffix
