"""The paper's numbers, spot-checked, and what our notes say of them."""

from collections import Counter
from statistics import mean

import pytest

from model.datasets import DATASETS, Dataset, Example
from model.datasets.published_sizes import COUNTS, count_remarks
from model.paper.paper_tables import FIGURES, TABLES
from model.paper.published import EXPERIMENTS, VALUES, PaperValue

PAPER_OF = {(value.table, value.row, value.metric): value.paper for value in VALUES}
ROUNDING = 0.005
"""Of numbers that are printed with two digits."""


def column(table: str, metric: str) -> dict[str, float]:
    return {
        value.row: value.paper
        for value in VALUES
        if (value.table, value.metric) == (table, metric) and value.paper is not None
    }


@pytest.mark.parametrize(
    ("table", "row", "numbers"),
    [
        ("1", "offensive", {"n_classes": 2, "train": 11_916, "validation": 1324, "test": 860}),
        ("1", "sentiment", {"n_classes": 3, "train": 45_389, "validation": 2000, "test": 11_906}),
        (
            "2",
            "four classes, happiness with excitement",
            {"happiness": 1636, "anger": 1103, "sadness": 1084, "neutral": 1708},
        ),
        ("3", "fear", {"train": 268, "validation": 40, "test": 50}),
        ("3", "neutral", {"train": 4710, "validation": 470, "test": 1256}),
        ("4", "neutral", {"precision": 0.68, "recall": 0.82, "f1": 0.74}),
        ("5", "anger", {"precision": 0.81, "recall": 0.82, "f1": 0.82}),
        (
            "6",
            "four classes",
            {"accuracy": 0.7706, "mean_class_recall": 0.7792, "macro_precision": None},
        ),
        ("7", "sadness", {"precision": 0.35, "recall": 0.92, "f1": 0.51}),
        ("7", "all", {"accuracy": 0.6333}),
        (
            "8",
            "hate",
            {
                "macro_precision": 0.54,
                "mean_class_recall": 0.59,
                "macro_f1": 0.44,
                "accuracy": 0.4835,
            },
        ),
        ("9", "MM-EMOR, mel spectrogram", {"accuracy": 0.766, "mean_class_recall": 0.775}),
        ("9", "Huddar et al. [14]", {"accuracy": 0.766}),
        ("10", "Kumar et al. [17]", {"accuracy": 0.750, "mean_class_recall": 0.717}),
        ("11", "MM-EMOR, chromagram", {"accuracy": 0.588}),
        ("12", "emoji", {"Li et al. [1]": 0.1907, "accuracy": 0.3701}),
        ("4.4", "MELD", {"latency_ms": 16.9, "train_minutes": 325}),
    ],
)
def test_rows_are_the_papers(table: str, row: str, numbers: dict[str, float | None]) -> None:
    found = {each[2]: paper for each, paper in PAPER_OF.items() if each[:2] == (table, row)}
    assert found == numbers


def test_ours_stands_beside_it() -> None:
    """The features' ablation, and another work's number, which is not ours to measure."""
    chosen = [value for value in VALUES if value.table == "11"]
    assert chosen == [
        PaperValue("11", "Wang et al. [19]", "accuracy", 0.481, "", ""),
        PaperValue("11", "Guo et al. [10]", "accuracy", 0.548, "", ""),
        PaperValue("11", "Wang et al. [41]", "accuracy", 0.558, "", ""),
        PaperValue("11", "MM-EMOR, chromagram", "accuracy", 0.588, "meld/chroma", "accuracy"),
        PaperValue("11", "MM-EMOR, mel spectrogram", "accuracy", 0.592, "meld/mel", "accuracy"),
        PaperValue("11", "Lian et al. [42]", "accuracy", 0.62, "", ""),
        PaperValue("11", "Ho et al. [43]", "accuracy", 0.632, "", ""),
        PaperValue("11", "MM-EMOR", "accuracy", 0.633, "meld", "accuracy"),
    ]


def test_every_value_has_a_cell_of_its_own_in_a_table() -> None:
    assert len(PAPER_OF) == len(VALUES)
    assert {value.table: None for value in VALUES} == {table.table: None for table in TABLES}
    for table in TABLES:
        used = {value.metric for value in VALUES if value.table == table.table}
        assert used == set(table.columns), table.table


def test_experiments_are_known_and_all_used() -> None:
    ours = {value.experiment for value in VALUES} - {""}
    assert ours == set(EXPERIMENTS)
    assert {figure.experiment for figure in FIGURES} <= set(EXPERIMENTS)
    assert {figure.kind for figure in FIGURES} == {"confusion", "curves"}
    assert len({figure.figure for figure in FIGURES}) == len(FIGURES) == 20


