"""What the commands `mm-emor score` and `mm-emor report` do, with keyword arguments for flags."""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from model.errors import UserError
from model.storage import look_for_credentials

if TYPE_CHECKING:
    from beam_jobs.reports.page.report import Report
    from beam_jobs.runs.job_outcome import JobOutcome
    from beam_jobs.scoring.launch import OnProgress

PathLike = str | os.PathLike[str]
Paths = PathLike | Iterable[PathLike]


def score_corpus(
    *,
    out: PathLike,
    items: Paths = (),
    clips: Paths = (),
    audio_roots: Paths = (),
    model: PathLike = "default",
    run_date: date | str | None = None,
    on_progress: "OnProgress | None" = None,
    on_note: Callable[[str], None] | None = None,
    **settings: Any,
) -> "JobOutcome":
    """Labels every item of a corpus, as `mm-emor score` does; writes Parquet under `out`.

    Args:
        out: the output directory.
        items: files of items, or patterns of them; one or several.
        clips: files of clips whose name without suffix is an item's id, or patterns.
        audio_roots: directories under which an item's `audio_uri` may lie.
        model: the model, as in `load`.
        run_date: the date that the run is for, also as YYYY-MM-DD; today (UTC) where None.
        on_progress: called now and then with the items done and the items found.
        on_note: called with what the operator may want to know before the run.
        settings: the other fields of `beam_jobs.scoring.request.ScoringRequest`, such as
            `if_done="skip"`, `only_new=True`, `engine="onnx"`, `batch_size=64`,
            `min_confidence=0.4`, `beam_flags=["--runner=DataflowRunner", …]`. `columns` may be
            a dict of our fields to their columns.

    Returns:
        What came of it: `published` is the run in the manifest, with its counts.

    Raises:
        UserError: an argument, an input, the model or the output directory is wrong; nothing was
            scored. Its message names flags of the command.
        RuntimeError: the job failed.
    """
    items, clips, audio_roots = map(_paths, (items, clips, audio_roots))
    out, model = os.fspath(out), os.fspath(model)
    look_for_credentials(*items, *clips, *audio_roots, out, model)
    from beam_jobs.scoring.launch import score_corpus as run  # noqa: PLC0415  (Beam)
    from beam_jobs.scoring.request import ScoringRequest  # noqa: PLC0415

    if isinstance(settings.get("columns"), Mapping):
        settings["columns"] = settings["columns"].items()
    for name in settings.keys() & {"beam_flags", "columns"}:
        settings[name] = tuple(settings[name])
    request = ScoringRequest(
        items=items,
        clips=clips,
        audio_roots=audio_roots,
        out=out,
        model=model,
        run_date=datetime.now(UTC).date() if run_date is None else _day("run_date", run_date),
        **settings,
    )
    return run(request, on_progress, on_note)


def report(
    labels: Paths,
    out: PathLike,
    *,
    first: date | str | None = None,
    last: date | str | None = None,
    **settings: Any,
) -> "Report":
    """Reports on a span of scored dates, as `mm-emor report` does; writes a page and tables.

    Args:
        labels: output directories of `score_corpus`; several are added up.
        out: the directory of `report.html` and the tables.
        first: the first date, also as YYYY-MM-DD; the first that was scored where None.
        last: the last date; the last that was scored where None.
        settings: the other fields of `beam_jobs.reports.request.ReportRequest`, such as
            `against="2026-10-01:2026-10-31"`, `by=["lang", "hashtag"]`, `min_items=10`, `top=100`,
            `n_examples=3`, `min_shift=0.02`.

    Returns:
        The report: `tables` has an Arrow table for each of `schemas.reports`, by its name.

    Raises:
        UserError: an argument is wrong, no run was published where it says, or `out` cannot be
            written; nothing was written. Its message names flags of the command.
    """
    directories, out = _paths(labels), os.fspath(out)
    look_for_credentials(*directories, out)
    from beam_jobs.reports.request import ReportRequest, report_corpus  # noqa: PLC0415  (Beam)

    for name in settings.keys() & {"beam_flags", "by"}:
        settings[name] = tuple(settings[name])
    if first is not None:
        settings["first"] = _day("first", first)
    if last is not None:
        settings["last"] = _day("last", last)
    shown = {"labels": directories, "out": out, **settings}
    call = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    settings.setdefault("command", f"mm_emor.report({call})")
    return report_corpus(ReportRequest(labels=directories, out=out, **settings))


def _paths(given: Paths) -> tuple[str, ...]:
    """Returns one path or several as strings.

    >>> _paths("a.jsonl"), _paths(["a.jsonl", "b.csv"])
    (('a.jsonl',), ('a.jsonl', 'b.csv'))
    """
    several = [given] if isinstance(given, str | os.PathLike) else given
    return tuple(os.fspath(path) for path in several)


def _day(name: str, given: date | str) -> date:
    """Returns a date that may be given as text.

    Raises:
        UserError: it is none.
    """
    if isinstance(given, datetime):
        return given.date()
    try:
        return date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError as error:
        raise UserError(f"{name} is {given!r}; it must be a day as YYYY-MM-DD") from error
