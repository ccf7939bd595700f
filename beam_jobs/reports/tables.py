"""Partial tables, whole, to the report tables that are written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.counts import MERGED_BY, SCALE, Partials
from beam_jobs.reports.frequent_groups import MAX_GROUPS, least_kept
from beam_jobs.reports.groupings import TIMES, Grouping, choose_groupings
from beam_jobs.reports.report_defaults import MIN_GROUP_ITEMS, TOP_GROUPS
from beam_jobs.reports.statistics.intervals import Floats, Integers, wilson_interval
from beam_jobs.reports.statistics.p_values import exact_p_value, false_discovery_rate
from schemas.reports import N_CONFIDENCE_BINS, REPORT_SCHEMAS, share_schema


@dataclass(frozen=True)
class GroupLimits:
    """Which groups the tables of shares hold; those by time hold all.

    Attributes:
        min_items: a group with fewer items is left out.
        top: groups of a table, the largest.
        max_groups: groups that are counted; of more, the smallest are not.
    """

    min_items: int = MIN_GROUP_ITEMS
    top: int = TOP_GROUPS
    max_groups: int = MAX_GROUPS


@dataclass(frozen=True)
class ReportPlan:
    """What a report counts and shows.

    Attributes:
        groupings: the tables of shares, but for `by_emotion`.
        limits: their groups.
        n_examples: items of each emotion whose texts are shown.
    """

    groupings: tuple[Grouping, ...] = field(default_factory=choose_groupings)
    limits: GroupLimits = field(default_factory=GroupLimits)
    n_examples: int = 0


def finish_tables(partials: Partials, plan: ReportPlan) -> dict[str, pa.Table]:
    """Returns the report tables of whole partial tables, each sorted by its keys, nulls last."""
    tables = {"by_emotion": _finish_shares(None, partials["by_emotion"])}
    left_out = []
    for grouping in plan.groupings:
        partial = partials[grouping.report]
        kept = select_groups(partials, grouping, plan.limits)
        tables[grouping.report] = _finish_shares(grouping, kept.rows)
        n_counted = count_first(kept.rows)
        n_all = count_first(partial) + (_n_uncounted(partials, grouping) or 0)
        if n_all > n_counted:
            left_out.append(
                {
                    "report": grouping.report,
                    "n_groups": kept.n_groups,
                    "n_counted": n_counted,
                    "n_left_out": n_all - n_counted,
                    "min_items": kept.min_items,
                }
            )
    tables["hashtag_lift"] = _finish_lift(tables.get("by_hashtag"), tables["by_emotion"])
    disagreement = _sorted(partials["disagreement"])
    tables["disagreement"] = _as_report(
        "disagreement",
        [
            *disagreement.drop_columns("disagreement_sum").columns,
            _mean(disagreement["disagreement_sum"], disagreement["n_items"]),
        ],
    )
    tables["most_disagreeing"] = partials["most_disagreeing"].sort_by(
        [("disagreement", "descending"), ("item_id", "ascending"), ("run_id", "ascending")]
    )
    bins = _sorted(partials["confidence_distribution"])
    low = bins["bin"].to_numpy()
    tables["confidence_distribution"] = _as_report(
        "confidence_distribution",
        [
            bins["emotion"],
            low / N_CONFIDENCE_BINS,
            (low + 1) / N_CONFIDENCE_BINS,
            bins["n_items"],
        ],
    )
    tables["groups_left_out"] = pa.Table.from_pylist(left_out, REPORT_SCHEMAS["groups_left_out"])
    tables["dead_letters_by_reason"] = _as_report(
        "dead_letters_by_reason", _sorted(partials["dead_letters_by_reason"]).columns
    )
    tables["warnings"] = _as_report("warnings", _sorted(partials["warnings"]).columns)
    tables["run_summary"] = _finish_summary(partials["run_summary"])
    return tables


@dataclass(frozen=True)
class KeptGroups:
    """The rows of a partial table of shares whose groups are shown.

    Attributes:
        min_items: the fewest items that a group needed.
    """

    rows: pa.Table
    n_groups: int
    min_items: int


def select_groups(partials: Partials, grouping: Grouping, limits: GroupLimits) -> KeptGroups:
    """Returns the rows of the groups that have enough items and are among the largest.

    Where there were too many groups to count, those are kept that no order of merging can have
    dropped, so that the table depends on the items alone.
    """
    partial, name = partials[grouping.report], grouping.group.name
    n_uncounted = _n_uncounted(partials, grouping)
    min_items = 1 if grouping.report in TIMES else limits.min_items
    if n_uncounted is not None:
        n_counted = count_first(partial)
        min_items = max(min_items, least_kept(n_counted + n_uncounted, limits.max_groups))
    totals = partial.group_by(name, use_threads=False).aggregate([("n_first", "sum")])
    totals = totals.filter(pc.greater_equal(totals["n_first_sum"], min_items))
    if grouping.report not in TIMES and totals.num_rows > limits.top:
        order = [("n_first_sum", "descending"), (name, "ascending")]
        totals = totals.take(pc.sort_indices(totals, order)[: limits.top])
    kept = partial.filter(pc.is_in(partial[name], totals[name].combine_chunks()))
    return KeptGroups(kept, totals.num_rows, min_items)


def count_first(partial: pa.Table) -> int:
    """Returns the items of a partial table of shares, however many emotions each has."""
    n_items: int = pc.sum(partial["n_first"]).as_py() or 0
    return n_items


def _n_uncounted(partials: Partials, grouping: Grouping) -> int | None:
    """Returns the items of groups that were not counted; None where there were not too many."""
    left_out = partials["groups_left_out"]
    of_report = left_out.filter(pc.equal(left_out["report"], grouping.report))
    n_uncounted: int | None = pc.sum(of_report["n_items"]).as_py()
    return n_uncounted


def _finish_shares(grouping: Grouping | None, partial: pa.Table) -> pa.Table:
    partial = _sorted(partial)
    n_items = partial["n_items"].to_numpy()
    if grouping is None:
        groups = np.zeros(len(n_items), np.int64)
    else:
        encoded = partial[grouping.group.name].combine_chunks()
        groups = encoded.dictionary_encode(null_encoding="encode").indices.to_numpy()
    n_group = _totals(groups, partial["n_first"].to_numpy())
    low, high = wilson_interval(n_items, n_group)
    columns = [
        *partial.drop_columns(["n_first", "confidence_sum"]).columns,
        n_group,
        n_items / n_group,
        low,
        high,
        _mean(partial["confidence_sum"], partial["n_items"]),
    ]
    return pa.table(columns, schema=share_schema(grouping.group if grouping else None))


def _totals(groups: Integers, n_items: Integers) -> Integers:
    """Returns, for each row, the items of all rows of its group."""
    totals = np.zeros(len(n_items), np.int64)
    np.add.at(totals, groups, n_items)
    totals_of_rows: Integers = totals[groups]
    return totals_of_rows


def _finish_lift(by_hashtag: pa.Table | None, by_emotion: pa.Table) -> pa.Table:
    """Returns a row for each hashtag and each emotion, those that no item has among them."""
    schema = REPORT_SCHEMAS["hashtag_lift"]
    if by_hashtag is None or not by_hashtag.num_rows:
        return schema.empty_table()
    emotions = by_emotion["emotion"].combine_chunks()
    hashtags = by_hashtag["hashtag"].combine_chunks().dictionary_encode()
    n_emotions = len(emotions)
    cell = hashtags.indices.to_numpy() * n_emotions
    cell = cell + pc.index_in(by_hashtag["emotion"], emotions).to_numpy()
    k = np.zeros(len(hashtags.dictionary) * n_emotions, np.int64)
    k[cell] = by_hashtag["n_items"].to_numpy()
    n = np.zeros(len(hashtags.dictionary), np.int64)
    n[hashtags.indices.to_numpy()] = by_hashtag["n_group"].to_numpy()
    n = n.repeat(n_emotions)
    k_all = np.tile(by_emotion["n_items"].to_numpy(), len(hashtags.dictionary))
    n_all = by_emotion["n_group"][0].as_py()
    p_values = exact_p_value(k, n, k_all, np.int64(n_all))
    return pa.table(
        [
            hashtags.dictionary.take(pa.array(np.arange(len(k)) // n_emotions)),
            emotions.take(pa.array(np.arange(len(k)) % n_emotions)),
            k,
            n,
            k / n,
            k_all / n_all,
            k / n / (k_all / n_all),
            p_values,
            false_discovery_rate(p_values),
        ],
        schema=schema,
    )


def _finish_summary(partial: pa.Table) -> pa.Table:
    rows = []
    for row in partial.sort_by([("date", "ascending"), ("run_id", "ascending")]).to_pylist():
        n_labels = row["n_labels"]
        row["n_items"] = n_labels + row["n_dead"]
        row["mean_confidence"] = row["confidence_sum"] / SCALE / n_labels if n_labels else None
        rows.append({name: row[name] for name in REPORT_SCHEMAS["run_summary"].names})
    return pa.Table.from_pylist(rows, REPORT_SCHEMAS["run_summary"])


def _sorted(partial: pa.Table) -> pa.Table:
    keys = [column for column in partial.column_names if column not in MERGED_BY]
    return partial.sort_by([(key, "ascending") for key in keys])


def _mean(total: pa.ChunkedArray, n_items: pa.ChunkedArray) -> Floats:
    mean: Floats = total.to_numpy() / SCALE / n_items.to_numpy()
    return mean


def _as_report(name: str, columns: Iterable[Any]) -> pa.Table:
    return pa.table(list(columns), schema=REPORT_SCHEMAS[name])
