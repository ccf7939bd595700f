"""The first screen of a report in a terminal: the mix of emotions, what changed, what failed."""

from rich.bar import Bar
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_jobs.reports.page.emotion_colours import colour_of
from beam_jobs.reports.page.facts import (
    EmotionShare,
    count_items,
    describe_alerts,
    describe_gaps,
    describe_no_alert,
    mix_of_emotions,
    name_dates,
    percent,
    points,
    refusals,
    shorten,
)
from beam_jobs.reports.page.report import Report
from schemas.warnings import meaning_of_warning

BAR_WIDTH = NAME_WIDTH = 24
LEAST_BAR = 1 / (4 * BAR_WIDTH)
"""Of a share, so that a quarter of a column shows."""
MAX_EMOTIONS = 20
MAX_NOTE = 300


def print_report(report: Report, console: Console) -> None:
    """Prints how many items there are, the mix of emotions, what changed and what failed.

    Args:
        report: what `mm-emor report` found.
        console: where to; what cannot be shown in its encoding is its own matter.
    """
    totals = count_items(report)
    _say(console, f"{report.span} · {totals.n_items:,} items", "bold")
    if shares := mix_of_emotions(report):
        console.print(_mix_table(shares))
        if len(shares) > MAX_EMOTIONS:
            _say(console, f"{MAX_EMOTIONS} of {len(shares)} emotions")
        confidence = f"  (mean confidence {totals.mean_confidence or 0:.2f})"
        _say(console, f"labels        {totals.n_labels:,}{confidence}")
    else:
        _say(console, "labels        0: there is no mix of emotions to show")
    if totals.n_reposts:
        _say(console, f"reposts       {totals.n_reposts:,} of the labels")
    for row in report.tables["warnings"].to_pylist():
        meaning = meaning_of_warning(row["code"])
        _say(console, f"warning       {row['n_items']:,}  {shorten(row['code'], 40)}: {meaning}")
    rate = f"  ({percent(totals.n_dead / totals.n_items)} of the items)" if totals.n_dead else ""
    _say(console, f"dead letters  {totals.n_dead:,}{rate}")
    for refusal in refusals(report):
        meaning = f": {refusal.meaning}" if refusal.meaning else ""
        _say(console, f"  {refusal.n_items:>5,}  {shorten(refusal.reason, 40)}{meaning}")
    alerts = describe_alerts(report)
    if alerts and report.before:
        _say(console, f"changed       against {name_dates(report.before)}:", "bold")
        for alert in alerts:
            _say(console, f"  ! {alert}")
    else:
        _say(console, f"changed       {describe_no_alert(report)}")
    for hint in describe_gaps(report):
        _say(console, f"note          {shorten(hint, MAX_NOTE)}")


def _mix_table(shares: list[EmotionShare]) -> Table:
    table = Table(show_header=True, header_style="bold")
    names = [shorten(share.emotion, NAME_WIDTH) for share in shares[:MAX_EMOTIONS]]
    # A narrow terminal takes columns from the bars, not from the names.
    table.add_column("emotion", min_width=max(map(cell_len, names)))
    table.add_column("items", justify="right")
    table.add_column("share", justify="right")
    table.add_column("95 % interval", justify="right")
    compared = shares[0].share_before is not None
    if compared:
        table.add_column("change", justify="right")
    table.add_column("mean confidence", justify="right")
    table.add_column("", max_width=BAR_WIDTH)
    for name, share in zip(names, shares, strict=False):
        cells = [
            f"{share.n_items:,}",
            percent(share.share),
            f"{100 * share.low:.1f}–{100 * share.high:.1f}",
            *([points(share.share - (share.share_before or 0.0))] if compared else []),
            f"{share.mean_confidence:.2f}",
        ]
        table.add_row(
            Text(name),
            *map(Text, cells),
            Bar(1, 0, max(share.share, LEAST_BAR), color=colour_of(share.emotion).dark),
        )
    return table


def _say(console: Console, line: str, style: str | None = None) -> None:
    # As text, so that a name in brackets is not taken for rich's markup.
    console.print(Text(line, style=style or ""), soft_wrap=True)
