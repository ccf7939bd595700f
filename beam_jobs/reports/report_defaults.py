"""What a report shows unless told otherwise; it imports nothing, for a quick `--help`."""

GROUPED_BY = ("hashtag", "lang", "author_id", "modality")
"""Columns of the labels, but for the times, by which items are grouped."""
MIN_GROUP_ITEMS = 1
"""A group with fewer items is left out."""
TOP_GROUPS = 10_000
"""Groups of a table, the largest."""
