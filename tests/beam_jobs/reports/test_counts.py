"""Counts of label rows add up in any order, without error."""

from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from beam_jobs.reports.counts import (
    SCALE,
    RunKey,
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    merge_partials,
    partial_schemas,
)
from tests.support.report_rows import (
    DAY,
    LABELS,
    PLAN,
    count,
    finish,
    random_rows,
    to_table,
)


def letters(n_letters: int) -> pa.Table:
    return pa.table({"stage": ["read"] * n_letters, "reason": ["wrong_type"] * n_letters})


def test_each_run_has_a_summary_of_its_own() -> None:
    other = RunKey(date(2026, 11, 21), "0" * 16, "0a1b2c3d")
    report = finish(
        count(LABELS.slice(0, 5)),
        aggregate_labels(LABELS.slice(5, 2), other, PLAN.groupings),
        aggregate_dead_letters(letters(4), other),
    )["run_summary"]
    columns = ("date", "run_id", "n_items", "n_labels", "n_dead")
    assert [tuple(row[name] for name in columns) for row in report.to_pylist()] == [
        (date(2026, 11, 21), "0" * 16, 6, 2, 4),
        (DAY, "f" * 16, 5, 5, 0),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_merging_leaves_no_trace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cuts = [0, *sorted(rng.integers(2000, size=6)), 2000]
    pieces = [LABELS.slice(a, b - a) for a, b in pairwise(cuts)]
    partials = [count(pieces[index]) for index in rng.permutation(len(pieces))]
    merged = [merge_partials(partials[:3]), merge_partials(partials[3:])]
    assert finish(*merged) == finish(count(LABELS))


def test_confidence_is_summed_without_error() -> None:
    lowest = Fraction(float(np.float32(1 / 7)))  # of the highest of seven scores
    row = random_rows(1)[0] | {"confidence": float(lowest)}
    total = count(to_table([row] * 1000))["run_summary"]["confidence_sum"].to_pylist()
    assert total == [1000 * lowest * SCALE]


def test_partials_of_no_rows_change_nothing() -> None:
    whole, nothing = count(LABELS), empty_partials(PLAN.groupings)
    assert {name: table.schema for name, table in whole.items()} == {
        name: schema
        for name, schema in partial_schemas(PLAN.groupings).items()
        if name != "dead_letters_by_reason"
    }
    assert finish(nothing, whole, nothing) == finish(whole)
