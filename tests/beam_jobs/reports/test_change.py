"""A span beside another: what moved, how surely, and which groups moved it."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from beam_jobs.reports.change import ALERT_LEVEL, compare_spans
from beam_jobs.reports.counts import (
    Partials,
    RunKey,
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    merge_partials,
)
from beam_jobs.reports.groupings import choose_groupings
from beam_jobs.reports.statistics.p_values import holm
from beam_jobs.reports.tables import GroupLimits, ReportPlan
from schemas.labels import label_schema
from schemas.reports import CHANGE_SCHEMAS

PLAN = ReportPlan(choose_groupings(["lang", "hashtag"]))
RUN = RunKey(date(2026, 11, 22), "f" * 16, "0a1b2c3d")
SCHEMA = label_schema(("anger", "joy"))


def count(
    items: list[tuple[str, str, float]], n_dead: int = 0, plan: ReportPlan = PLAN
) -> Partials:
    """Counts items of (emotion, language, confidence)."""
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    row |= {"hashtags": [], "modality": "text", "item_id": "", "run_id": ""}
    rows = [
        row | {"emotion": emotion, "lang": lang, "confidence": confidence}
        for emotion, lang, confidence in items
    ]
    labels = pa.Table.from_pylist(rows, pa.schema([field.with_nullable(True) for field in SCHEMA]))
    letters = pa.table({"stage": ["read"] * n_dead, "reason": ["broken_json"] * n_dead})
    return merge_partials(
        [
            empty_partials(plan.groupings),
            aggregate_labels(labels, RUN, plan.groupings),
            aggregate_dead_letters(letters, RUN),
        ]
    )


def items(**counts: int) -> list[tuple[str, str, float]]:
    """Makes items out of numbers by emotion and language, as joy_en=3."""
    return [
        (*name.split("_"), 0.5)  # type: ignore[misc]
        for name, n in counts.items()
        for _ in range(n)
    ]


NOW = count(items(joy_en=50, joy_de=6, anger_en=14), n_dead=10)
BEFORE = count(items(joy_en=40, joy_de=8, anger_en=20, anger_de=10, fear_en=2), n_dead=20)


def rows_of(table: pa.Table) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(row["measure"], row["emotion"]): row for row in table.to_pylist()}


def test_shares_move_as_scipy_says() -> None:
    change = compare_spans(NOW, BEFORE, PLAN)["change"]
    assert change.schema.equals(CHANGE_SCHEMAS["change"])
    rows = rows_of(change)
    assert list(rows) == [
        ("share", "anger"),
        ("share", "fear"),
        ("share", "joy"),
        ("jensen_shannon_distance", None),
        ("mean_confidence", None),
        ("dead_letter_rate", None),
    ]
    joy = rows["share", "joy"]
    assert (joy["value"], joy["value_before"]) == (56 / 70, 48 / 80)
    # Newcombe, Stat. Med. 17 (1998), table II, method 10.
    assert (round(joy["shift_low"], 4), round(joy["shift_high"], 4)) == (0.0524, 0.3339)
    tails = [
        stats.fisher_exact([[56, 14], [48, 32]], alternative=side).pvalue
        for side in ("less", "greater")
    ]
    assert joy["p_value"] == pytest.approx(2 * min(tails))
    assert rows["share", "fear"]["value"] == 0.0
    distance = rows["jensen_shannon_distance", None]
    counts = np.array([[14, 0, 56], [30, 2, 48]])
    assert distance["value"] == pytest.approx(jensenshannon(counts[0], counts[1], base=2))
    assert distance["p_value"] == pytest.approx(
        stats.chi2_contingency(counts, lambda_="log-likelihood", correction=False).pvalue
    )
    refused = rows["dead_letter_rate", None]
    assert (refused["value"], refused["value_before"]) == (10 / 80, 20 / 100)
    p_values = np.array([row["p_value"] for row in rows.values()])
    assert [row["q_value"] for row in rows.values()] == holm(p_values).tolist()
    assert {key for key, row in rows.items() if row["alert"]} == {
        key for key, row in rows.items() if row["q_value"] < ALERT_LEVEL
    }


def test_means_are_compared_by_welch() -> None:
    rng = np.random.default_rng(0)
    now, before = rng.beta(3, 2, 200).astype(np.float32), rng.beta(2, 2, 90).astype(np.float32)
    change = compare_spans(
        count([("joy", "en", float(value)) for value in now]),
        count([("joy", "en", float(value)) for value in before]),
        PLAN,
    )["change"]
    row = rows_of(change)["mean_confidence", None]
    expected = stats.ttest_ind(now.astype(float), before.astype(float), equal_var=False)
    interval = expected.confidence_interval()
    assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-5)
    assert (row["shift_low"], row["shift_high"]) == pytest.approx(tuple(interval), abs=1e-6)


def test_equal_confidences_do_not_move() -> None:
    same = count(items(joy_en=30))
    other = count([("joy", "en", 0.75)] * 30)
    assert (
        rows_of(compare_spans(same, same, PLAN)["change"])["mean_confidence", None]["p_value"]
        == 1.0
    )
    moved = rows_of(compare_spans(other, same, PLAN)["change"])["mean_confidence", None]
    assert (moved["p_value"], moved["shift_low"], moved["alert"]) == (0.0, 0.25, True)


def test_a_small_shift_raises_no_alert_where_it_is_not_wanted() -> None:
    now, before = count(items(joy_en=5200, anger_en=4800)), count(items(joy_en=4800, anger_en=5200))
    alerts = [
        {key for key, row in rows_of(table["change"]).items() if row["alert"]}
        for table in (compare_spans(now, before, PLAN), compare_spans(now, before, PLAN, 0.05))
    ]
    shares = {("share", "joy"), ("share", "anger")}
    assert alerts == [{*shares, ("jensen_shannon_distance", None)}, set()]


def test_groups_add_up_to_the_shift_of_each_share() -> None:
    tables = compare_spans(NOW, BEFORE, PLAN)
    movers = tables["change_by_group"]
    assert movers.schema.equals(CHANGE_SCHEMAS["change_by_group"])
    rows = movers.to_pylist()
    for (measure, emotion), row in rows_of(tables["change"]).items():
        if measure == "share":
            parts = [part["contribution"] for part in rows if part["emotion"] == emotion]
            assert sum(parts) == pytest.approx(row["shift"])
    assert [tuple(row.values())[:-1] for row in rows] == [
        ("by_language", "en", "joy", 50, 40, 64, 62),
        ("by_language", "de", "anger", 0, 10, 6, 18),
        ("by_language", "en", "anger", 14, 20, 64, 62),
        ("by_language", "en", "fear", 0, 2, 64, 62),
        ("by_language", "de", "joy", 6, 8, 6, 18),
    ]
    assert rows[0]["contribution"] == pytest.approx(50 / 70 - 40 / 80)


def test_a_group_left_out_of_both_spans_moves_nothing() -> None:
    plan = ReportPlan(choose_groupings(["lang"]), GroupLimits(min_items=10))
    now, before = count(items(joy_en=12, joy_de=9), plan=plan), count(items(joy_de=4), plan=plan)
    rows = compare_spans(now, before, plan)["change_by_group"].to_pylist()
    assert [(row["group"], row["n_items"], row["n_items_before"]) for row in rows] == [
        ("en", 12, 0)
    ]


def test_nothing_to_compare() -> None:
    empty = {name: schema.empty_table() for name, schema in CHANGE_SCHEMAS.items()}
    assert compare_spans(NOW, None, PLAN) == empty
    nothing = count([])
    assert compare_spans(nothing, nothing, PLAN) == empty
    # All refused: no share can be told, and that is the alert.
    refused = compare_spans(count([], n_dead=50), NOW, PLAN)["change"]
    [row] = refused.to_pylist()
    assert (row["measure"], row["value"], row["alert"]) == ("dead_letter_rate", 1.0, True)