def test_experiments_are_of_data_sets_and_all_counts_are_of_data_sets() -> None:
    for name in EXPERIMENTS:
        assert any(name == each or name.startswith(f"{each}/") for each in COUNTS), name
    assert set(COUNTS) <= set(DATASETS)


def test_values_without_an_experiment_are_quoted_from_the_paper() -> None:
    for value in VALUES:
        assert bool(value.experiment) == bool(value.measure)
        assert value.experiment or value.paper is not None


def test_counts_are_those_of_the_tables() -> None:
    meld = COUNTS["meld"]
    sizes = {split: sum(by_class.values()) for split, by_class in meld.items()}
    assert sizes == {"train": 9989, "validation": 1109, "test": 2610}
    assert COUNTS["tweeteval/stance"] == {"train": 2620, "validation": 294, "test": 1249}
    assert COUNTS["iemocap4"] == {
        "all": {"happiness": 595, "anger": 1103, "sadness": 1084, "neutral": 1708}
    }


def test_the_papers_wa_is_the_mean_of_its_precisions() -> None:
    wa = column("6", "mean_class_recall")
    assert wa["four classes"] == pytest.approx(
        mean(column("4", "precision").values()), abs=ROUNDING
    )
    assert list(wa.values())[1] == pytest.approx(
        mean(column("5", "precision").values()), abs=ROUNDING
    )
    recall = mean(column("4", "recall").values())
    assert recall == pytest.approx(0.7525)
    assert abs(recall - wa["four classes"]) > ROUNDING


def test_the_papers_precisions_on_meld_give_its_accuracy_and_its_recalls_do_not() -> None:
    support = column("3", "test")
    weighted = {
        metric: sum(scores[name] * n for name, n in support.items()) / sum(support.values())
        for metric, scores in ((each, column("7", each)) for each in ("precision", "recall"))
    }
    assert weighted == pytest.approx({"precision": 0.635, "recall": 0.658}, abs=5e-4)
    assert abs(weighted["precision"] - 0.6333) < ROUNDING < abs(weighted["recall"] - 0.6333)


def test_the_papers_mean_recall_on_hate_is_out_of_reach_of_its_accuracy() -> None:
    """The mean is highest where all of the smaller class is right."""
    smaller, larger = 1252, 1718
    right = PAPER_OF["8", "hate", "accuracy"] * (smaller + larger)
    highest = (1 + (right - smaller) / larger) / 2
    assert highest == pytest.approx(0.554, abs=5e-4)
    assert highest + ROUNDING < column("8", "mean_class_recall")["hate"]
    assert larger / (smaller + larger) == pytest.approx(0.578, abs=5e-4)


def dataset_of(name: str, splits: dict[str, Counter[str]]) -> Dataset:
    classes = tuple(sorted({each for counts in splits.values() for each in counts}))
    examples = {
        split: [Example(each) for each in counts.elements()] for split, counts in splits.items()
    }
    return Dataset(name, classes, examples)


def test_remarks_on_sizes_by_split() -> None:
    splits = {
        "train": Counter[str](),
        "validation": Counter(neutral=2000),
        "test": Counter(negative=6000, positive=6284),
    }
    assert count_remarks(dataset_of("tweeteval/sentiment", splits)) == [
        "tweeteval/sentiment, train: 0 items; the paper has 45389",
        "tweeteval/sentiment, validation: 2000 items, as in the paper",
        "tweeteval/sentiment, test: 12284 items; the paper has 11906",
    ]


def test_remarks_on_classes_by_split() -> None:
    of_test = {"anger": 345, "disgust": 68, "fear": 50, "joy": 402, "neutral": 1256}
    splits = {
        "validation": Counter(of_test),
        "test": Counter({**of_test, "sadness": 208, "surprise": 281}),
    }
    assert count_remarks(dataset_of("meld", splits)) == [
        "meld, validation: 2121 items; anger 345 (the paper has 153), disgust 68 (the paper has "
        "22), fear 50 (the paper has 40), joy 402 (the paper has 163), neutral 1256 (the paper has "
        "470), sadness 0 (the paper has 111), surprise 0 (the paper has 150)",
        "meld, test: 2610 items; each class as in the paper",
    ]


def test_remarks_on_classes_over_all_splits() -> None:
    splits = {
        "train": Counter(happiness=500, anger=1000, neutral=1708),
        "test": Counter(happiness=95, anger=104, sadness=1084),
    }
    assert count_remarks(dataset_of("iemocap4", splits)) == [
        "iemocap4, train: 3208 items",
        "iemocap4, test: 1283 items",
        "iemocap4, all: 4491 items; anger 1104 (the paper has 1103)",
    ]


def test_remarks_on_a_data_set_that_the_paper_lacks() -> None:
    assert count_remarks(dataset_of("emodb", {"test": Counter(joy=2)})) == ["emodb, test: 2 items"]
