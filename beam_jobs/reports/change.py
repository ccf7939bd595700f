"""What changed between two spans of dates, and which groups moved it."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats
from scipy.spatial.distance import jensenshannon

from beam_jobs.reports.counts import SCALE, Partials
from beam_jobs.reports.groupings import TIMES, Grouping
from beam_jobs.reports.statistics.intervals import Integers, newcombe_interval
from beam_jobs.reports.statistics.p_values import exact_p_value, holm
from beam_jobs.reports.tables import ReportPlan, count_first, select_groups
from schemas.reports import CHANGE_SCHEMAS

ALERT_LEVEL = 0.01
"""A q-value below it raises an alert: one night in a hundred, by chance, for the whole table."""
N_MOVERS = 1000
"""Rows of `change_by_group` for each table of shares."""


def compare_spans(
    now: Partials, before: Partials | None, plan: ReportPlan, min_shift: float = 0.0
) -> dict[str, pa.Table]:
    """Returns the tables of change: of this span beside the one before; without rows if none is.

    Args:
        now: the whole partial tables of this span.
        before: those of the span before.
        plan: what both counted.
        min_shift: what moved by less raises no alert. In a large corpus chance explains little,
            and a shift can be sure and yet too small to matter.
    """
    if before is None:
        return {name: schema.empty_table() for name, schema in CHANGE_SCHEMAS.items()}
    rows = [*_compare_shares(now, before), *_compare_runs(now, before)]
    q_values = holm(np.array([row["p_value"] for row in rows], np.float64))
    for row, q_value in zip(rows, q_values, strict=True):
        row["q_value"] = q_value
        row["alert"] = bool(q_value < ALERT_LEVEL and abs(row["shift"]) >= min_shift)
    movers = [
        _compare_groups(now, before, grouping, plan)
        for grouping in plan.groupings
        if grouping.report not in TIMES
    ]
    return {
        "change": pa.Table.from_pylist(rows, CHANGE_SCHEMAS["change"]),
        "change_by_group": pa.concat_tables(
            [CHANGE_SCHEMAS["change_by_group"].empty_table(), *movers]
        ),
    }


def _compare_shares(now: Partials, before: Partials) -> Iterable[dict[str, Any]]:
    counts = _side_by_side(now["by_emotion"], before["by_emotion"], ["emotion"])
    counts = counts.sort_by("emotion")
    k, k_before = counts["n_items"].to_numpy(), counts["n_items_before"].to_numpy()
    n, n_before = (count_first(each["by_emotion"]) for each in (now, before))
    if not (n and n_before):
        return
    p_values = exact_p_value(k, np.int64(n), k + k_before, np.int64(n + n_before))
    low, high = newcombe_interval(k, np.int64(n), k_before, np.int64(n_before))
    for row, emotion in enumerate(counts["emotion"].to_pylist()):
        yield _row(
            "share", k[row] / n, k_before[row] / n_before, p_values[row], emotion,
            interval=(low[row], high[row]),
        )  # fmt: skip
    if k.sum() != n or k_before.sum() != n_before:
        return  # items of several emotions are no draws from one distribution over them
    distance = float(jensenshannon(k / n, k_before / n_before, base=2))
    p_value = 1.0
    if len(k) > 1:
        p_value = stats.chi2_contingency(
            np.stack([k, k_before]), correction=False, lambda_="log-likelihood"
        ).pvalue
    yield _row("jensen_shannon_distance", distance, 0.0, p_value)


def _compare_runs(now: Partials, before: Partials) -> Iterable[dict[str, Any]]:
    this, that = _sum_runs(now), _sum_runs(before)
    n, n_before = this["n_labels"], that["n_labels"]
    if n > 1 and n_before > 1:
        yield _compare_confidence(this, that)
    dead, dead_before = np.array([this["n_dead"]]), np.array([that["n_dead"]])
    n_items, n_items_before = dead + n, dead_before + n_before
    if n_items[0] and n_items_before[0]:
        [low], [high] = newcombe_interval(dead, n_items, dead_before, n_items_before)
        [p_value] = exact_p_value(dead, n_items, dead + dead_before, n_items + n_items_before)
        yield _row(
            "dead_letter_rate", dead[0] / n_items[0], dead_before[0] / n_items_before[0], p_value,
            interval=(low, high),
        )  # fmt: skip


def _sum_runs(partials: Partials) -> dict[str, int]:
    summary = partials["run_summary"]
    names = ("n_labels", "n_dead", "confidence_sum", "confidence_square_sum")
    return {name: pc.sum(summary[name]).as_py() or 0 for name in names}


def _compare_confidence(this: dict[str, int], that: dict[str, int]) -> dict[str, Any]:
    """Compares two means by Welch's t-test (B. L. Welch, Biometrika 34, 1947)."""
    means, errors, freedoms = [], [], []
    for span in (this, that):
        n = span["n_labels"]
        mean = span["confidence_sum"] / SCALE / n
        # Rounded sums of equal confidences can lie below zero by a hair.
        variance = max(span["confidence_square_sum"] / SCALE / n - mean**2, 0.0) * n / (n - 1)
        means.append(mean)
        errors.append(variance / n)
        freedoms.append((variance / n) ** 2 / (n - 1))
    shift, error = means[0] - means[1], math.sqrt(sum(errors))
    if error == 0:
        p_value, half = float(abs(shift) < 1 / SCALE), 0.0
    else:
        freedom = sum(errors) ** 2 / sum(freedoms)
        p_value = float(2 * stats.t.sf(abs(shift) / error, freedom))
        half = float(stats.t.ppf(0.975, freedom)) * error
    interval = shift - half, shift + half
    return _row("mean_confidence", means[0], means[1], p_value, interval=interval)


