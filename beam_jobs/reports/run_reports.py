"""A scoring run's own tables and page, made as its last step but one."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from beam_jobs.reports.aggregate_files import ReportFile
from beam_jobs.reports.counts import (
    Partials,
    RunKey,
)
from beam_jobs.reports.page.render import render_page
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.reports.run_notes import notes_of_settings
from beam_jobs.reports.tables import ReportPlan, finish_tables
from beam_jobs.runs.output_files import WrittenFile, publish_file
from beam_jobs.runs.run import PAGE_TABLE, Run, TableLocation, staging_dir
from beam_jobs.runs.sorted_parquet import write_table
from schemas.reports import CHANGE_SCHEMAS
from schemas.tables import REPORTS, report_table


def run_key(run: Run) -> RunKey:
    """Returns the run as its report names it."""
    return RunKey(run.date, run.run_id, run.model_version)


@dataclass
class ListReportFiles(beam.PTransform):
    """Names the files that a run's reports count.

    In come the `WrittenFile`s of the run's labels and dead letters, not published yet; out come
    `ReportFile`s: theirs, and those of the earlier run to which this one adds.
    """

    run: Run

    def expand(self, files: beam.PCollection[WrittenFile]) -> beam.PCollection[ReportFile]:
        """Names the staged files, and those that are published already."""
        run, key = self.run, run_key(self.run)
        staged = files | beam.Map(to_report_file, staging_dir(run.out, run.date, run.run_id), key)
        if not run.extends:
            return staged
        earlier = [to_report_file(file, run.out, key) for file in run.extends.files]
        return (staged, files.pipeline | beam.Create(earlier)) | beam.Flatten()


def to_report_file(
    file: WrittenFile,
    directory: str,
    run: RunKey,
    before: bool = False,
    *,
    is_quotable: bool = True,
) -> ReportFile:
    """Returns a written file as one that a report counts; its path is relative to the directory."""
    return ReportFile(FileSystems.join(directory, file.path), file.table, run, before, is_quotable)


@dataclass
class WriteRunReports(beam.PTransform):
    """Writes a run's report tables and its page.

    In come the whole `Partials` of the run; out comes a file per table, and that of the page.
    """

    run: Run
    plan: ReportPlan = field(default_factory=ReportPlan)

    def expand(
        self, partials: beam.PCollection[tuple[bool, Partials]]
    ) -> beam.PCollection[WrittenFile]:
        """Writes them one after another: all are small."""
        location, notes = self.run.location(REPORTS), tuple(notes_of_settings([self.run.settings]))
        return (
            partials | beam.Values() | beam.FlatMap(write_run_reports, location, self.plan, notes)
        )


def write_run_reports(
    partials: Partials, location: TableLocation, plan: ReportPlan, notes: tuple[str, ...] = ()
) -> Iterator[WrittenFile]:
    """Writes `reports/<name>` for each table, and `reports/page`, and yields what was written."""
    tables = finish_tables(partials, plan)
    for name, table in tables.items():
        yield write_table(table, replace(location, table=report_table(name)))
    span = Span(location.date, location.date)
    unchanged = {name: schema.empty_table() for name, schema in CHANGE_SCHEMAS.items()}
    command = f"mm-emor report --labels OUT --from {span.first} --to {span.last} --out DIR"
    report = Report({**tables, **unchanged}, span, None, command, notes=notes)
    page = render_page(report).encode()
    location = replace(location, table=PAGE_TABLE, suffix=".html")
    sha256 = publish_file(location.staged_path(), page, location.temporary_dir)
    yield WrittenFile(PAGE_TABLE, location.path(), 0, len(page), sha256)
