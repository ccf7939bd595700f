"""The reporting job: labels and dead letters of a span of dates in, tables and a page out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from beam_jobs.reports.aggregate_files import AggregateFiles, ReportFile
from beam_jobs.reports.change import compare_spans
from beam_jobs.reports.counts import Partials
from beam_jobs.reports.directory import write_report
from beam_jobs.reports.examples import ItemFile, find_texts, make_examples, texts_by_id
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.reports.tables import ReportPlan, finish_tables


@dataclass(frozen=True)
class ReportJob:
    """What one reporting job reads and writes.

    Attributes:
        files: of labels and dead letters, of the span and of the one before.
        out: the directory of the report.
        span: the dates that are reported on.
        before: those that they are compared with.
        plan: what is counted.
        min_shift: what moved by less raises no alert.
        command: the command that makes the report again.
        notes: what a reader should know of the runs.
        item_files: where the texts of examples stand.
    """

    files: tuple[ReportFile, ...]
    out: str
    span: Span
    before: Span | None = None
    plan: ReportPlan = field(default_factory=ReportPlan)
    min_shift: float = 0.0
    command: str = ""
    notes: tuple[str, ...] = ()
    item_files: tuple[ItemFile, ...] = ()


def build_report_pipeline(root: beam.Pipeline, job: ReportJob) -> None:
    """Every label and every dead letter of the span's published runs is counted once."""
    files = root | beam.Create(job.files)
    spans = files | AggregateFiles(job.plan) | beam.combiners.ToDict()
    texts: beam.PCollection[tuple[str, str]]
    if job.plan.n_examples:
        wanted = spans | beam.Map(ids_of_examples)
        texts = (
            root
            | "ItemFiles" >> beam.Create(job.item_files)
            | beam.FlatMap(find_texts, item_ids=AsSingleton(wanted))
        )
    else:
        texts = root | "NoTexts" >> beam.Create([])
    spans | WriteReportDirectory(job, texts)


def ids_of_examples(spans: Mapping[bool, Partials]) -> frozenset[str]:
    """Returns the items whose texts are wanted."""
    return frozenset(spans[False]["surest"]["item_id"].to_pylist())


@dataclass
class WriteReportDirectory(beam.PTransform):
    """Writes the report's tables, its page, and last `report.json`, which lists them.

    In comes one dict, the `Partials` of the span (False) and of the one before (True). Retried, it
    writes the same again.

    Attributes:
        texts: id and text of the items that may be shown.
    """

    job: ReportJob
    texts: beam.PCollection[tuple[str, str]]

    @beam.typehints.no_annotations
    def expand(
        self, spans: beam.PCollection[Mapping[bool, Partials]]
    ) -> beam.PCollection[Mapping[str, int]]:
        """Makes the report and writes it; out come the rows of each table."""
        # Of thousands of files the graph need not hold the names twice: runners limit its size.
        job = replace(self.job, files=(), item_files=())
        return (
            spans
            | beam.Map(make_report, job=job, texts=AsIter(self.texts))
            | beam.Map(write_report, out=self.job.out)
        )


def make_report(
    spans: Mapping[bool, Partials], job: ReportJob, texts: Iterable[tuple[str, str]] = ()
) -> Report:
    """Returns the report of whole partial tables."""
    now = spans[False]
    tables: dict[str, pa.Table] = {
        **finish_tables(now, job.plan),
        **compare_spans(now, spans.get(True), job.plan, job.min_shift),
    }
    by_id, wanted, notes = texts_by_id(texts), now["surest"]["item_id"].to_pylist(), job.notes
    n_missing = sum(item_id not in by_id for item_id in wanted)
    if n_missing:
        missing = f"{n_missing} were not found where the runs read them."
        notes = (*notes, f"Of {len(wanted)} texts to show, {missing}")
    examples = make_examples(now["surest"], by_id)
    return Report(tables, job.span, job.before, job.command, examples, notes)