def _row(
    measure: str,
    value: float,
    value_before: float,
    p_value: float,
    emotion: str | None = None,
    interval: tuple[float, float] | tuple[None, None] = (None, None),
) -> dict[str, Any]:
    return {
        "measure": measure,
        "emotion": emotion,
        "value": value,
        "value_before": value_before,
        "shift": value - value_before,
        "shift_low": interval[0],
        "shift_high": interval[1],
        "p_value": p_value,
    }


def _compare_groups(
    now: Partials, before: Partials, grouping: Grouping, plan: ReportPlan
) -> pa.Table:
    """Returns what the groups of one table added to the shift of each emotion's share."""
    name = grouping.group.name
    groups = pa.concat_tables(
        [select_groups(each, grouping, plan.limits).rows.select([name]) for each in (now, before)]
    )
    counts = _side_by_side(now[grouping.report], before[grouping.report], [name, "emotion"])
    counts = counts.filter(pc.is_in(counts[name], pc.unique(groups[name])))
    totals = counts.group_by(name, use_threads=False).aggregate(
        [("n_first", "sum"), ("n_first_before", "sum")]
    )
    group = pc.index_in(counts[name], totals[name].combine_chunks())
    contribution = np.zeros(counts.num_rows)
    for column, partials, sign in (("n_items", now, 1), ("n_items_before", before, -1)):
        n_all = count_first(partials["by_emotion"])
        contribution += sign * counts[column].to_numpy() / max(n_all, 1)
    table = pa.table(
        [
            pa.repeat(grouping.report, counts.num_rows),
            counts[name].cast(pa.string()),
            counts["emotion"],
            counts["n_items"],
            counts["n_items_before"],
            totals["n_first_sum"].take(group),
            totals["n_first_before_sum"].take(group),
            contribution,
        ],
        schema=CHANGE_SCHEMAS["change_by_group"],
    )
    table = table.append_column("size", pc.abs(table["contribution"]))
    order = [("size", "descending"), ("group", "ascending"), ("emotion", "ascending")]
    return table.sort_by(order).drop_columns("size").slice(0, N_MOVERS)


def _side_by_side(now: pa.Table, before: pa.Table, keys: list[str]) -> pa.Table:
    """Returns the counts of both spans for each key that either has."""
    counts = ["n_items", "n_first"]
    names = [*keys, *counts, *(f"{name}_before" for name in counts)]
    none: list[Integers] = [np.zeros(now.num_rows, np.int64)] * len(counts)
    none_before: list[Integers] = [np.zeros(before.num_rows, np.int64)] * len(counts)
    rows = pa.concat_tables(
        [
            pa.table([*now.select([*keys, *counts]).columns, *none], names),
            pa.table(
                [*before.select(keys).columns, *none_before, *before.select(counts).columns], names
            ),
        ]
    )
    summed = rows.group_by(keys, use_threads=False).aggregate(
        [(name, "sum") for name in names if name not in keys]
    )
    return summed.rename_columns(
        {f"{name}_sum": name for name in names if name not in keys}
    ).select(names)
