"""The report tables: equal to one DuckDB query each, and the same in whatever order they merge."""

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from scipy import stats

from beam_jobs.reports.counts import (
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    merge_partials,
)
from beam_jobs.reports.groupings import choose_groupings
from beam_jobs.reports.statistics.intervals import Z_95
from beam_jobs.reports.tables import GroupLimits, ReportPlan, finish_tables
from schemas.labels import UNCERTAIN
from schemas.reports import REPORT_SCHEMAS, SHARE_GROUPS
from tests.support.report_rows import (
    DAY,
    EMOTIONS,
    LABELS,
    RUN,
    START,
    count,
    finish,
    random_rows,
    says,
    to_table,
)

GROUP_SQL = {
    "by_emotion": "0",
    "by_hour": "date_trunc('hour', created_at)",
    "by_day": "created_at::date",
    "by_weekday": "isodow(created_at)",
    "by_language": "lang",
    "by_hashtag": "unnest(list_distinct(hashtags))",
    "by_author": "author_id",
    "by_modality": "modality",
}


@pytest.mark.parametrize("name", SHARE_GROUPS)
def test_shares_equal_a_query(name: str) -> None:
    report = finish(count(LABELS))[name]
    query = f"""
        with item as (select {GROUP_SQL[name]} as grouped, emotion, confidence from labels),
        counted as (
            select grouped, emotion, count(*) as k, avg(confidence::double) as mean,
                sum(k) over (partition by grouped) as n, k / n as p, {Z_95} as z
            from item group by grouped, emotion
        )
        select grouped, emotion, k, n::bigint, p,
            (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                / (1 + z * z / n),
            (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                / (1 + z * z / n),
            mean
        from counted order by grouped nulls last, emotion
    """  # noqa: S608 - the names are this file's own
    expected = query_labels(query)
    if name == "by_emotion":
        expected = [row[1:] for row in expected]

    assert report.schema.equals(REPORT_SCHEMAS[name])
    assert_rows_match(report, expected)


def test_disagreement_equals_a_query() -> None:
    report = finish(count(LABELS))["disagreement"]
    expected = query_labels("""
        select text_emotion, audio_emotion, count(*), avg(disagreement::double)
        from labels where text_emotion is not null group by all order by all
    """)
    assert report.schema.equals(REPORT_SCHEMAS["disagreement"])
    assert_rows_match(report, expected)


def letters(n_letters: int) -> pa.Table:
    return pa.table({"stage": ["read"] * n_letters, "reason": ["wrong_type"] * n_letters})


def test_run_summary_equals_a_query() -> None:
    report = finish(count(LABELS), aggregate_dead_letters(letters(3), RUN))["run_summary"]
    expected = query_labels("""
        select '2026-11-22'::date, 'ffffffffffffffff', '0a1b2c3d', count(*) + 3, count(*), 3,
            count(*) filter (modality = 'text'), count(*) filter (modality = 'audio'),
            count(*) filter (modality = 'text+audio'), count(repost_of), min(created_at),
            max(created_at),
            avg(confidence::double)
        from labels
    """)
    assert report.schema.equals(REPORT_SCHEMAS["run_summary"])
    assert_rows_match(report, expected)


