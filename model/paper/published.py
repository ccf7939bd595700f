"""Section 4 of the MM-EMOR paper as data: what it prints, and which of our measures is compared.

The numbers are those of Adel, Fathalla, Abo ElFarag: MM-EMOR, Big Data Cogn. Comput. 2023, 7, 164,
doi:10.3390/bdcc7040164 (CC BY 4.0). The words are ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from model.datasets.published_sizes import (
    IEMOCAP_COUNTS,
    MELD_COUNTS,
    SPLITS,
    TWEETEVAL_SIZES,
)
from schemas.emotions import EKMAN_AND_NEUTRAL, Modality

SOURCE = (
    "Adel, O.; Fathalla, K.M.; Abo ElFarag, A. MM-EMOR: Multi-Modal Emotion Recognition of Social "
    "Media Using Concatenated Deep Learning Networks. Big Data Cogn. Comput. 2023, 7, 164. "
    "https://doi.org/10.3390/bdcc7040164"
)


@dataclass(frozen=True)
class PaperValue:
    """A number of the paper, or of ours where it has none, and where ours is found.

    Attributes:
        table: the id of its table, as in `model.paper.paper_tables`.
        row: its row there.
        metric: its column there.
        paper: as the paper prints it; None where it prints none.
        experiment: a key of EXPERIMENTS; empty for another work's number that the paper quotes.
        measure: where ours stands in an experiment's outcome: a key of `metrics.json` or a path
            such as `per_class.anger.f1` or `by_part.scripted.accuracy`; `train_minutes`; of the
            data set's counts `counts.train`, `counts.train.anger`, `counts.all.anger` (over all
            splits) or `n_classes`. Empty where `experiment` is.
        head: `text` or `audio` for the part of that modality alone; `text+audio` for the whole
            model, but only where it was given clips; empty for the whole model on what there is.
    """

    table: str
    row: str
    metric: str
    paper: float | None
    experiment: str
    measure: str
    head: str = ""


TASKS = ("emotion", "hate", "irony", "offensive", "sentiment", "stance", "emoji")
"""TweetEval's tasks in the paper's order."""
CLASS_SETS = {
    "iemocap4": "four classes",
    "iemocap4-excited": "four classes, happiness with excitement",
}
FOLDS = {"random": "five random folds", "session": "one session left out"}
Feature = Literal["chroma", "mel"]
FEATURES: dict[Feature, str] = {"chroma": "chromagram", "mel": "mel spectrogram"}

EXPERIMENTS: dict[str, str] = {
    **{f"tweeteval/{task}": f"TweetEval, {task}" for task in TASKS},
    "meld": "MELD",
    **{f"meld/{name}": f"MELD, audio as {feature} only" for name, feature in FEATURES.items()},
    **{
        f"{dataset}/{run}": f"IEMOCAP, {classes}, {described}"
        for dataset, classes in CLASS_SETS.items()
        for run, described in (
            ("random", FOLDS["random"]),
            *(
                (f"random/{key}", f"{FOLDS['random']}, audio as {name} only")
                for key, name in FEATURES.items()
            ),
            ("session", FOLDS["session"]),
        )
    },
}
"""By name: what is trained and tested, on what and how."""

# fmt: off
_PER_CLASS: dict[str, dict[str, tuple[float, ...]]] = {  # precision, recall, F1
    "4": {
        "anger": (0.90, 0.80, 0.85), "happiness": (0.73, 0.66, 0.69),
        "neutral": (0.68, 0.82, 0.74), "sadness": (0.81, 0.73, 0.77),
    },
    "5": {
        "anger": (0.81, 0.82, 0.82), "happiness": (0.84, 0.76, 0.80),
        "neutral": (0.59, 0.73, 0.66), "sadness": (0.84, 0.74, 0.79),
    },
    "7": {
        "anger": (0.37, 0.57, 0.45), "disgust": (0.37, 0.83, 0.51), "fear": (0.46, 0.82, 0.59),
        "joy": (0.31, 0.64, 0.42), "neutral": (0.92, 0.62, 0.74), "sadness": (0.35, 0.92, 0.51),
        "surprise": (0.46, 0.70, 0.55),
    },
}
_IEMOCAP_ACCURACY = {"iemocap4": (0.7706, 0.7792), "iemocap4-excited": (0.7622, 0.7705)}  # UA, WA
_TWEETEVAL_SCORES = {  # average precision, average recall, average F1, accuracy
    "emotion": (0.59, 0.69, 0.61, 0.6806), "hate": (0.54, 0.59, 0.44, 0.4835),
    "irony": (0.64, 0.64, 0.64, 0.6543), "offensive": (0.68, 0.74, 0.70, 0.7826),
    "sentiment": (0.51, 0.56, 0.51, 0.5539), "stance": (0.50, 0.50, 0.50, 0.5677),
    "emoji": (0.22, 0.27, 0.21, 0.3701),
}
_COMPARISONS: dict[str, dict[str, tuple[float | None, ...]]] = {  # UA, WA; MELD: accuracy
    "9": {
        "H.Xu et al. [12]": (0.709, 0.725), "Guo et al. [10]": (0.725, 0.719),
        "Zaidi et al. [20]": (0.756, None),
        "MM-EMOR, chromagram": (0.761, 0.769), "MM-EMOR, mel spectrogram": (0.766, 0.775),
        "Huddar et al. [14]": (0.766, None), "Wang et al. [37]": (0.77, 0.765),
        "MM-EMOR": (0.771, 0.779),
    },
    "10": {
        "S. Sahoo et al. [38]": (0.687, None), "H. Feng et al. [39]": (0.697, 0.686),
        "S. Tripathi et al. [13]": (0.697, None), "MM-EMOR, chromagram": (0.744, 0.753),
        "Kumar et al. [17]": (0.750, 0.717), "MM-EMOR, mel spectrogram": (0.759, 0.767),
        "Setyono et al. [40]": (0.76, 0.76), "MM-EMOR": (0.762, 0.771),
    },
    "11": {
        "Wang et al. [19]": (0.481,), "Guo et al. [10]": (0.548,), "Wang et al. [41]": (0.558,),
        "MM-EMOR, chromagram": (0.588,), "MM-EMOR, mel spectrogram": (0.592,),
        "Lian et al. [42]": (0.62,), "Ho et al. [43]": (0.632,), "MM-EMOR": (0.633,),
    },
}
_COMPARED = {"9": "iemocap4/random", "10": "iemocap4-excited/random", "11": "meld"}
_LI_ET_AL = {
    "emotion": 0.6770, "hate": 0.5950, "irony": 0.6667, "offensive": 0.7371,
    "sentiment": 0.6143, "stance": 0.6756, "emoji": 0.1907,
}
_TIMES = {  # milliseconds an item, minutes of training
    "IEMOCAP": ("iemocap4/random", (19.9, 242.0)), "MELD": ("meld", (16.9, 325.0)),
    "TweetEval, emotion": ("tweeteval/emotion", (0.51, 49.0)),
}
# fmt: on

_ACCURACIES = ("accuracy", "mean_class_recall")
_OWN_SCORES = (*_ACCURACIES, "macro_f1")
_EACH_CLASS = ("precision", "recall", "f1")
_LI = "Li et al. [1]"


def _row(
    table: str,
    row: str,
    numbers: Mapping[str, float | None],
    experiment: str = "",
    measure: str = "{metric}",
    head: str = "",
) -> Iterator[PaperValue]:
    """Yields the values of a row; `measure` is where ours stands, with the metric's name in it."""
    for metric, paper in numbers.items():
        path = measure.format(metric=metric) if experiment else ""
        yield PaperValue(table, row, metric, paper, experiment, path, head)


