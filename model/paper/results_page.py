"""The page that shows the paper's results and ours: Markdown, a section a table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from model.paper.comparison import (
    MEASURED,
    NO_CORPUS,
    QUOTED,
    Outcome,
    Result,
    find_score,
    is_count,
)
from model.paper.paper_tables import FIGURES, TABLES, PaperTable
from model.paper.published import EXPERIMENTS, SOURCE, PaperValue

NONE = "–"
DECIMALS = {"latency_ms": 2, "train_minutes": 1}
"""Of our times; scores have three."""

_HOW_TO_READ = """\
- `[low, high]` is a 95 % bootstrap interval. `above` and `below` say that the paper's number lies \
outside it, so that ours differs by more than the drawing of the test items explains; a score \
without such a word shows no clear difference. A count that is not the paper's says `differs`.
- `quoted` marks another work's number as the paper gives it; it is not run here.
- `not run:` is followed by the reason; – means that there is no number. Tables A to C are not \
in the paper.
- What the paper calls unweighted accuracy (UA) is the share of items that are right, here the \
accuracy. What it calls weighted accuracy (WA) is weighted by class and stands beside our mean \
class recall. Work on speech emotion mostly uses the two names the other way round."""


def results_page(
    results: Sequence[Result], outcomes: Mapping[str, Outcome], provenance: Mapping[str, str]
) -> str:
    """Returns the results as a page of Markdown.

    Args:
        results: those of `compare`, in its order.
        outcomes: by experiment.
        provenance: what the results were made with, by name.
    """
    blocks = [
        "# The paper's results and ours",
        f"The paper: {SOURCE} (CC BY 4.0). In the tables, `paper` is a number as it prints it, and "
        "`ours` is measured by `mm-emor reproduce` on the corpora that it was given.",
        _HOW_TO_READ,
        *_summary(results, outcomes),
    ]
    for table in TABLES:
        own = [result for result in results if result.value.table == table.table]
        blocks += _section(table, own, outcomes)
    blocks += _figures(outcomes)
    made_with = _bullets(f"{name}: {value}" for name, value in provenance.items())
    blocks += ["## How these results were made", made_with]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _summary(results: Sequence[Result], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    # The first accuracy has the most digits: later tables repeat it rounded.
    accuracies: dict[str, Result] = {}
    for result in results:
        if result.value.measure == "accuracy" and not result.value.head:
            accuracies.setdefault(result.value.experiment, result)
    headings = ["experiment", "n", "accuracy", "macro-F1", "official", "accuracy, paper"]
    rows = [
        _summary_row(name, accuracies[name], outcomes.get(name, NO_CORPUS)) for name in EXPERIMENTS
    ]
    yield "## Summary"
    yield _table([*headings, "difference"], rows)
    yield _bullets(_notes(EXPERIMENTS, outcomes))


def _summary_row(name: str, accuracy: Result, outcome: Outcome) -> list[str]:
    scores = []
    for key in ("macro_f1", "official"):
        found = find_score(key, outcome.metrics) if outcome.status == MEASURED else None
        scores.append(_with_interval(found.value, found.interval) if found else NONE)
    difference = NONE
    if accuracy.ours is not None and accuracy.value.paper is not None:
        difference = f"{accuracy.ours - accuracy.value.paper:+.3f}"
        difference += f", {accuracy.verdict}" if accuracy.verdict else ""
    return [
        EXPERIMENTS[name],
        NONE if accuracy.n is None else f"{accuracy.n:,}",
        _ours(accuracy).removesuffix(f", {accuracy.verdict}"),
        *scores,
        _paper(accuracy.value),
        difference,
    ]


def _section(
    table: PaperTable, results: Sequence[Result], outcomes: Mapping[str, Outcome]
) -> Iterator[str]:
    name = f"{'Section' if '.' in table.table else 'Table'} {table.table}"
    yield f"## {name}. {table.title}"
    statuses = {result.status for result in results} - {QUOTED}
    columns = _columns(table, results, all_alike=len(statuses) == 1 and MEASURED not in statuses)
    rows = []
    for row, members in groupby(results, lambda result: result.value.row):
        by_metric = {result.value.metric: result for result in members}
        by_metric[""] = min(by_metric.values(), key=lambda result: result.status == QUOTED)
        rows.append([row, *(_cell(by_metric.get(metric), kind) for metric, kind, _ in columns)])
    yield _table([table.row_name, *(heading for *_, heading in columns)], rows)
    scored = {
        result.value.experiment: None
        for result in results
        if result.ours is not None and not is_count(result.value)
    }
    yield _bullets([*table.notes, *_notes(scored, outcomes)])


def _columns(
    table: PaperTable, results: Sequence[Result], *, all_alike: bool
) -> list[tuple[str, str, str]]:
    """Returns metric, kind (`paper` or `ours`) and heading of each column.

    Where nothing of a table was run, for one reason, a single column of no metric tells it.
    """
    columns = []
    for metric, heading in table.columns.items():
        own = [result for result in results if result.value.metric == metric]
        if all(result.status == QUOTED for result in own):
            columns.append((metric, "paper", f"{heading}, quoted"))
            continue
        in_paper = any(result.value.paper is not None for result in own)
        if in_paper:
            columns.append((metric, "paper", f"{heading}, paper"))
        if not all_alike:
            columns.append((metric, "ours", "ours" if in_paper else f"{heading}, ours"))
    if all_alike:
        columns.append(("", "ours", "ours"))
    return columns


def _cell(result: Result | None, kind: str) -> str:
    if result is None:
        return NONE
    return _paper(result.value) if kind == "paper" else _ours(result)


def _paper(value: PaperValue) -> str:
    """Returns a number with the digits that the paper has, but scores with two at least."""
    if value.paper is None:
        return NONE
    if is_count(value):
        return f"{int(value.paper):,}"
    if value.measure in DECIMALS or round(value.paper, 2) != value.paper:
        return f"{value.paper:g}"
    return f"{value.paper:.2f}"


def _ours(result: Result) -> str:
    if result.ours is None:
        return result.status
    if is_count(result.value):
        return f"{int(result.ours):,}" + ("" if result.ours == result.value.paper else ", differs")
    if result.value.measure in DECIMALS:
        return f"{result.ours:.{DECIMALS[result.value.measure]}f}"
    shown = _with_interval(result.ours, result.interval)
    return f"{shown}, {result.verdict}" if result.verdict in ("above", "below") else shown


def _with_interval(score: float, interval: tuple[float, float] | None) -> str:
    """Returns a score as the tables show it.

    >>> _with_interval(0.65, (0.61, 0.6904))
    '0.650 [0.610, 0.690]'
    """
    return f"{score:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _notes(experiments: Iterable[str], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Yields each note once, after the experiments that it is of."""
    by_note: dict[str, list[str]] = {}
    for name in experiments:
        note = outcomes.get(name, NO_CORPUS).note
        if note:
            by_note.setdefault(note, []).append(EXPERIMENTS[name])
    for note, names in by_note.items():
        yield f"{'; '.join(names)}: {note}"


def _figures(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    yield "## Figures"
    missing = []
    for figure in FIGURES:
        outcome = outcomes.get(figure.experiment, NO_CORPUS)
        caption = f"Figure {figure.figure}. {figure.caption}"
        if figure.kind in outcome.figures:
            yield f"{caption}."
            yield f"![{figure.caption}]({quote(outcome.figures[figure.kind])})"
        else:
            reason = "not drawn" if outcome.status == MEASURED else outcome.status
            missing.append(f"{caption}: {reason}")
    yield _bullets(missing)
    of_the_paper = {(figure.experiment, figure.kind) for figure in FIGURES}
    for name in EXPERIMENTS:
        for kind, path in outcomes.get(name, NO_CORPUS).figures.items():
            if (name, kind) not in of_the_paper:
                yield f"Not in the paper. {EXPERIMENTS[name]}: {kind}."
                yield f"![{EXPERIMENTS[name]}: {kind}]({quote(path)})"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)
