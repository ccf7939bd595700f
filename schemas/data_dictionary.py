"""The tables' columns as Markdown, made from the schemas' own descriptions."""

import pyarrow as pa

from schemas.dead_letters import DEAD_LETTER_SCHEMA, REASON_MEANINGS
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.fields import describe
from schemas.items import ITEM_SCHEMA
from schemas.labels import label_schema
from schemas.reports import REPORT_SCHEMAS


def markdown_of(schema: pa.Schema) -> str:
    """Returns a table of a schema's columns; `?` marks a type that can be null.

    >>> from schemas.fields import field
    >>> print(markdown_of(pa.schema([field("lang", pa.string(), "Language.")])))
    | column | type | meaning |
    |---|---|---|
    | `lang` | string | Language. |
    """
    rows = [
        f"| `{name}` | {type_} | {description} |" for name, type_, description in describe(schema)
    ]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def data_dictionary() -> str:
    """Returns the whole page, `docs/tables.md`."""
    sections = [
        "# The tables",
        "Made from `schemas/` by `python -m schemas.data_dictionary`; `?` marks what can be null.",
        "## Items (in)",
        markdown_of(ITEM_SCHEMA),
        "## labels (out)",
        markdown_of(label_schema(EKMAN_AND_NEUTRAL)),
        "## dead_letters (out)",
        markdown_of(DEAD_LETTER_SCHEMA),
        "Reasons:",
        "\n".join(
            [
                "| reason | meaning |",
                "|---|---|",
                *(f"| `{reason}` | {meaning} |" for reason, meaning in REASON_MEANINGS.items()),
            ]
        ),
    ]
    for name, schema in REPORT_SCHEMAS.items():
        sections += [f"## reports/{name} (out)", markdown_of(schema)]
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    print(data_dictionary(), end="")  # noqa: T201