def _size_values() -> Iterator[PaperValue]:
    for task, (n_classes, *sizes) in TWEETEVAL_SIZES.items():
        name = f"tweeteval/{task}"
        yield from _row("1", task, {"n_classes": n_classes}, name)
        yield from _row("1", task, dict(zip(SPLITS, sizes, strict=True)), name, "counts.{metric}")
    for dataset, counts in IEMOCAP_COUNTS.items():
        row = CLASS_SETS[dataset]
        yield from _row("2", row, counts, f"{dataset}/random", "counts.all.{metric}")
    for index, emotion in enumerate(EKMAN_AND_NEUTRAL):
        by_split = {split: counts[index] for split, counts in MELD_COUNTS.items()}
        yield from _row("3", emotion, by_split, "meld", f"counts.{{metric}}.{emotion}")


def _class_values(table: str, experiment: str) -> Iterator[PaperValue]:
    for name, scores in _PER_CLASS[table].items():
        numbers = dict(zip(_EACH_CLASS, scores, strict=True))
        yield from _row(table, name, numbers, experiment, f"per_class.{name}.{{metric}}")


def _score_values() -> Iterator[PaperValue]:
    yield from _class_values("4", "iemocap4/random")
    yield from _class_values("5", "iemocap4-excited/random")
    for dataset, classes in CLASS_SETS.items():
        numbers = dict(zip(_ACCURACIES, _IEMOCAP_ACCURACY[dataset], strict=True))
        yield from _row("6", classes, {**numbers, "macro_precision": None}, f"{dataset}/random")
    yield from _class_values("7", "meld")
    yield from _row("7", "all", {"accuracy": 0.6333}, "meld")
    metrics = ("macro_precision", "mean_class_recall", "macro_f1", "accuracy")
    for task, scores in _TWEETEVAL_SCORES.items():
        yield from _row("8", task, dict(zip(metrics, scores, strict=True)), f"tweeteval/{task}")


