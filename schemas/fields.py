"""Arrow fields that carry their own documentation."""

from collections.abc import Iterator

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")


def field(name: str, type_: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    """Returns an Arrow field whose metadata says what it means.

    Args:
        name: the column's name.
        type_: the column's Arrow type.
        description: one sentence for the data dictionary, with the unit or the range.
        nullable: whether the column can hold nulls; no by default.

    >>> field("n_items", pa.int64(), "How many.").metadata
    {b'description': b'How many.'}
    """
    return pa.field(name, type_, nullable=nullable, metadata={"description": description})


def describe(schema: pa.Schema) -> Iterator[tuple[str, str, str]]:
    """Yields (name, type, description) of each column; the type ends in `?` where nulls can occur.

    >>> list(describe(pa.schema([field("lang", pa.string(), "Language.", nullable=True)])))
    [('lang', 'string?', 'Language.')]
    """
    for column in schema:
        description = (column.metadata or {}).get(b"description", b"").decode()
        if pa.types.is_struct(column.type):
            inner = ", ".join(f"{child.name} {child.type}" for child in column.type)
            type_name = f"struct<{inner}>"
        elif pa.types.is_list(column.type):
            type_name = f"list<{column.type.value_type}>"
        else:
            type_name = str(column.type)
        yield column.name, type_name + ("?" if column.nullable else ""), description
