"""The first screen of a report in a terminal."""

import io
from dataclasses import replace

from rich.console import Console

from beam_jobs.commands.terminal import print_report
from tests.support import report_samples as samples
from tests.support.report_sample_tables import Item, made_up_items, report_of
from tests.support.report_samples import HOSTILE


def printed(report: samples.Report, width: int = 100) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=width))
    # Percent signs are kept on the line of their numbers.
    return stream.getvalue().replace("\u00a0", " ")


def test_mix_refused_items_and_what_changed() -> None:
    items = [Item("joy", 0.75)] * 30 + [Item("anger", 0.5)] * 10
    before = [Item("joy", 0.75)] * 10 + [Item("anger", 0.5)] * 30
    dead = {("read", "broken_json"): 3, ("join", "duplicate_id"): 7}
    report = report_of(items, dead, before, notes=("Mind [the] gap.",))
    assert (
        printed(report)
        == """\
2026-11-08 to 2026-11-14 · 50 items
┏━━━━━━━━━┳━━━━━━━┳━━━━━━━━┳━━━━━━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ emotion ┃ items ┃  share ┃ 95 % interval ┃ change ┃ mean confidence ┃                          ┃
┡━━━━━━━━━╇━━━━━━━╇━━━━━━━━╇━━━━━━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ joy     │    30 │ 75.0 % │     59.8–85.8 │  +50.0 │            0.75 │ ██████████████████       │
│ anger   │    10 │ 25.0 % │     14.2–40.2 │  −50.0 │            0.50 │ ██████                   │
└─────────┴───────┴────────┴───────────────┴────────┴─────────────────┴──────────────────────────┘
labels        40  (mean confidence 0.69)
warning       3  lang_unread: lang is of a wrong type or too long; it is null
warning       2  text_cut: a program has cut the text, and the file has not the whole
warning       1  language_not_learned: the text is in a language that the model has not learned
dead letters  10  (20.0 % of the items)
      7  duplicate_id: the id stands earlier, in a smaller file name or line
      3  broken_json: the line is not a JSON object
changed       against 1 to 7 November 2026:
  ! Anger fell from 75.0 % to 25.0 % (−50.0 points).
  ! Joy rose from 25.0 % to 75.0 % (+50.0 points).
  ! The share of refused items rose from 1.2 % to 3.1 % (+1.9 points).
note          Mind [the] gap.
"""
    )


def test_nothing_to_show() -> None:
    assert (
        printed(samples.empty())
        == """\
2026-11-08 to 2026-11-14 · 0 items
labels        0: there is no mix of emotions to show
dead letters  0
changed       Compared with no other dates.
"""
    )


def test_only_refused_items() -> None:
    assert (
        printed(report_of([], {("read", "broken_json"): 2}))
        == """\
2026-11-08 to 2026-11-14 · 2 items
labels        0: there is no mix of emotions to show
dead letters  2  (100.0 % of the items)
      2  broken_json: the line is not a JSON object
changed       Compared with no other dates.
"""
    )


def test_nothing_changed_and_dates_without_a_run() -> None:
    report = replace(report_of([Item("joy", 0.5)] * 7), before=samples.BEFORE)
    runs = report.tables["run_summary"]
    report = replace(report, tables={**report.tables, "run_summary": runs.slice(0, 5)})
    lines = printed(report).splitlines()
    nothing = "Nothing to compare: 1 to 7 November 2026 or this span has no labelled items."
    assert lines[-2:] == [
        f"changed       {nothing}",
        "note          No run for 2026-11-13, 2026-11-14.",
    ]


def test_names_are_shown_as_text() -> None:
    shown = printed(samples.hostile())
    for text in ("<script>alert(1)</scrip…", "[red]markup[/red] </tit…", HOSTILE[3][:23]):
        assert text in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x00" not in shown


def test_many_emotions_are_cut() -> None:
    emotions = tuple(f"emotion{i:02}" for i in range(25))
    shown = printed(report_of(made_up_items(2000, 1, emotions=emotions)))
    assert "20 of 25 emotions" in shown
    assert shown.count("│ emotion") == 20