def _comparison_values() -> Iterator[PaperValue]:
    variants = {
        "MM-EMOR": "",
        **{f"MM-EMOR, {feature}": f"/{name}" for name, feature in FEATURES.items()},
    }
    for table, rows in _COMPARISONS.items():
        for method, scores in rows.items():
            # The second metric is missing where the paper has a dash, and for MELD.
            pairs = zip(_ACCURACIES, scores, strict=False)
            numbers = {metric: score for metric, score in pairs if score is not None}
            experiment = _COMPARED[table] + variants[method] if method in variants else ""
            yield from _row(table, method, numbers, experiment)
    for task, accuracy in _LI_ET_AL.items():
        yield from _row("12", task, {_LI: accuracy})
        yield from _row("12", task, {"accuracy": _TWEETEVAL_SCORES[task][-1]}, f"tweeteval/{task}")


def _own_values() -> Iterator[PaperValue]:
    scores = dict.fromkeys(_OWN_SCORES)
    runs = [
        (f"{dataset}/{run}", f"{classes}, {folds}")
        for dataset, classes in CLASS_SETS.items()
        for run, folds in FOLDS.items()
    ]
    for experiment, name in runs:
        yield from _row("A", f"{name}, all", scores, experiment)
        for part in ("improvised", "scripted"):
            measure = f"by_part.{part}.{{metric}}"
            yield from _row("A", f"{name}, {part}", scores, experiment, measure)
    for experiment, name in (
        *((each, f"IEMOCAP, {name}") for each, name in runs),
        ("meld", "MELD"),
    ):
        for head in Modality:
            yield from _row("B", f"{name}, {head}", scores, experiment, head=head)
    for task in TASKS:
        yield from _row("C", task, {"official": None}, f"tweeteval/{task}")


def _time_values() -> Iterator[PaperValue]:
    for name, (experiment, times) in _TIMES.items():
        numbers = dict(zip(("latency_ms", "train_minutes"), times, strict=True))
        yield from _row("4.4", name, numbers, experiment)


VALUES: tuple[PaperValue, ...] = (
    *_size_values(),
    *_score_values(),
    *_comparison_values(),
    *_time_values(),
    *_own_values(),
)
"""Every cell of section 4's tables and of ours that it lacks, table after table, row after row."""
