"""Fine-tunes the text encoder."""

from model.batches import TextBatches
from model.datasets import Dataset, label_indices, one_hot, texts_of
from model.emotion_classifier import EmotionClassifier
from model.fitting import HeadModel, fit_model
from model.text_preprocessor import TextPreprocessor
from model.training_config import TextTraining
from schemas.emotions import Modality


def fit_text(
    classifier: EmotionClassifier,
    preprocessor: TextPreprocessor,
    settings: TextTraining,
    dataset: Dataset,
    seed: int,
) -> None:
    """Fine-tunes the text encoder and the text head together.

    Training reads the first window of a text, cut at `settings.train_tokens`; scoring reads them
    all.
    """
    batches = {}
    for split in ("train", "validation"):
        examples = dataset.split(split)
        windows = [
            cut_window(item.windows[0], settings.train_tokens, preprocessor.suffix)
            for item in preprocessor.batch(texts_of(examples))
        ]
        targets = one_hot(label_indices(examples, classifier.config.emotions), classifier.config)
        batches[split] = TextBatches(windows, targets, settings.fit.batch_size, seed)
    model = HeadModel(classifier, Modality.TEXT)
    fit_model(model, batches["train"], batches["validation"], settings.fit)


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
