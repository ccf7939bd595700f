"""Fine-tunes the text encoder."""

from pathlib import Path

from model.batches import TextBatches
from model.datasets import Dataset, label_indices, one_hot, texts_of
from model.emotion_classifier import EmotionClassifier
from model.fitting import HeadModel, class_weights, fit_model
from model.text_preprocessor import TextPreprocessor
from model.training_config import TextTraining
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
        folder: see `model.fitting.fit_model`.
    """

    def batches_of(split: str) -> TextBatches:
        examples = dataset.split(split)
        windows = [
            cut_window(item.windows[0], settings.train_tokens, preprocessor.suffix)
            for item in preprocessor.batch(texts_of(examples))
        ]
        targets = one_hot(label_indices(examples, classifier.config.emotions), classifier.config)
        return TextBatches(
            windows,
            targets,
            settings.fit.batch_size,
            seed,
            preprocessor.config.window_tokens,
        )

    train = batches_of("train")
    validation = batches_of("validation") if dataset.splits["validation"] else None
    if validation:
        validation.moves_on = False
    model = HeadModel(classifier, Modality.TEXT)
    weights = class_weights(train.targets, settings.fit)
    title = f"Training of the text part on {dataset.name}"
    fit_model(model, train, validation, settings.fit, folder, title, weights)


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
