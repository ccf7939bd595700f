"""A model measured on many data sets at once, most of which it was not trained on: one table."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from model.datasets import Dataset, load_dataset
from model.datasets.label_map import LabelMap
from model.errors import ConfigError, DatasetError
from model.evaluation.evaluate import evaluate_model
from model.nearest_name import known_names
from model.scoring.artifact import Artifact
from model.scoring.engine import Engine
from model.scoring.scorer import EmotionScorer, emotions_among
from schemas.emotions import Modality

NEUTRAL = "neutral"


@dataclass(frozen=True)
class SuiteTest:
    """One line of a suite.

    Attributes:
        title: what people call it.
        dataset: a name of DATASETS; its test split is measured, or all where it has none.
        label_map: its labels as emotions of the model.
        emotions: those to choose from; all of the model's where empty.
        modality: text or audio alone, of a data set that has both; None for what is there.
    """

    title: str
    dataset: str
    label_map: LabelMap = field(default_factory=lambda: LabelMap({}, ()))
    emotions: tuple[str, ...] = ()
    modality: Modality | None = None


JOYFUL = LabelMap({"optimism": "joy"}, ())
SUITES: dict[str, tuple[SuiteTest, ...]] = {
    "default": (
        SuiteTest("GoEmotions, Ekman's groups", "goemotions-ekman"),
        SuiteTest("TweetEval emotion, optimism as joy", "tweeteval/emotion", JOYFUL),
        SuiteTest(
            "the same among anger, joy, sadness",
            "tweeteval/emotion",
            JOYFUL,
            ("anger", "joy", "sadness"),
        ),
        SuiteTest("EmoEvent, English", "emoevent-en"),
        SuiteTest("EmoEvent, Spanish", "emoevent-es"),
        *(
            SuiteTest(f"BRIGHTER, {name}, at most one emotion", f"brighter-{code}")
            for name, code in (
                ("English", "en"),
                ("German", "de"),
                ("Spanish", "es"),
                ("Portuguese (Brazil)", "pt-br"),
                ("Russian", "ru"),
                ("Chinese", "zh"),
            )
        ),
        SuiteTest("MELD, text", "meld", modality=Modality.TEXT),
        SuiteTest("EmoDB, German speech of one speaker", "emodb"),
        SuiteTest("EmoGator, bursts of the voice", "emogator"),
    )
}


@dataclass(frozen=True)
class SuiteResult:
    """What a model is worth on one data set.

    Attributes:
        title, dataset: of the test.
        n: items.
        accuracy, mean_class_recall, macro_f1: 0 to 1; see `model.evaluation.metrics`.
        ci95: the 95 % bootstrap interval of each of the three.
        ece: expected calibration error, 0 to 1.
        neutral, predicted_neutral: share of the items that are neutral, and that are called so;
            None where the model does not choose neutral.
    """

    title: str
    dataset: str
    n: int
    accuracy: float
    mean_class_recall: float
    macro_f1: float
    ci95: dict[str, tuple[float, float]]
    ece: float | None
    neutral: float | None
    predicted_neutral: float | None


def suite_tests(suite: str) -> tuple[SuiteTest, ...]:
    """Returns the tests of a suite.

    Raises:
        ConfigError: there is none of that name.
    """
    if suite not in SUITES:
        raise ConfigError(f"--suite is {suite!r}; {known_names(suite, SUITES, 'there is')}")
    return SUITES[suite]


def measure_suite(
    suite: str, data_dir: Path, artifact: Artifact, engine: Engine, log: Callable[[str], Any]
) -> list[SuiteResult]:
    """Measures a model on each data set of a suite that is there.

    Args:
        suite: a name of SUITES.
        data_dir: the directory that holds the data sets under their usual names.
        artifact: the model.
        engine: what it runs on.
        log: called with a line on each data set, and on one that is left out: it is not there, or
            the model does not read or hear it, or does not know one of its classes.

    Raises:
        ConfigError: there is no such suite.
        DatasetError: none of its data sets can be measured.
    """
    results = []
    for test in suite_tests(suite):
        try:
            results.append(_measure(test, data_dir, artifact, engine))
        except (ConfigError, DatasetError) as error:
            log(f"{test.title}: left out: {error}")
        else:
            log(f"{test.title}: n {results[-1].n}, accuracy {results[-1].accuracy:.4f}")
    if not results:
        raise DatasetError(f"{data_dir} holds no data set of --suite {suite} that can be measured")
    return results


def _measure(test: SuiteTest, data_dir: Path, artifact: Artifact, engine: Engine) -> SuiteResult:
    dataset = load_dataset(test.dataset, data_dir)
    if dataset.is_multi_label:
        dataset = with_at_most_one(dataset)
    if test.modality:
        dataset = of_modality(dataset, test.modality)
    emotions = emotions_among(artifact.config.emotions, test.emotions)
    dataset = test.label_map.apply(dataset, emotions)
    scorer = EmotionScorer(artifact, engine, emotions)
    split = "test" if dataset.names_splits else "train"
    measured = evaluate_model(scorer, dataset, split, lambda _: None)
    metrics = measured.metrics
    neutral = predicted = None
    if NEUTRAL in emotions:
        # Of a data set without the class, what is called neutral is among the other predictions.
        place = (*dataset.emotions, *(e for e in emotions if e not in dataset.emotions)).index(
            NEUTRAL
        )
        neutral = float((measured.labels == place).mean())
        predicted = float((measured.predictions == place).mean())
    return SuiteResult(
        title=test.title,
        dataset=test.dataset,
        n=metrics.n,
        accuracy=metrics.accuracy,
        mean_class_recall=metrics.mean_class_recall,
        macro_f1=metrics.macro_f1,
        ci95={name: metrics.ci95[name] for name in ("accuracy", "mean_class_recall", "macro_f1")},
        ece=metrics.ece,
        neutral=neutral,
        predicted_neutral=predicted,
    )


def with_at_most_one(dataset: Dataset) -> Dataset:
    """Returns a multi-label data set's items with one emotion, or with none, which is neutral.

    >>> from model.datasets import Example
    >>> rows = [Example.of_several(names, "so") for names in (["joy"], [], ["joy", "fear"])]
    >>> dataset = Dataset("x", ("fear", "joy"), {"test": rows}, problem_type="multi_label")
    >>> [each.emotion for each in with_at_most_one(dataset).split("test")]
    ['joy', 'neutral']
    """
    splits = {
        name: [
            replace(each, emotion=each.emotion or NEUTRAL, emotions=())
            for each in examples
            if len(each.labels) < 2
        ]
        for name, examples in dataset.splits.items()
    }
    emotions = tuple(sorted({*dataset.emotions, NEUTRAL}))
    return replace(dataset, emotions=emotions, splits=splits, problem_type="single_label")


def of_modality(dataset: Dataset, modality: Modality) -> Dataset:
    """Returns a data set's items with their texts alone, or their clips alone."""
    absent: dict[str, Any] = {"clip": None} if modality == Modality.TEXT else {"text": None}
    splits = {
        name: [replace(each, **absent) for each in examples]
        for name, examples in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


def suite_table(results: Sequence[SuiteResult]) -> str:
    """Returns the results as a table in Markdown, each score with its 95 % interval."""

    def scored(result: SuiteResult, name: str) -> str:
        low, high = result.ci95[name]
        return f"{getattr(result, name):.3f} [{low:.3f}, {high:.3f}]"

    def shares(result: SuiteResult) -> str:
        if result.neutral is None or result.predicted_neutral is None:
            return "–"
        return f"{result.neutral:.0%} → {result.predicted_neutral:.0%}"

    rows = [
        f"| {each.title} | {each.n:,} | {scored(each, 'accuracy')} | "
        f"{scored(each, 'mean_class_recall')} | {scored(each, 'macro_f1')} | "
        f"{'–' if each.ece is None else f'{each.ece:.3f}'} | {shares(each)} |"
        for each in results
    ]
    return "\n".join(
        [
            "| data | n | accuracy | mean recall | macro-F1 | ECE | neutral: true → predicted |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def suite_as_dict(results: Sequence[SuiteResult]) -> list[dict[str, Any]]:
    """Returns the results as they stand in `suite.json`."""
    return [asdict(each) for each in results]
