"""The list of tables is whole, and what it says of them can be read."""

import pytest

from schemas.labels import label_schema
from schemas.reports import CHANGE_SCHEMAS, REPORT_SCHEMAS, SHARE_GROUPS
from schemas.tables import Table, is_share_table, tables


def test_every_schema_is_a_table() -> None:
    found = {table.name: table.schema for table in tables()}
    assert found.keys() == {"labels", "dead_letters", *REPORT_SCHEMAS, *CHANGE_SCHEMAS}
    for name, schema in (REPORT_SCHEMAS | CHANGE_SCHEMAS).items():
        assert found[name] == schema


def test_emotions_are_the_models() -> None:
    assert tables(("joy", "anger"))[0].schema == label_schema(("joy", "anger"))


def test_who_writes_it() -> None:
    written = {table.name: (table.of_run, table.of_report) for table in tables()}
    assert written["labels"] == written["dead_letters"] == (True, False)
    assert {written[name] for name in REPORT_SCHEMAS} == {(True, True)}
    assert {written[name] for name in CHANGE_SCHEMAS} == {(False, True)}


def test_where_it_lies() -> None:
    places = {table.name: table.run_directory for table in tables() if table.of_run}
    assert places["labels"] == "labels"
    assert places["dead_letters"] == "dead_letters"
    assert {places[name] for name in REPORT_SCHEMAS} == {f"reports/{n}" for n in REPORT_SCHEMAS}


def test_tables_of_shares() -> None:
    assert [table.name for table in tables() if is_share_table(table)] == list(SHARE_GROUPS)


def test_a_key_is_of_the_table() -> None:
    with pytest.raises(ValueError, match=r"by_emotion has no columns \['mood'\]"):
        Table("by_emotion", REPORT_SCHEMAS["by_emotion"], "an emotion", ("mood",))
