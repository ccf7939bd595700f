"""Figures are PNG files that hold what they should, the same bytes twice, and leave no trace."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from model.evaluation.figures import draw_confusion, draw_coverage, draw_curves, draw_reliability
from model.evaluation.metrics import selective_accuracy
from model.scoring.calibration import reliability_bins

EPOCH = {"loss": 1.5, "accuracy": 0.4, "macro_f1": 0.3}
VALIDATION = {"val_loss": 1.7, "val_accuracy": 0.3, "val_macro_f1": 0.2}


def reliability() -> tuple[object, ...]:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([0.5] * 3, 100)
    return reliability_bins(probabilities, rng.integers(0, 3, 100)), 0.321, "Reliability: made"


def coverage() -> tuple[object, ...]:
    rng = np.random.default_rng(2)
    return selective_accuracy(rng.random(50), rng.random(50) < 0.5), "Coverage: made, $1 and $2"


def confusion(n_classes: int) -> tuple[object, ...]:
    counts = np.random.default_rng(3).integers(0, 20_000, (n_classes, n_classes + 1))
    return counts.tolist(), [f"class_{index}" for index in range(n_classes)], "Confusion: made"


FIGURES: dict[str, Callable[[Path], None]] = {
    **{f"confusion-{n}": partial(draw_confusion, *confusion(n)) for n in (2, 7, 20)},  # type: ignore[arg-type]
    "reliability": partial(draw_reliability, *reliability()),  # type: ignore[arg-type]
    "coverage": partial(draw_coverage, *coverage()),  # type: ignore[arg-type]
    "curves": partial(draw_curves, [EPOCH | VALIDATION] * 3, "Training: made", kept_epoch=2),
    "curves-without-validation": partial(draw_curves, [EPOCH] * 40, "Training", kept_epoch=40),
    "curves-of-one-epoch": partial(draw_curves, [EPOCH], "Training", kept_epoch=1),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_of_the_same_bytes_twice(name: str, tmp_path: Path) -> None:
    path, again = tmp_path / "figure", tmp_path / "again.png"
    FIGURES[name](path)
    FIGURES[name](again)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert path.read_bytes() == again.read_bytes()
    pixels = (imread(again, format="png") * 255).astype(np.uint8)
    assert pixels.shape[2] == 4
    assert min(pixels.shape[:2]) > 250
    # A blank figure has one colour.
    assert len(np.unique(pixels.view(np.uint32))) > 50


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, as objects."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **options: object) -> None:
        figures.append(figure)
        save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_cells_have_shares_and_counts(drawn: list[Figure], tmp_path: Path) -> None:
    draw_confusion([[3000, 1000, 0], [0, 0, 0]], ["a", "b"], "Made", tmp_path / "figure.png")
    assert [text.get_text() for text in drawn[0].axes[0].texts] == [
        "75%\n3,000",
        "25%\n1,000",
        "0",
        "0",
    ]
    assert {"Made", "a (n 4,000)", "b (n 0)", "true class"} <= set(texts_of(drawn[0]))
    assert "other" not in texts_of(drawn[0])


def test_other_classes_have_a_column_where_they_are_predicted(
    drawn: list[Figure], tmp_path: Path
) -> None:
    draw_confusion([[3, 0, 1], [0, 4, 0]], ["a", "b"], "Made", tmp_path / "figure.png")
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "other"]
    assert [text.get_text() for text in axes.texts] == [
        "75%\n3",
        "0",
        "25%\n1",
        "0",
        "100%\n4",
        "0",
    ]


@pytest.mark.parametrize(("n_classes", "points"), [(2, 9), (7, 9), (20, 7)])
def test_no_text_of_a_confusion_matrix_overlaps_another(
    drawn: list[Figure], tmp_path: Path, n_classes: int, points: int
) -> None:
    """With counts of five digits, the widest that a data set of ours has."""
    counts = np.full((n_classes, n_classes + 1), 99_999)
    names = [f"class_{index}" for index in range(n_classes)]
    draw_confusion(counts.tolist(), names, "Made", tmp_path / "figure.png")
    (axes,) = drawn[0].axes
    cells = [text.get_window_extent() for text in axes.texts]
    for row in range(n_classes):
        in_row = cells[row * (n_classes + 1) : (row + 1) * (n_classes + 1)]
        assert all(a.x1 < b.x0 for a, b in pairwise(in_row))
    first_column = cells[:: n_classes + 1]
    assert all(a.y0 > b.y1 for a, b in pairwise(first_column))
    assert {text.get_fontsize() for text in axes.texts} == {points}


def test_reliability_draws_the_bins_that_have_items(drawn: list[Figure], tmp_path: Path) -> None:
    probabilities = np.array([[0.75, 0.25]] * 4 + [[1.0, 0.0]])
    bins = reliability_bins(probabilities, np.array([0, 0, 1, 1, 0]), n_bins=4)
    draw_reliability(bins, 0.2, "Made", tmp_path / "figure.png")
    upper, lower = drawn[0].axes
    diagonal, measured = upper.get_lines()
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_allclose(measured.get_xydata(), [[0.8, 0.6]])
    assert [(bar.get_x(), bar.get_height()) for bar in lower.patches] == [
        (0, 0),
        (0.25, 0),
        (0.5, 0),
        (0.75, 5),
    ]
    assert "measured, by bin (ECE 20.0%)" in texts_of(drawn[0])


def test_coverage_draws_accuracy_and_confidence(drawn: list[Figure], tmp_path: Path) -> None:
    entries = selective_accuracy(np.array([0.9, 0.6]), np.array([True, False]))
    draw_coverage(entries, "Made", tmp_path / "figure.png")
    upper, lower = (axes.get_lines()[0].get_xydata() for axes in drawn[0].axes)
    np.testing.assert_allclose(upper, [[0.5, 1]] * 5 + [[1, 0.5]] * 5)
    np.testing.assert_allclose(lower, [[0.5, 0.9]] * 5 + [[1, 0.6]] * 5)


def test_curves_mark_the_kept_epoch(drawn: list[Figure], tmp_path: Path) -> None:
    history = [EPOCH | VALIDATION, EPOCH | VALIDATION | {"loss": 1.0, "val_macro_f1": 0.5}]
    draw_curves(history, "Made", tmp_path / "figure.png", kept_epoch=2)
    losses, accuracies, f1s = (
        {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
        for axes in drawn[0].axes
    )
    kept = [[2, 0], [2, 1]]
    assert losses == {
        "training": [[1, 1.5], [2, 1]],
        "validation": [[1, 1.7], [2, 1.7]],
        "kept: epoch 2": kept,
    }
    assert accuracies == {
        "training": [[1, 0.4], [2, 0.4]],
        "validation": [[1, 0.3], [2, 0.3]],
        "kept: epoch 2": kept,
    }
    assert f1s == {
        "training": [[1, 0.3], [2, 0.3]],
        "validation": [[1, 0.2], [2, 0.5]],
        "kept: epoch 2": kept,
    }


def test_curves_without_validation_have_no_line_of_it(drawn: list[Figure], tmp_path: Path) -> None:
    draw_curves([EPOCH], "Made", tmp_path / "figure.png", kept_epoch=1)
    for axes in drawn[0].axes:
        assert [line.get_label() for line in axes.get_lines()] == ["training", "kept: epoch 1"]


def test_pyplot_is_not_imported(tmp_path: Path) -> None:
    """It would keep figures, and on some machines open a display."""
    code = (
        "import sys, pathlib; from model.evaluation.figures import draw_coverage\n"
        f"draw_coverage([], 'Made', pathlib.Path({str(tmp_path / 'figure.png')!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