def query_labels(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("labels", LABELS)
        return connection.execute(query).fetchall()


def assert_rows_match(report: pa.Table, expected: list[tuple[Any, ...]]) -> None:
    """Counts, keys and order are equal; quotients and means agree to 1e-9."""
    assert expected
    rows = [tuple(row.values()) for row in report.to_pylist()]
    assert len(rows) == len(expected)
    for row, expected_row in zip(rows, expected, strict=True):
        for value, expected_value in zip(row, expected_row, strict=True):
            if isinstance(expected_value, float):
                assert value == pytest.approx(expected_value, abs=1e-9)
            else:
                assert value == expected_value


def test_an_item_counts_once_for_each_of_its_hashtags() -> None:
    row = random_rows(1)[0] | {**says("joy"), "confidence": 0.5}
    rows = [
        row | {"hashtags": ["sun", "sun", "rain"]},
        row | {"hashtags": ["sun"], **says("anger")},
        row | {"hashtags": []},
    ]
    report = finish(count(to_table(rows)))["by_hashtag"]
    counts = [(r["hashtag"], r["emotion"], r["n_items"], r["n_group"]) for r in report.to_pylist()]
    assert counts == [("rain", "joy", 1, 1), ("sun", "anger", 1, 2), ("sun", "joy", 1, 2)]


def test_what_is_unknown_is_a_group_of_its_own() -> None:
    unknown = dict.fromkeys(("created_at", "author_id", "lang"))
    row = random_rows(1)[0] | unknown | {**says("joy"), "confidence": 0.5}
    known = row | {"created_at": START, "author_id": "a", "lang": "en"}
    tables = finish(count(to_table([row, row, known])))

    def groups(name: str) -> list[tuple[Any, ...]]:
        return [tuple(r.values())[:4] for r in tables[name].to_pylist()]

    assert groups("by_language") == [("en", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_author") == [("a", "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_weekday") == [(3, "joy", 1, 1), (None, "joy", 2, 2)]
    assert groups("by_day") == [(date(1969, 12, 31), "joy", 1, 1), (None, "joy", 2, 2)]
    hour = START.replace(minute=0)
    assert groups("by_hour") == [(hour, "joy", 1, 1), (None, "joy", 2, 2)]


def test_what_is_uncertain_counts_as_a_value_of_its_own() -> None:
    row = random_rows(1)[0] | {"created_at": START, "author_id": "a", "lang": "en"}
    row |= {"modality": "text", "hashtags": ["sun"]}
    rows = [
        row | {**says("joy"), "confidence": 0.75},
        row | {**says(UNCERTAIN), "confidence": 0.5},
        row | {**says(UNCERTAIN), "confidence": 0.25, "hashtags": ["rain"]},
        row | {**says("anger"), "confidence": 1.0},
    ]
    tables = finish(count(to_table(rows)))

    def shares(name: str) -> list[tuple[Any, ...]]:
        columns = ("emotion", "n_items", "n_group", "share", "mean_confidence")
        return [tuple(row[column] for column in columns) for row in tables[name].to_pylist()]

    whole = [("anger", 1, 4, 0.25, 1.0), ("joy", 1, 4, 0.25, 0.75), (UNCERTAIN, 2, 4, 0.5, 0.375)]
    for name in SHARE_GROUPS.keys() - {"by_hashtag"}:
        assert shares(name) == whole, name
    third = 1 / 3
    assert shares("by_hashtag") == [
        (UNCERTAIN, 1, 1, 1.0, 0.25),  # rain
        ("anger", 1, 3, third, 1.0),
        ("joy", 1, 3, third, 0.75),
        (UNCERTAIN, 1, 3, third, 0.5),
    ]


def test_what_is_uncertain_changes_no_count_of_items() -> None:
    rows = random_rows(200)
    abstained = [row | {**says(UNCERTAIN)} if row["confidence"] < 0.6 else row for row in rows]
    before, after = finish(count(to_table(rows))), finish(count(to_table(abstained)))
    same = {name for name, table in before.items() if table.equals(after[name])}
    assert same == {
        *("disagreement", "run_summary", "groups_left_out", "dead_letters_by_reason"),
        "warnings",
    }


def test_no_rows_give_every_table() -> None:
    tables = finish(count(LABELS.slice(0, 0)))
    assert tables.keys() == REPORT_SCHEMAS.keys()
    for name, table in tables.items():
        assert table.schema.equals(REPORT_SCHEMAS[name])
        assert table.num_rows == (1 if name == "run_summary" else 0)
    assert tables["run_summary"].to_pylist() == [
        {
            "date": DAY,
            "run_id": "f" * 16,
            "model_version": "0a1b2c3d",
            **dict.fromkeys(("n_items", "n_labels", "n_dead"), 0),
            **dict.fromkeys(("n_text", "n_audio", "n_text_audio", "n_reposts"), 0),
            **dict.fromkeys(("first_created_at", "last_created_at", "mean_confidence")),
        }
    ]


def test_most_disagreeing_are_the_first_of_a_query() -> None:
    report = finish(count(LABELS))["most_disagreeing"]
    names = ", ".join(REPORT_SCHEMAS["most_disagreeing"].names)
    expected = query_labels(
        f"select {names} from labels where disagreement is not null "  # noqa: S608
        "order by disagreement desc, item_id limit 100"
    )
    assert [tuple(row.values()) for row in report.to_pylist()] == expected


def test_confidences_are_counted_in_bins() -> None:
    row = random_rows(1)[0] | {**says("joy")}
    confidences = (0.0, 0.049, 0.05, 0.5, 0.9999, 1.0)
    rows = to_table([row | {"confidence": value} for value in confidences])
    report = finish(count(rows))["confidence_distribution"]
    assert [tuple(row.values()) for row in report.to_pylist()] == [
        ("joy", 0.0, 0.05, 2),
        ("joy", 0.05, 0.1, 1),
        ("joy", 0.5, 0.55, 1),
        ("joy", 0.95, 1.0, 2),
    ]


def test_lift_compares_with_the_items_without_the_hashtag() -> None:
    report = finish(count(LABELS))["hashtag_lift"].to_pylist()
    assert len(report) == 5 * len(EMOTIONS)
    n_all = LABELS.num_rows
    for row in report:
        [(k_all,)] = query_labels(
            f"select count(*) from labels where emotion = '{row['emotion']}'"  # noqa: S608
        )
        k, n = row["n_items"], row["n_group"]
        table = [[k, n - k], [k_all - k, n_all - n - k_all + k]]
        tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert row["p_value"] == pytest.approx(min(2 * min(tails), 1), rel=1e-9)
        assert row["lift"] == pytest.approx(k / n * n_all / k_all)
    p_values = [row["p_value"] for row in report]
    assert [row["q_value"] for row in report] == pytest.approx(
        stats.false_discovery_control(p_values).tolist()
    )


def test_lift_counts_an_emotion_that_no_item_of_the_hashtag_has() -> None:
    row = random_rows(1)[0] | {**says("joy"), "hashtags": ["sun"]}
    rows = [row, row | {"hashtags": [], **says("anger")}]
    report = finish(count(to_table(rows)))["hashtag_lift"].to_pylist()
    columns = ("hashtag", "emotion", "n_items", "n_group", "corpus_share", "lift")
    assert [tuple(row[name] for name in columns) for row in report] == [
        ("sun", "anger", 0, 1, 0.5, 0.0),
        ("sun", "joy", 1, 1, 0.5, 2.0),
    ]


def test_small_groups_and_those_past_the_top_are_left_out() -> None:
    row = random_rows(1)[0] | {**says("joy"), "hashtags": []}
    sizes = {"a": 5, "b": 4, "c": 4, "d": 3, "e": 1, None: 6}
    rows = to_table([row | {"author_id": author} for author in sizes for _ in range(sizes[author])])
    plan = ReportPlan(choose_groupings(["author_id"]), GroupLimits(min_items=3, top=3))
    partials = merge_partials(
        [empty_partials(plan.groupings), aggregate_labels(rows, RUN, plan.groupings)]
    )
    tables = finish_tables(partials, plan)
    groups = [(row["author_id"], row["n_group"]) for row in tables["by_author"].to_pylist()]
    assert groups == [("a", 5), ("b", 4), (None, 6)]
    assert tables["groups_left_out"].to_pylist() == [
        {"report": "by_author", "n_groups": 3, "n_counted": 15, "n_left_out": 8, "min_items": 3}
    ]
