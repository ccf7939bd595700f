"""Files of labels and dead letters to partial tables, which add up over files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsDict

from beam_jobs.reports.counts import (
    DEAD_LETTER_COLUMNS,
    LABEL_COLUMNS,
    Partials,
    RunKey,
    aggregate_dead_letters,
    aggregate_labels,
    empty_partials,
    merge_partials,
)
from beam_jobs.reports.frequent_groups import FrequentGroups, merge_frequent_groups
from beam_jobs.reports.tables import ReportPlan
from schemas.labels import label_schema
from schemas.tables import LABELS

BATCH_ROWS = 65_536
MERGED_BATCHES = 16
"""Batches of rows whose partial tables are held before they are merged."""


@dataclass(frozen=True)
class ReportFile:
    """A file of labels or dead letters that a report counts.

    Attributes:
        path: where it lies.
        table: `labels` or `dead_letters`.
        run: the run that it is counted for.
        before: whether it is of the span that is compared with.
        is_quotable: whether the texts of its items may be shown.
    """

    path: str
    table: str
    run: RunKey
    before: bool = False
    is_quotable: bool = True


@dataclass
class AggregateFiles(beam.PTransform):
    """Makes the partial tables of a span of dates, by adding up those of its files' batches.

    In come `ReportFile`s; out comes, for each span, whether it is the one before, and its
    `Partials`. Only partial tables cross a shuffle: memory grows with the number of groups, not of
    items. The files are read twice. The first time only groups are counted, in bounded memory; of a
    table that has too many, the second time only the frequent ones are. A file that cannot be read
    stops the job.
    """

    plan: ReportPlan = field(default_factory=ReportPlan)

    def expand(
        self, files: beam.PCollection[ReportFile]
    ) -> beam.PCollection[tuple[bool, Partials]]:
        """Looks for groups that are too many, then counts."""
        kept = (
            files
            | "FindFrequentGroups" >> beam.FlatMap(find_frequent_groups, self.plan)
            | "MergeFrequentGroups" >> beam.CombinePerKey(merge_frequent_groups)
            | beam.MapTuple(by_report)
            | "BothSpans" >> beam.GroupByKey()
            | beam.FlatMapTuple(groups_to_keep)
        )
        return (
            files
            | "AggregateFiles" >> beam.FlatMap(aggregate_file, self.plan, kept=AsDict(kept))
            | "MergePartials" >> beam.CombinePerKey(merge_partials, n_surest=self.plan.n_examples)
        )


def find_frequent_groups(
    file: ReportFile, plan: ReportPlan
) -> Iterator[tuple[tuple[str, bool], FrequentGroups]]:
    """Yields, of a file of labels, the frequent groups of each table of shares and the span."""
    if file.table != LABELS:
        return
    found: dict[str, FrequentGroups] = {}
    columns = [grouping.column for grouping in plan.groupings]
    for labels in read_batches(file.path, columns):
        rows = pa.table({"row": pa.nulls(labels.num_rows)})
        for grouping in plan.groupings:
            values = grouping.group_rows(labels, rows)[grouping.group.name]
            groups = FrequentGroups.of(values, plan.limits.max_groups)
            if grouping.report in found:
                groups = merge_frequent_groups((found[grouping.report], groups))
            found[grouping.report] = groups
    for report, groups in found.items():
        yield (report, file.before), groups


def by_report(
    key: tuple[str, bool], groups: FrequentGroups
) -> tuple[str, tuple[bool, FrequentGroups]]:
    """Returns the groups of a table of shares and a span by their table alone."""
    report, before = key
    return report, (before, groups)


def groups_to_keep(
    report: str, spans: Iterable[tuple[bool, FrequentGroups]]
) -> Iterator[tuple[tuple[str, bool], pa.Array]]:
    """Yields the groups that are counted of each span that has too many of them.

    They are those of either span, so that a group that one shows is counted in the other. A span
    that has few groups counts all of its own.
    """
    found = list(spans)
    united = pa.concat_tables([each.groups for _, each in found])["group"]
    for before, groups in found:
        if groups.is_cut:
            yield (report, before), united.unique()


def aggregate_file(
    file: ReportFile, plan: ReportPlan, kept: Mapping[tuple[str, bool], pa.Array]
) -> Iterator[tuple[bool, Partials]]:
    """Yields the partial tables of a file, and its span.

    Args:
        file: of labels or dead letters.
        plan: what is counted.
        kept: the groups that are counted, by table and span, where there are too many to count them
            all.
    """
    kept_of_span = {
        report: groups for (report, before), groups in kept.items() if before == file.before
    }
    waiting = [empty_partials(plan.groupings)]
    n_surest = plan.n_examples if file.is_quotable else 0
    if file.table == LABELS:
        columns = [*LABEL_COLUMNS, *(grouping.column for grouping in plan.groupings)]
    else:
        columns = list(DEAD_LETTER_COLUMNS)
    for rows in read_batches(file.path, columns):
        if file.table == LABELS:
            waiting.append(aggregate_labels(rows, file.run, plan.groupings, kept_of_span, n_surest))
        else:
            waiting.append(aggregate_dead_letters(rows, file.run))
        if len(waiting) > MERGED_BATCHES:
            waiting = [merge_partials(waiting, plan.n_examples)]
    yield file.before, merge_partials(waiting, plan.n_examples)


def read_batches(path: str, columns: list[str]) -> Iterator[pa.Table]:
    """Yields the rows of a Parquet file, at least one batch, with some of its columns.

    Raises:
        RuntimeError: it is no Parquet file.
    """
    with FileSystems.open(path) as source:
        try:
            file = pq.ParquetFile(source)
        except pa.ArrowInvalid as error:
            raise RuntimeError(f"{path} is no Parquet file: {error}") from error
        names = list(dict.fromkeys(columns))
        found = [name for name in names if name in file.schema_arrow.names]
        schema = pa.schema([file.schema_arrow.field(name) for name in found])
        yield _with_columns(schema.empty_table(), names)
        for batch in file.iter_batches(BATCH_ROWS, columns=found):
            yield _with_columns(pa.Table.from_batches([batch]), names)


def _with_columns(rows: pa.Table, names: list[str]) -> pa.Table:
    """Returns rows with the columns of these names, in their order.

    Labels of before there were warnings, or of a run that kept other fields, lack some: null there.
    """
    types = label_schema(())
    for name in names:
        if name not in rows.column_names:
            type_ = types.field(name).type if name in types.names else pa.string()
            rows = rows.append_column(name, pa.nulls(rows.num_rows, type_))
    return rows.select(names)
