"""Figures of an evaluation and of a training, as PNG files; the same bytes for the same values."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from model.scoring.calibration import ReliabilityBin

OTHER = "other"
"""The last column of a confusion matrix: predictions of a class that the data set does not have."""
# Okabe and Ito's colours, which the colour-blind tell apart.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
DOTS_PER_INCH = 120


def draw_confusion(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str], title: str, path: Path
) -> None:
    """Draws a confusion matrix: in each cell the share of its row, as colour and %, and the count.

    Args:
        confusion: items by true class (rows) and predicted class (columns); a last column for
            predictions of other classes, which is drawn where it counts any.
        class_names: the data set's classes; up to some 20 are legible.
        title: what it is the confusion of.
        path: PNG file to write.
    """
    counts = np.asarray(confusion)
    columns = list(class_names)
    if counts[:, len(columns) :].any():
        columns.append(OTHER)
    counts = counts[:, : len(columns)]
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    is_small = len(columns) <= 10
    cell_inches = 0.8 if is_small else 0.55
    figure = _figure(
        width_inches=2.8 + cell_inches * len(columns),
        height_inches=1.2 + cell_inches * len(class_names),
    )
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        count, share = counts[row, column], shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.0%}\n{count:,}" if count else "0",
            horizontalalignment="center",
            verticalalignment="center",
            fontsize=9 if is_small else 7,
            # Only the darkest third of the colours needs light text; zeros step back.
            color=GREY if not count else "white" if share > 0.65 else "black",
        )
    rows = [f"{name} (n {n:,})" for name, n in zip(class_names, support, strict=True)]
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set_xticks(range(len(columns)), columns, parse_math=False)
    if not is_small or max(map(len, columns)) > 9:
        axes.tick_params("x", rotation=45)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    axes.set_xlabel("predicted class\n(in a cell: share of the true class, and items)")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _save(figure, title, path)


def draw_reliability(bins: Sequence[ReliabilityBin], ece: float, title: str, path: Path) -> None:
    """Draws accuracy against confidence, and below it how many items each bin of confidence has.

    Args:
        bins: as `reliability_bins` gives them.
        ece: expected calibration error, 0 to 1, which stands in the legend.
        title: what it is the reliability of.
        path: PNG file to write.
    """
    figure = _figure(width_inches=5.6, height_inches=6.4)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    filled = [each for each in bins if each.n]
    upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    upper.plot(
        [each.confidence for each in filled],
        [each.accuracy for each in filled],
        color=BLUE,
        marker="o",
        label=f"measured, by bin (ECE {ece:.1%})",
    )
    upper.set_ylabel("accuracy of the bin (%)")
    upper.set_ylim(-0.02, 1.02)
    upper.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    upper.legend(loc="upper left", frameon=False)
    lower.bar(
        [each.low for each in bins],
        [each.n for each in bins],
        width=[each.high - each.low for each in bins],
        align="edge",
        color=BLUE,
        edgecolor="white",
    )
    lower.set_ylabel("items")
    lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    lower.yaxis.set_major_formatter("{x:,.0f}")
    lower.set_xlabel("confidence: the highest probability (%)")
    lower.set_xlim(-0.02, 1.02)
    lower.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    figure.align_ylabels()
    _clear((upper, lower))
    _save(figure, title, path)


def draw_coverage(coverage: Sequence[Mapping[str, float]], title: str, path: Path) -> None:
    """Draws the accuracy of the most confident items against their share, and the least confidence.

    Args:
        coverage: as `Metrics.coverage` has it.
        title: what it is the coverage of.
        path: PNG file to write.
    """
    figure = _figure(width_inches=5.6, height_inches=6.4)
    upper, lower = figure.subplots(2, sharex=True)
    shares = [entry["coverage"] for entry in coverage]
    for axes, name, label in (
        (upper, "accuracy", "accuracy of the items kept (%)"),
        (lower, "min_confidence", "least confidence kept (%)"),
    ):
        axes.plot(shares, [entry[name] for entry in coverage], color=BLUE, marker="o")
        axes.set_ylabel(label)
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    lower.set_xlabel("coverage: share of the items kept, the most confident first (%)")
    lower.set_xlim(0, 1.03)
    lower.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    figure.align_ylabels()
    _clear((upper, lower))
    _save(figure, title, path)


def draw_curves(
    history: Sequence[Mapping[str, float]], title: str, path: Path, kept_epoch: int
) -> None:
    """Draws loss, accuracy and macro-F1 by epoch, of training and where there is any of validation.

    Args:
        history: for each epoch `loss`, `accuracy` and `macro_f1`, and their `val_` likes where
            there is validation.
        title: what was trained.
        path: PNG file to write.
        kept_epoch: epoch whose weights were kept; the first is 1.
    """
    figure = _figure(width_inches=11, height_inches=3.8)
    panels = figure.subplots(1, 3)
    epochs = range(1, len(history) + 1)
    for axes, name, label in zip(
        panels,
        ("loss", "accuracy", "macro_f1"),
        ("loss (nats)", "accuracy (%)", "macro-F1 (%)"),
        strict=True,
    ):
        for prefix, part, color, marker in (
            ("", "training", BLUE, "o"),
            ("val_", "validation", ORANGE, "s"),
        ):
            values = [epoch.get(prefix + name, np.nan) for epoch in history]
            if not np.isnan(values).all():
                axes.plot(
                    epochs,
                    values,
                    color=color,
                    # More than these run into one another.
                    marker=marker if len(history) <= 30 else None,
                    markersize=4,
                    label=part,
                )
        axes.axvline(
            kept_epoch, color=GREY, linestyle="--", linewidth=1, label=f"kept: epoch {kept_epoch}"
        )
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if name == "loss":
            axes.set_ylim(bottom=0)
        else:
            axes.set_ylim(0, 1.03)
            axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    _clear(panels)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    _save(figure, title, path)


def _figure(width_inches: float, height_inches: float) -> Figure:
    """Returns a figure that pyplot, and so the process, knows nothing of."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _clear(panels: Sequence[Axes]) -> None:
    """Takes the frame away and lays a faint grid below the data."""
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)


def _save(figure: Figure, title: str, path: Path) -> None:
    figure.suptitle(title, fontsize=12, parse_math=False)
    # The metadata would name Matplotlib's version; "tight" cuts no label off, however long.
    figure.savefig(path, format="png", metadata={"Software": None}, bbox_inches="tight")
