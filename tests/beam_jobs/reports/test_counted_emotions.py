"""What an item counts for: each of its emotions; one where there are none, or no such column."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from beam_jobs.reports.change import compare_spans
from beam_jobs.reports.counted_emotions import count_emotions
from beam_jobs.reports.counts import aggregate_labels, empty_partials, merge_partials
from beam_jobs.reports.groupings import choose_groupings
from beam_jobs.reports.tables import GroupLimits, ReportPlan, finish_tables
from schemas.labels import NO_EMOTION, UNCERTAIN
from tests.support.report_rows import PLAN, RUN, count, finish, random_rows, to_table

BASE = random_rows(1)[0] | {"created_at": None, "author_id": "a", "lang": "en", "hashtags": ["sun"]}
BASE |= {"modality": "text", "text_emotion": None, "audio_emotion": None, "disagreement": None}
ROWS = [
    BASE | {"emotion": "joy", "emotions": ["joy", "anger"], "confidence": 0.75},
    BASE | {"emotion": "joy", "emotions": [], "confidence": 0.25},
    BASE | {"emotion": "joy", "emotions": ["sadness"], "confidence": 0.5},
    BASE | {"emotion": UNCERTAIN, "emotions": [], "confidence": 0.125},
]


def shares_of(rows: list[dict[str, Any]], name: str) -> list[tuple[Any, ...]]:
    columns = ("emotion", "n_items", "n_group", "share", "mean_confidence")
    report = finish(count(to_table(rows)))[name].to_pylist()
    return [tuple(row[column] for column in columns) for row in report]


def test_each_emotion_of_an_item_has_a_place() -> None:
    counted = count_emotions(to_table(ROWS))
    assert counted.items.tolist() == [0, 0, 1, 2, 3]
    names = ["joy", "anger", NO_EMOTION, "sadness", UNCERTAIN]
    assert counted.emotions.to_pylist() == names
    assert counted.is_first.to_pylist() == [True, False, True, True, True]
    # Of the second no emotion applies, and of the third one with a lower score.
    assert counted.has_highest.to_pylist() == [True, False, False, True]


@pytest.mark.parametrize("name", ["by_emotion", "by_language", "by_author", "by_hashtag", "by_day"])
def test_a_group_has_as_many_items_as_there_are(name: str) -> None:
    assert shares_of(ROWS, name) == [
        ("anger", 1, 4, 0.25, 0.75),
        ("joy", 1, 4, 0.25, 0.75),
        (NO_EMOTION, 1, 4, 0.25, 0.25),
        ("sadness", 1, 4, 0.25, 0.5),
        (UNCERTAIN, 1, 4, 0.25, 0.125),
    ]


def test_labels_without_the_column_count_as_they_did() -> None:
    rows = random_rows(500)
    table = to_table(rows)
    place = table.schema.get_field_index("emotions")
    column = table.schema.field("emotions").with_nullable(True)
    before = table.set_column(place, column, pa.nulls(table.num_rows, column.type))
    for name, report in finish(count(before)).items():
        assert report.equals(finish(count(table))[name]), name


def test_items_are_counted_once_where_groups_are_left_out() -> None:
    both = BASE | {"emotion": "joy", "emotions": ["joy", "anger"]}
    sizes = {"a": 5, "b": 4, "c": 2}
    rows = to_table([both | {"author_id": name} for name in sizes for _ in range(sizes[name])])
    plan = ReportPlan(choose_groupings(["author_id"]), GroupLimits(min_items=3, top=1))
    partials = merge_partials(
        [empty_partials(plan.groupings), aggregate_labels(rows, RUN, plan.groupings)]
    )
    tables = finish_tables(partials, plan)
    columns = ("author_id", "emotion", "n_items", "n_group")
    assert [tuple(row[name] for name in columns) for row in tables["by_author"].to_pylist()] == [
        ("a", "anger", 5, 5),
        ("a", "joy", 5, 5),
    ]
    assert tables["groups_left_out"].to_pylist() == [
        {"report": "by_author", "n_groups": 1, "n_counted": 5, "n_left_out": 6, "min_items": 3}
    ]
    kept = {"by_author": pa.array(["a"])}
    counted = aggregate_labels(rows, RUN, plan.groupings, kept)
    assert counted["groups_left_out"].to_pylist() == [{"report": "by_author", "n_items": 6}]


def test_a_share_moves_by_items_and_no_distance_of_shares_is_tested() -> None:
    rng = np.random.default_rng(0)
    several = [
        row | {"emotions": ["joy", "anger"] if rng.random() < share else ["joy"], "emotion": "joy"}
        for row, share in zip(random_rows(400), [0.2] * 200 + [0.6] * 200, strict=True)
    ]
    before, now = (
        merge_partials([empty_partials(PLAN.groupings), count(to_table(rows))])
        for rows in (several[:200], several[200:])
    )
    tables = compare_spans(now, before, PLAN)
    change = {
        (row["measure"], row["emotion"]): (row["value_before"], row["value"], row["alert"])
        for row in tables["change"].to_pylist()
    }
    n_before, n_now = (
        sum("anger" in row["emotions"] for row in rows) for rows in (several[:200], several[200:])
    )
    assert change[("share", "anger")] == (n_before / 200, n_now / 200, True)
    assert change[("share", "joy")] == (1.0, 1.0, False)
    assert ("jensen_shannon_distance", None) not in change
    sizes = {
        (row["group"], row["n_group"], row["n_group_before"])
        for row in tables["change_by_group"].to_pylist()
        if row["report"] == "by_modality"
    }
    counts = [Counter(row["modality"] for row in rows) for rows in (several[200:], several[:200])]
    assert sizes == {(name, *(each[name] for each in counts)) for name in counts[0]}


def test_the_surest_of_an_emotion_have_it() -> None:
    surest = aggregate_labels(to_table(ROWS), RUN, PLAN.groupings, n_surest=5)["surest"]
    assert surest.select(["emotion", "confidence"]).to_pylist() == [
        {"emotion": "joy", "confidence": 0.75},
        {"emotion": UNCERTAIN, "confidence": 0.125},
    ]
