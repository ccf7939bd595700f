"""The report tables' schemas are documented and load in DuckDB."""

import duckdb
import pytest

from schemas.fields import describe
from schemas.reports import REPORT_SCHEMAS

SHARES = ["emotion", "n_items", "n_group", "share", "share_low", "share_high", "mean_confidence"]


def test_columns() -> None:
    assert {name: schema.names for name, schema in REPORT_SCHEMAS.items()} == {
        "by_emotion": SHARES,
        "by_hour": ["hour", *SHARES],
        "by_day": ["day", *SHARES],
        "by_language": ["lang", *SHARES],
        "by_hashtag": ["hashtag", *SHARES],
        "by_author": ["author_id", *SHARES],
        "by_modality": ["modality", *SHARES],
        "disagreement": ["text_emotion", "audio_emotion", "n_items", "mean_disagreement"],
        "dead_letters_by_reason": ["stage", "reason", "n_items"],
        "run_summary": [
            *("run_id", "model_version", "n_items", "n_labels", "n_dead"),
            *("n_text", "n_audio", "n_text_audio"),
            *("first_created_at", "last_created_at", "mean_confidence"),
        ],
    }


@pytest.mark.parametrize("name", REPORT_SCHEMAS)
def test_every_column_says_what_it_means(name: str) -> None:
    for column, _, description in describe(REPORT_SCHEMAS[name]):
        assert description.endswith("."), column


def test_null_stands_only_for_what_is_unknown() -> None:
    nullable = {
        (name, column.name)
        for name, schema in REPORT_SCHEMAS.items()
        for column in schema
        if column.nullable
    }
    assert nullable == {
        ("by_hour", "hour"),
        ("by_day", "day"),
        ("by_language", "lang"),
        ("by_author", "author_id"),
        ("run_summary", "first_created_at"),
        ("run_summary", "last_created_at"),
        ("run_summary", "mean_confidence"),
    }


@pytest.mark.parametrize("name", REPORT_SCHEMAS)
def test_duckdb_knows_every_type(name: str) -> None:
    table = REPORT_SCHEMAS[name].empty_table()
    assert duckdb.from_arrow(table).columns == table.column_names
