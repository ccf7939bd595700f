"""The published table of columns is what the schemas say."""

from pathlib import Path

import pytest

from schemas.data_dictionary import data_dictionary, markdown_of
from schemas.dead_letters import DEAD_LETTER_SCHEMA, REASON_MEANINGS, Reason
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.fields import describe
from schemas.items import ITEM_SCHEMA
from schemas.labels import label_schema
from schemas.reports import REPORT_SCHEMAS

ROOT = Path(__file__).parents[2]
LABEL_SCHEMA = label_schema(EKMAN_AND_NEUTRAL)


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == data_dictionary(), "run: python -m schemas.data_dictionary > docs/tables.md"


def test_the_readme_has_the_label_rows() -> None:
    assert markdown_of(LABEL_SCHEMA) in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "schema", [ITEM_SCHEMA, LABEL_SCHEMA, DEAD_LETTER_SCHEMA, *REPORT_SCHEMAS.values()]
)
def test_every_column_says_what_it_means(schema: object) -> None:
    for name, _, description in describe(schema):
        assert description.endswith("."), name


def test_every_reason_has_a_meaning() -> None:
    assert list(REASON_MEANINGS) == list(Reason)
