"""The page of results: its tables, word for word."""

from pathlib import Path

from model.paper.comparison import MEASURED
from model.paper.results import Outcome
from tests.model.paper.test_results import plain, section, write


def test_a_table_is_exact(tmp_path: Path) -> None:
    outcomes = {
        "iemocap4/random": Outcome(MEASURED, plain(0.75, 0.7, 0.76), note="tiny\nencoder"),
    }
    _, page = write(tmp_path, outcomes)
    table, _, notes = section(page, "Table 6. IEMOCAP: accuracy").partition("\n\n")
    assert table.splitlines() == [
        "| classes | accuracy (the paper's UA), paper | ours "
        "| mean class recall (the paper's WA), paper | ours | mean class precision, ours |",
        "| --- | --- | --- | --- | --- | --- |",
        "| four classes | 0.7706 | 0.750 [0.700, 0.760], below "
        "| 0.7792 | 0.750 [0.700, 0.760], below | 0.750 [0.700, 0.760] |",
        "| four classes, happiness with excitement | 0.7622 | not run: no corpus "
        "| 0.7705 | not run: no corpus | not run: no corpus |",
    ]
    assert notes.splitlines()[-1] == ("- IEMOCAP, four classes, five random folds: tiny encoder")


def test_a_table_of_which_nothing_was_run_says_so_once_a_row(tmp_path: Path) -> None:
    _, page = write(tmp_path, {})
    assert section(page, "Table 4. IEMOCAP, four classes, by class").splitlines() == [
        "| class | precision, paper | recall, paper | F1, paper | ours |",
        "| --- | --- | --- | --- | --- |",
        "| anger | 0.90 | 0.80 | 0.85 | not run: no corpus |",
        "| happiness | 0.73 | 0.66 | 0.69 | not run: no corpus |",
        "| neutral | 0.68 | 0.82 | 0.74 | not run: no corpus |",
        "| sadness | 0.81 | 0.73 | 0.77 | not run: no corpus |",
    ]
    quoted = section(
        page, "Table 10. IEMOCAP, four classes, happiness with excitement, beside other methods"
    )
    assert quoted.splitlines()[2:6] == [
        "| S. Sahoo et al. [38] | 0.687 | – | quoted |",
        "| H. Feng et al. [39] | 0.697 | 0.686 | quoted |",
        "| S. Tripathi et al. [13] | 0.697 | – | quoted |",
        "| MM-EMOR, chromagram | 0.744 | 0.753 | not run: no corpus |",
    ]
    assert section(page, "Table 12. TweetEval: accuracy beside another's").splitlines()[:3] == [
        "| task | Li et al. [1], quoted | MM-EMOR, paper | ours |",
        "| --- | --- | --- | --- |",
        "| emotion | 0.677 | 0.6806 | not run: no corpus |",
    ]


def test_the_summary_compares_accuracies(tmp_path: Path) -> None:
    """With those that the paper gives four digits; 0.6333 is inside the second interval."""
    outcomes = {
        "tweeteval/hate": Outcome(
            MEASURED,
            {**plain(0.5, 0.49, 0.51), "official": 0.45},
            note="one epoch",
        ),
        "meld": Outcome(MEASURED, plain(0.62, 0.6, 0.64), note="one epoch"),
        "iemocap4/session": Outcome(MEASURED, plain(0.7, 0.68, 0.72)),
    }
    _, page = write(tmp_path, outcomes)
    lines = section(page, "Summary").splitlines()
    assert lines[0] == (
        "| experiment | n | accuracy | macro-F1 | official | accuracy, paper | difference |"
    )
    assert lines[3] == (
        "| TweetEval, hate | 1,234 | 0.500 [0.490, 0.510] | 0.500 [0.490, 0.510] | 0.450 "
        "| 0.4835 | +0.017, above |"
    )
    assert lines[9] == (
        "| MELD | 1,234 | 0.620 [0.600, 0.640] | 0.620 [0.600, 0.640] | – "
        "| 0.6333 | -0.013, no clear difference |"
    )
    assert lines[15] == (
        "| IEMOCAP, four classes, one session left out | 1,234 | 0.700 [0.680, 0.720] "
        "| 0.700 [0.680, 0.720] | – | – | – |"
    )
    assert lines[-1] == "- TweetEval, hate; MELD: one epoch"


def test_text_alone_is_not_shown_as_text_with_audio(tmp_path: Path) -> None:
    metrics = plain(0.6, 0.58, 0.62)
    table, _ = write(
        tmp_path, {"meld": Outcome(MEASURED, {**metrics, "by_head": {"text": metrics}})}
    )
    found = {
        row["row"]: (row["ours"], row["status"])
        for row in table.to_pylist()
        if row["table"] == "B" and row["experiment"] == "meld" and row["metric"] == "accuracy"
    }
    assert found == {
        "MELD, text": (0.6, "measured"),
        "MELD, audio": (None, "not run: no clips"),
        "MELD, text+audio": (None, "not run: no clips"),
    }


def test_counts_need_no_experiment_and_say_where_they_differ(tmp_path: Path) -> None:
    counts = {
        "train": {},
        "validation": {"negative": 1500, "neutral": 500},
        "test": {"negative": 12_000, "positive": 284},
    }
    outcomes = {"tweeteval/sentiment": Outcome("not run: no train texts", counts=counts)}
    table, page = write(tmp_path, outcomes)
    lines = section(page, "Table 1. TweetEval: classes, and tweets in each split").splitlines()
    assert lines[6] == (
        "| sentiment | 3 | 3 | 45,389 | 0, differs | 2,000 | 2,000 | 11,906 | 12,284, differs |"
    )
    accuracies = [row for row in table.to_pylist() if row["experiment"] == "tweeteval/sentiment"]
    assert {row["table"]: row["status"] for row in accuracies} == {
        "1": "measured",
        "8": "not run: no train texts",
        "12": "not run: no train texts",
        "C": "not run: no train texts",
    }


def test_times_have_the_papers_units(tmp_path: Path) -> None:
    metrics = {**plain(0.6, 0.58, 0.62), "latency_ms": 4.5678, "train_seconds": 1230.0}
    _, page = write(tmp_path, {"meld": Outcome(MEASURED, metrics)})
    assert (
        section(page, "Section 4.4. Time").splitlines()[3] == "| MELD | 16.9 | 4.57 | 325 | 20.5 |"
    )


def test_figures_stand_beneath_their_captions(tmp_path: Path) -> None:
    figures = {"confusion": "figures/meld confusion.png", "reliability": "figures/meld.png"}
    _, page = write(tmp_path, {"meld": Outcome(MEASURED, plain(0.6, 0.5, 0.7), figures=figures)})
    shown = section(page, "Figures")
    assert shown.startswith(
        "Figure 10. Confusion matrix of MELD.\n\n"
        "![Confusion matrix of MELD](figures/meld%20confusion.png)\n\n"
        "- Figure 6. Confusion matrix of IEMOCAP, four classes: not run: no corpus\n"
    )
    assert "\n- Figure 11. Accuracy by epoch of MELD: not drawn\n" in shown
    assert shown.endswith(
        "Not in the paper. MELD: reliability.\n\n![MELD: reliability](figures/meld.png)"
    )
