"""The directory of a report: a Parquet file per table, the page, and a record of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apache_beam.io.filesystems import FileSystems
from pydantic import TypeAdapter

from beam_jobs.reports.page.render import render_page
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.runs.json_records import read_json
from beam_jobs.runs.output_files import read_small_table, rename_files, stage_file
from beam_jobs.runs.sorted_parquet import to_parquet
from model.errors import UserError

RECORD_NAME = "report.json"
PAGE_NAME = "report.html"
TEMPORARY_NAME = "_tmp.report"


@dataclass(frozen=True)
class ReportRecord:
    """What `report.json` says of a report.

    Attributes:
        tables: rows of each table, which is `<table>.parquet`.
    """

    span: Span
    before: Span | None
    command: str
    notes: tuple[str, ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)


_RECORD = TypeAdapter(ReportRecord)


def write_report(report: Report, out: str) -> Mapping[str, int]:
    """Writes a report in place of the one that is there; returns the rows of each table.

    All files are written before the first is put in its place, so that a report that fails leaves
    the earlier one alone; its record is replaced last. Tables that only the earlier report had are
    removed.
    """
    earlier = read_report_record(out)
    n_rows = {name: table.num_rows for name, table in sorted(report.tables.items())}
    record = ReportRecord(report.span, report.before, report.command, report.notes, n_rows)
    contents: dict[str, bytes | memoryview] = {
        f"{name}.parquet": memoryview(to_parquet(table)) for name, table in report.tables.items()
    }
    contents[PAGE_NAME] = render_page(report).encode()
    contents[RECORD_NAME] = _RECORD.dump_json(record, indent=2) + b"\n"
    superseded = [
        FileSystems.join(out, f"{name}.parquet")
        for name in (earlier.tables if earlier else ())
        if name not in n_rows
    ]
    temporary_dir = FileSystems.join(out, TEMPORARY_NAME)
    new_paths: dict[str, str] = {}
    try:
        for name, content in contents.items():
            path = FileSystems.join(out, name)
            new_paths[stage_file(path, content, temporary_dir)] = path
        *files, (staged_record, record_path) = new_paths.items()
        rename_files(dict(files))
        # While the earlier record still names them: done again, this finds what is left of them.
        FileSystems.delete([path for path in superseded if FileSystems.exists(path)])
        rename_files({staged_record: record_path})
    finally:
        FileSystems.delete([path for path in new_paths if FileSystems.exists(path)])
        if FileSystems.exists(temporary_dir):  # a local one
            FileSystems.delete([temporary_dir])
    return n_rows


def read_report_record(out: str) -> ReportRecord | None:
    """Returns the record of a directory's report; None where there is none.

    Raises:
        UserError: if it is there and cannot be understood.
    """
    return read_json(FileSystems.join(out, RECORD_NAME), _RECORD, "no record of a report")


def read_report(out: str) -> Report:
    """Returns what was written, but for the examples, which only the page has.

    Raises:
        UserError: there is no report.
    """
    record = read_report_record(out)
    if record is None:
        raise UserError(f"{out} holds no {RECORD_NAME}: no report was written there")
    tables = {
        name: read_small_table(FileSystems.join(out, f"{name}.parquet")) for name in record.tables
    }
    return Report(tables, record.span, record.before, record.command, (), record.notes)
