"""By what a report groups items: a column of the labels, or what is made of one."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.report_defaults import GROUPED_BY
from model.errors import UserError
from schemas.fields import TIMESTAMP, field
from schemas.labels import KEPT_PREFIX, kept_column, label_schema
from schemas.reports import SHARE_GROUPS

_COLUMNS = {
    "by_hour": "created_at",
    "by_day": "created_at",
    "by_weekday": "created_at",
    "by_language": "lang",
    "by_hashtag": "hashtags",
    "by_author": "author_id",
    "by_modality": "modality",
}
"""The column of the labels that each table of `SHARE_GROUPS` is made from."""
TIMES = ("by_hour", "by_day", "by_weekday")


@dataclass(frozen=True)
class Grouping:
    """A table of shares that groups items.

    Attributes:
        report: the table's name.
        column: the column of the labels.
        group: the table's own column of groups.
    """

    report: str
    column: str
    group: pa.Field

    def group_rows(self, labels: pa.Table, rows: pa.Table) -> pa.Table:
        """Returns the rows, one for each label, with their group: once for each that it has.

        Args:
            labels: the label rows, with `column`.
            rows: what is known of each, in the same order.
        """
        values = labels[self.column]
        if self.report == REPOSTS.report:
            values = pc.is_valid(values)
        if self.report == "by_hashtag":
            return _one_row_per_hashtag(rows, values)
        if self.report in TIMES:
            # Without a zone, so that no time zone database is needed: the times are UTC already.
            utc = values.combine_chunks().view(pa.timestamp("us"))
            if self.report == "by_hour":
                values = pc.floor_temporal(utc, unit="hour").view(TIMESTAMP)
            elif self.report == "by_day":
                values = pc.floor_temporal(utc, unit="day").cast(pa.date32())
            else:
                values = pc.day_of_week(utc, count_from_zero=False).cast(pa.int32())
        return rows.append_column(self.group.name, values)


REPOSTS = Grouping(
    "by_repost",
    "repost_of",
    field("repost", pa.bool_(), "Whether the items repeat another post."),
)
"""What `--by repost` groups by."""


def _one_row_per_hashtag(rows: pa.Table, hashtags: pa.ChunkedArray) -> pa.Table:
    """Returns each row once for each different hashtag of its item."""
    lists = hashtags.combine_chunks()
    pairs = pa.table({"row": pc.list_parent_indices(lists), "hashtag": pc.list_flatten(lists)})
    pairs = pairs.group_by(["row", "hashtag"], use_threads=False).aggregate([])
    return rows.take(pairs["row"]).append_column("hashtag", pairs["hashtag"])


def choose_groupings(by: Sequence[str] = GROUPED_BY) -> tuple[Grouping, ...]:
    """Returns the tables of shares by time, and those by the columns that are asked for.

    Args:
        by: columns of the labels, also those of kept fields, `x_…`; `hashtag` for their hashtags,
            one at a time; `repost` for whether they are reposts.

    Raises:
        UserError: the labels have no such column, or it is no group of items.

    >>> [grouping.report for grouping in choose_groupings(["lang", "truncated"])]
    ['by_hour', 'by_day', 'by_weekday', 'by_language', 'by_truncated']
    """
    reports = {column: report for report, column in _COLUMNS.items() if report not in TIMES}
    reports["hashtag"] = reports["hashtags"]
    columns = {
        column.name: column
        for column in label_schema(())
        if not (pa.types.is_nested(column.type) or pa.types.is_floating(column.type))
    }
    del columns["emotion"]  # what every table of shares counts
    known = sorted({*reports, *columns, "repost"})
    chosen = [_known_grouping(report) for report in TIMES]
    for name in by:
        if name in reports:
            chosen.append(_known_grouping(reports[name]))
        elif name == "repost":
            chosen.append(REPOSTS)
        elif name in columns:
            chosen.append(_grouping_by(columns[name]))
        elif name.startswith(KEPT_PREFIX) and name == kept_column(name.removeprefix(KEPT_PREFIX)):
            kept = field(name, pa.string(), "The input's own field; null: unknown.", nullable=True)
            chosen.append(_grouping_by(kept))
        else:
            named = f"{', '.join(known)}, and {KEPT_PREFIX}FIELD of a field that was kept"
            raise UserError(f"--by names {name!r}; it groups by {named}")
    return tuple({grouping.report: grouping for grouping in chosen}.values())


def _known_grouping(report: str) -> Grouping:
    return Grouping(report, _COLUMNS[report], SHARE_GROUPS[report])


def _grouping_by(column: pa.Field) -> Grouping:
    description = column.metadata[b"description"].decode()
    group = field(column.name, column.type, description, nullable=column.nullable)
    return Grouping(f"by_{column.name}", column.name, group)
