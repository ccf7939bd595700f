"""The published table of columns is what the schemas say."""

from pathlib import Path

import pytest

from schemas.data_dictionary import data_dictionary
from schemas.dead_letters import DEAD_LETTER_SCHEMA, REASON_MEANINGS, Reason
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.fields import describe
from schemas.items import ITEM_SCHEMA
from schemas.labels import label_schema
from schemas.reports import CHANGE_SCHEMAS, REPORT_SCHEMAS, SHARE_GROUPS
from schemas.tables import tables

ROOT = Path(__file__).parents[2]
LABEL_SCHEMA = label_schema(EKMAN_AND_NEUTRAL)


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == data_dictionary(), "run: python -m schemas.data_dictionary > docs/tables.md"


def test_the_contents_lead_to_every_table() -> None:
    page = data_dictionary()
    for table in tables():
        heading = "shares" if table.name in SHARE_GROUPS else table.name
        assert f"| [`{table.name}`](#{heading}) | {table.row} |" in page
        assert f"\n## {heading}\n" in page


def test_every_table_stands_with_its_columns() -> None:
    page = data_dictionary()
    for table in tables():
        for name, type_, description in describe(table.schema):
            row = f"| `{name}` | `{type_}` | {description} |"
            assert row in page, f"{table.name}: {row}"


@pytest.mark.parametrize(
    "schema",
    [
        *(ITEM_SCHEMA, LABEL_SCHEMA, DEAD_LETTER_SCHEMA),
        *(*REPORT_SCHEMAS.values(), *CHANGE_SCHEMAS.values()),
    ],
)
def test_every_column_says_what_it_means(schema: object) -> None:
    for name, _, description in describe(schema):
        assert description.endswith("."), name


def test_every_reason_has_a_meaning() -> None:
    assert list(REASON_MEANINGS) == list(Reason)
