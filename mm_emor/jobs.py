"""What the commands `mm-emor score` and `mm-emor report` do, with keyword arguments for flags."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
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
TEXT_FORMAT = ("encoding", "delimiter", "has_header")
"""Settings of `score_corpus` that are one field of the request."""
ARGUMENT_OF = {
    "audio-root": "audio_roots",
    "column": "columns",
    "date": "run_date",
    "examples": "n_examples",
    "from": "first",
    "to": "last",
}
"""Flags whose argument has another name."""


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
    r"""Labels every item of a corpus, as `mm-emor score` does; writes Parquet under `out`.

    Args:
        out: the output directory.
        items: files of items, or patterns of them; one or several.
        clips: files of clips whose name without suffix is an item's id, or patterns.
        audio_roots: directories under which an item's `audio_uri` may lie.
        model: the model, as in `load`.
        run_date: the date that the run is for, also as YYYY-MM-DD; today (UTC) where None.
        on_progress: called now and then with the items done and the items found.
        on_note: called with what the operator may want to know before the run.
        settings: the command's other flags, each with its default where left out.
            Of the input: `source` ("auto", or a network, as "bluesky"), `columns` (a dict of our
            fields to theirs), `keep` (fields that go into the labels), `encoding`, `delimiter`,
            `has_header` (or the three as a `text_format`).
            Of the run: `if_done` ("replace" or "skip"), `only_new` (True: add what is new),
            `batch_size`, `max_bad_fraction`, `beam_flags` (a list, as
            ["--runner=DataflowRunner", …]).
            Of the model: `engine` ("auto", "openvino", "tensorflow"), `precision` ("auto", "int8",
            "bfloat16", "float32"), `require_gpu`, `accelerator`, `min_confidence`, `emotions` (a
            list of those to choose from).
            Of privacy: `pseudonymise_authors`, `redact_text`.

    Returns:
        What came of it: `published` is the run in the manifest, with its counts.

    Raises:
        UserError: an argument, an input, the model or the output directory is wrong; nothing was
            scored.
        RuntimeError: the job failed.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     items, out = Path(directory, "tweets.csv"), Path(directory, "out")
    ...     _ = items.write_text("pk,text\n1,so happy today\n2,\n")
    ...     columns = {"item_id": "pk"}
    ...     print(score_corpus(items=items, out=out, run_date="2026-11-22", columns=columns))
    2026-11-22: complete, 1 labels and 1 dead letters.
    """
    items, clips, audio_roots = map(_paths, (items, clips, audio_roots))
    out, model = os.fspath(out), os.fspath(model)
    look_for_credentials(*items, *clips, *audio_roots, out, model)
    from beam_jobs.reading.text_format import TextFormat  # noqa: PLC0415
    from beam_jobs.scoring.launch import score_corpus as run  # noqa: PLC0415  (Beam)
    from beam_jobs.scoring.request import ScoringRequest  # noqa: PLC0415

    known = {*_names(ScoringRequest), *TEXT_FORMAT}
    with _naming_arguments("score_corpus", settings, known):
        if isinstance(settings.get("columns"), Mapping):
            settings["columns"] = settings["columns"].items()
        for name in settings.keys() & {"beam_flags", "columns", "emotions", "keep"}:
            settings[name] = tuple(settings[name])
        if text_format := {name: settings.pop(name) for name in TEXT_FORMAT if name in settings}:
            settings["text_format"] = TextFormat(**text_format)
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
    r"""Reports on a span of scored dates, as `mm-emor report` does; writes a page and tables.

    Args:
        labels: output directories of `score_corpus`; several are added up.
        out: the directory of `report.html` and the tables.
        first: the first date, also as YYYY-MM-DD; the first that was scored where None.
        last: the last date; the last that was scored where None.
        settings: the command's other flags, each with its default where left out: `against` (a
            span, as "2026-10-01:2026-10-31", or "none"), `by` (a list, as ["lang", "hashtag"]),
            `min_items` and `top` of each table's groups, `n_examples` of each emotion on the page,
            `min_shift` (what moved by less raises no alert), `beam_flags`, and `command` (what the
            page says made it; this call where left out).

    Returns:
        The report: `tables` has an Arrow table for each of `schemas.reports`, by its name.

    Raises:
        UserError: an argument is wrong, no run was published where it says, or `out` cannot be
            written; nothing was written.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     items, out = Path(directory, "tweets.csv"), Path(directory, "out")
    ...     _ = items.write_text("id,text,lang\n1,so happy today,en\n2,I miss her so much,en\n")
    ...     _ = score_corpus(items=items, out=out, run_date="2026-11-22")
    ...     made = report(out, Path(directory, "report"), by=["lang"], min_items=2)
    >>> made.tables["by_language"].select(["emotion", "share"]).to_pylist()
    [{'emotion': 'joy', 'share': 0.5}, {'emotion': 'sadness', 'share': 0.5}]
    """
    directories, out = _paths(labels), os.fspath(out)
    look_for_credentials(*directories, out)
    from beam_jobs.reports.request import ReportRequest, report_corpus  # noqa: PLC0415  (Beam)

    with _naming_arguments("report", settings, _names(ReportRequest)):
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


def _names(request: Any) -> tuple[str, ...]:
    """Returns the names of a request's fields."""
    return tuple(each.name for each in fields(request))


@contextmanager
def _naming_arguments(
    function: str, settings: Mapping[str, Any], known: Collection[str]
) -> Iterator[None]:
    """Refuses settings that a function does not have; names arguments, not flags, in messages.

    Raises:
        UserError: a setting is none, or what the block raises.
    """
    if unknown := [name for name in settings if name not in known]:
        named = ", ".join(sorted(known))
        raise UserError(f"{unknown[0]} is no argument of {function}; it has {named}")
    try:
        yield
    except UserError as error:
        error.args = (_name_arguments(str(error), known),)
        raise


def _name_arguments(message: str, known: Collection[str]) -> str:
    """Returns a message with the arguments that the command's flags stand for.

    >>> _name_arguments("--from and --n of --audio-root /a--to", ["first", "last", "audio_roots"])
    'first and --n of audio_roots /a--to'
    """

    def argument(found: re.Match[str]) -> str:
        name = ARGUMENT_OF.get(found[1], found[1].replace("-", "_"))
        return name if name in known else found[0]

    return re.sub(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)\b(?![-_])", argument, message)


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
