"""The report tables' schemas are documented and load in DuckDB."""

import duckdb
import pytest

from schemas.fields import describe
from schemas.reports import CHANGE_SCHEMAS, REPORT_SCHEMAS

SHARES = ["emotion", "n_items", "n_group", "share", "share_low", "share_high", "mean_confidence"]
ALL_SCHEMAS = REPORT_SCHEMAS | CHANGE_SCHEMAS


def test_columns() -> None:
    assert {name: schema.names for name, schema in REPORT_SCHEMAS.items()} == {
        "by_emotion": SHARES,
        "by_hour": ["hour", *SHARES],
        "by_day": ["day", *SHARES],
        "by_weekday": ["weekday", *SHARES],
        "by_language": ["lang", *SHARES],
        "by_hashtag": ["hashtag", *SHARES],
        "by_author": ["author_id", *SHARES],
        "by_modality": ["modality", *SHARES],
        "hashtag_lift": [
            *("hashtag", "emotion", "n_items", "n_group", "share", "corpus_share", "lift"),
            *("p_value", "q_value"),
        ],
        "disagreement": ["text_emotion", "audio_emotion", "n_items", "mean_disagreement"],
        "most_disagreeing": [
            *("item_id", "created_at", "emotion", "confidence", "text_emotion", "audio_emotion"),
            *("disagreement", "run_id"),
        ],
        "confidence_distribution": ["emotion", "confidence_low", "confidence_high", "n_items"],
        "groups_left_out": ["report", "n_groups", "n_counted", "n_left_out", "min_items"],
        "dead_letters_by_reason": ["stage", "reason", "n_items"],
        "warnings": ["code", "n_items"],
        "run_summary": [
            *("date", "run_id", "model_version", "n_items", "n_labels", "n_dead"),
            *("n_text", "n_audio", "n_text_audio", "n_reposts"),
            *("first_created_at", "last_created_at", "mean_confidence"),
        ],
    }
    assert {name: schema.names for name, schema in CHANGE_SCHEMAS.items()} == {
        "change": [
            *("measure", "emotion", "value", "value_before", "shift", "shift_low", "shift_high"),
            *("p_value", "q_value", "alert"),
        ],
        "change_by_group": [
            *("report", "group", "emotion", "n_items", "n_items_before", "n_group"),
            *("n_group_before", "contribution"),
        ],
    }


@pytest.mark.parametrize("name", ALL_SCHEMAS)
def test_every_column_says_what_it_means(name: str) -> None:
    for column, _, description in describe(ALL_SCHEMAS[name]):
        assert description.endswith("."), column


def test_null_stands_only_for_what_is_unknown() -> None:
    nullable = {
        (name, column.name)
        for name, schema in ALL_SCHEMAS.items()
        for column in schema
        if column.nullable
    }
    assert nullable == {
        ("by_hour", "hour"),
        ("by_day", "day"),
        ("by_weekday", "weekday"),
        ("by_language", "lang"),
        ("by_author", "author_id"),
        ("most_disagreeing", "created_at"),
        ("run_summary", "first_created_at"),
        ("run_summary", "last_created_at"),
        ("run_summary", "mean_confidence"),
        ("change", "emotion"),
        ("change", "shift_low"),
        ("change", "shift_high"),
        ("change_by_group", "group"),
    }


@pytest.mark.parametrize("name", ALL_SCHEMAS)
def test_duckdb_knows_every_type(name: str) -> None:
    table = ALL_SCHEMAS[name].empty_table()
    assert duckdb.from_arrow(table).columns == table.column_names
