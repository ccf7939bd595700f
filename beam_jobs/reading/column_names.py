"""What the names of a table's columns must be, in CSV and in Parquet."""

from beam_jobs.reading.record_layout import RecordLayout


def doubled_column(layout: RecordLayout, *, has_objects: bool) -> str | None:
    """Returns, in words, which column that is read the file has twice; None if it has none.

    Args:
        layout: of the file.
        has_objects: whether a longer path can lead into a column, as in Parquet.

    >>> doubled_column(RecordLayout(found=("id", "text", "text")), has_objects=False)
    "the header has 2 columns named 'text'"
    """
    found = layout.found or ()
    for paths in layout.key_paths.values():
        for path in paths:
            if (has_objects or len(path) == 1) and found.count(path[0]) > 1:
                return f"the header has {found.count(path[0])} columns named {path[0]!a}"
    return None
