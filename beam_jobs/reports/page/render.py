"""The report as one HTML page that needs nothing else: no script, no font, no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from beam_jobs.reports.page.disagreement_section import disagreement_section
from beam_jobs.reports.page.emotion_colours import DARK_BACKGROUND, LIGHT_BACKGROUND, colour_of
from beam_jobs.reports.page.facts import (
    count_items,
    describe_gaps,
    name_dates,
    name_group,
    percent,
    points,
    refusals,
    shorten,
    signed,
)
from beam_jobs.reports.page.group_section import groups_section
from beam_jobs.reports.page.parts import MAX_ROWS, TableView, count, name_cell, sentences, some_of
from beam_jobs.reports.page.report import Report
from beam_jobs.reports.page.sections import (
    change_section,
    confidence_section,
    mix_figure,
    refused_section,
    what_changed,
)
from beam_jobs.reports.page.time_section import time_section
from beam_jobs.reports.page.warnings_section import warnings_section

TEMPLATE = "page.html.jinja"
STYLE = Path(__file__).with_name("page.css")

MAX_ALERTS = 5
MAX_REASONS = 3
MAX_HINTS = 8
MAX_SENTENCE = 300
MAX_COMMAND = 2000
MAX_EXAMPLE = 300
MAX_EXAMPLES_OF_EMOTION = 10
MAX_EXAMPLES = 100
MAX_VERSIONS = 10

LIGHT = {
    "page": LIGHT_BACKGROUND,
    "ink": "#1a1d21",
    "muted": "#59616a",
    "line": "#dfe2e6",
    "bar": "#5f7285",
    "accent": "#1f5f99",
}
DARK = {
    "page": DARK_BACKGROUND,
    "ink": "#e8eaed",
    "muted": "#a4abb4",
    "line": "#33393f",
    "bar": "#8395a7",
    "accent": "#7fb8ea",
}


@dataclass(frozen=True)
class Tile:
    """A number of the first screen."""

    name: str
    value: str
    note: str = ""


def render_page(report: Report) -> str:
    """Returns the page; the same report gives the same page.

    Args:
        report: what `mm-emor report` found. Its strings are shown as text, whatever they hold, and
            tables are cut to what a page holds: it stays far below 2 MB.
    """
    emotions = _emotions(report)
    paint = {emotion: f"var(--emotion-{i})" for i, emotion in enumerate(emotions)}
    style = STYLE.read_text(encoding="utf-8") + _variables(emotions)
    template = _environment().get_template(TEMPLATE)
    return template.render(
        style=style,
        style_hash="sha256-" + base64.b64encode(sha256(style.encode()).digest()).decode(),
        **_overview(report),
        mix=mix_figure(report, paint),
        sections=(
            change_section(report, paint),
            time_section(report, paint),
            groups_section(report, paint),
            disagreement_section(report),
            confidence_section(report),
            refused_section(report),
            warnings_section(report),
        ),
        **_examples(report, paint),
        **_source(report),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(STYLE.parent), autoescape=True, undefined=StrictUndefined
    )
    # What these are given is made by this package, never by a tweet; vl-convert escapes names.
    environment.filters["svg"] = Markup
    environment.filters["css"] = Markup
    environment.filters["swatch"] = _swatch
    return environment


def _swatch(colour: str) -> Markup:
    return Markup(
        '<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" '
        'fill="{}"/></svg>'
    ).format(colour)


def _emotions(report: Report) -> list[str]:
    """Returns every emotion that something on the page can be painted for."""
    names = set()
    for name, table in report.tables.items():
        if "emotion" in table.column_names and name != "most_disagreeing":
            names.update(table["emotion"].unique().to_pylist())
    names.update(example.emotion for example in report.examples)
    return sorted(name for name in names if name is not None)


def _variables(emotions: Sequence[str]) -> str:
    colours = [colour_of(emotion) for emotion in emotions]
    light = {**LIGHT, **{f"emotion-{i}": colour.light for i, colour in enumerate(colours)}}
    dark = {**DARK, **{f"emotion-{i}": colour.dark for i, colour in enumerate(colours)}}
    return (
        f":root {{ color-scheme: light dark; {_declarations(light)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_declarations(dark)} }} }}\n"
    )


def _declarations(variables: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in variables.items())


def _overview(report: Report) -> dict[str, Any]:
    totals = count_items(report)
    alerts, no_alert = what_changed(report)
    reasons = refusals(report)
    n_more = len(reasons) - MAX_REASONS
    hints = describe_gaps(report)
    compared = f", compared with {name_dates(report.before)}" if report.before else ""
    return {
        "title": f"Emotions of {count(totals.n_items)} items",
        "subtitle": f"{name_dates(report.span)}{compared}",
        "tiles": _tiles(report),
        "alerts": [shorten(alert, MAX_SENTENCE) for alert in alerts[:MAX_ALERTS]],
        "more_alerts": f"and {len(alerts) - MAX_ALERTS} more" if len(alerts) > MAX_ALERTS else "",
        "no_alert": no_alert,
        "change_title": "What changed",
        "refused_title": (
            f"What failed: {count(totals.n_dead)} items were refused"
            if totals.n_dead
            else "What failed: nothing"
        ),
        "reasons": [
            {
                "count": count(reason.n_items),
                "name": name_cell(reason.reason),
                "meaning": reason.meaning,
            }
            for reason in reasons[:MAX_REASONS]
        ],
        "more_reasons": f"and {n_more} more {'reason' if n_more == 1 else 'reasons'}"
        if n_more > 0
        else "",
        "hints": [
            *(shorten(hint, MAX_SENTENCE) for hint in hints[:MAX_HINTS]),
            *([f"{len(hints) - MAX_HINTS} more notes."] if len(hints) > MAX_HINTS else []),
        ],
    }


def _tiles(report: Report) -> list[Tile]:
    totals = count_items(report)
    shifts = {row["measure"]: row["shift"] for row in report.tables["change"].to_pylist()}
    rate = totals.n_dead / totals.n_items if totals.n_items else 0.0
    dead = [f"{percent(rate)} of all" if totals.n_items else ""]
    if "dead_letter_rate" in shifts:
        dead.append(f"({points(shifts['dead_letter_rate'])})")
    confidence = ""
    if "mean_confidence" in shifts:
        confidence = f"{signed(shifts['mean_confidence'], 2)} since then"
    mean = totals.mean_confidence
    return [
        Tile("Items", count(totals.n_items)),
        Tile("Labelled", count(totals.n_labels)),
        Tile("Refused", count(totals.n_dead), sentences(*dead)),
        Tile("Mean confidence", "–" if mean is None else f"{mean:.2f}", confidence),
    ]


def _examples(report: Report, paint: Mapping[str, str]) -> dict[str, Any]:
    ordered = sorted(report.examples, key=lambda example: example.emotion)
    groups = []
    n_shown = 0
    for emotion, examples in groupby(ordered, key=lambda example: example.emotion):
        texts = [
            {
                "text": shorten(example.text, MAX_EXAMPLE),
                "confidence": f"confidence {example.confidence:.2f}",
            }
            for example in list(examples)[:MAX_EXAMPLES_OF_EMOTION]
        ][: MAX_EXAMPLES - n_shown]
        n_shown += len(texts)
        if texts:
            groups.append((name_cell(emotion), paint[emotion], texts))
    note = sentences(
        "Texts of each emotion, the surest first; user names, addresses and numbers are masked.",
        f"{n_shown} of {len(ordered)} texts." if n_shown < len(ordered) else "",
    )
    return {"examples": groups, "examples_note": note}


def _source(report: Report) -> dict[str, Any]:
    rows = report.tables["run_summary"].to_pylist()
    totals = count_items(report)
    versions = sorted({row["model_version"] for row in rows})
    named = ", ".join(name_cell(version) for version in versions[:MAX_VERSIONS])
    if len(versions) > MAX_VERSIONS:
        named += f" and {len(versions) - MAX_VERSIONS} more"
    firsts = [row["first_created_at"] for row in rows if row["first_created_at"]]
    lasts = [row["last_created_at"] for row in rows if row["last_created_at"]]
    posted = (
        f"{name_group(min(firsts))} to {name_group(max(lasts))} UTC"
        if firsts and lasts
        else "unknown"
    )
    n_text, n_audio, n_both = (
        sum(row[name] for row in rows) for name in ("n_text", "n_audio", "n_text_audio")
    )
    return {
        "source": (
            ("Dates", str(report.span)),
            ("Compared with", str(report.before or "nothing")),
            ("Posted", posted),
            (
                "Items",
                f"{count(totals.n_items)}: {count(totals.n_labels)} labelled "
                f"({count(n_text)} text, {count(n_audio)} audio, {count(n_both)} text and audio), "
                f"{count(totals.n_dead)} refused",
            ),
            ("Reposts", f"{count(totals.n_reposts)} of the labelled items repeat another post"),
            ("Runs", count(len(rows))),
            ("Model" if len(versions) == 1 else "Models", named or "none"),
        ),
        "command": shorten(report.command, MAX_COMMAND),
        "runs": _runs_table(rows),
    }


def _runs_table(rows: list[dict[str, Any]]) -> TableView:
    ordered = sorted(rows, key=lambda row: (row["date"], row["run_id"]))
    shown = ordered[-2 * MAX_ROWS :]
    return TableView(
        "The runs that the report adds up. "
        + some_of(len(shown), len(rows), "runs, the last", "run_summary"),
        ("date", "run", "model", "items", "labelled", "refused", "mean confidence"),
        tuple(
            (
                str(row["date"]),
                name_cell(row["run_id"]),
                name_cell(row["model_version"]),
                count(row["n_items"]),
                count(row["n_labels"]),
                count(row["n_dead"]),
                "–" if row["mean_confidence"] is None else f"{row['mean_confidence']:.2f}",
            )
            for row in shown
        ),
        n_text_columns=3,
    )
