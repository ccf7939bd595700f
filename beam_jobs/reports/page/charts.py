"""Charts of a report: shares, shifts, counts, groups of items, and what text and audio say."""

from collections.abc import Iterable, Mapping, Sequence

import altair as alt

from beam_jobs.reports.page.drawing import (
    BAR,
    COLUMN_PIXELS,
    INK,
    MUTED,
    SMALL_FONT_SIZE,
    Frame,
    Mark,
    Rows,
    data_of,
    fill,
    interval_bars,
    layer,
    names_of,
    one_below_another,
    places,
    room_above,
    step_of,
    stroke,
)
from beam_jobs.reports.page.facts import percent, shorten

VALUE_WIDTH = 60
"""Of the column of figures at the right, in CSS pixels."""


def draw_shares(rows: Rows, frame: Frame) -> Mark:
    """Draws a bar for each row, with its interval, its share in figures, and the share before.

    Args:
        rows: `name`, `share`, `low`, `high`, `text`, `colour`; `before`, or None, in the order of
            the bars.
        frame: what to draw for.
    """
    width = frame.width - frame.label - VALUE_WIDTH
    data, y = _numbered(rows, frame), one_below_another(len(rows), frame)
    limit = max(0.01, *(row["high"] for row in rows), *(row["before"] or 0 for row in rows))
    scale = alt.Scale(domain=[0, limit], nice=False)
    x = alt.X("share:Q", axis=None, scale=scale)
    marks = [
        data.mark_bar().encode(y=y, x=x, x2=alt.datum(0), fill=fill()),
        *interval_bars(data, y, scale),
        names_of(data, y, frame),
        data.mark_text(align="right", x=width + VALUE_WIDTH).encode(y=y, text=alt.Text("text:N")),
    ]
    if any(row["before"] is not None for row in rows):
        before = data.mark_point(
            shape="diamond", size=80, fill="var(--page)", stroke=INK, strokeWidth=1.5, opacity=1
        )
        marks.append(before.encode(y=y, x=alt.X("before:Q", scale=scale)))
    return _layer_of_rows(marks, len(rows), frame, width)


def _layer_of_rows(marks: Iterable[Mark], n_rows: int, frame: Frame, width: float) -> Mark:
    """Returns the marks of rows one below another, with room for names and figures."""
    return layer(
        *marks,
        width=width,
        height=step_of(frame) * n_rows,
        left=frame.label,
        right=VALUE_WIDTH,
        top=room_above(frame),
    )


def _numbered(rows: Rows, frame: Frame) -> Mark:
    return data_of(
        [{**row, "row": i, "name": frame.cut(row["name"])} for i, row in enumerate(rows)]
    )


def draw_shifts(rows: Rows, frame: Frame) -> Mark:
    """Draws a point with its interval for each shift of a share, filled where it is an alert.

    Args:
        rows: `name`, `shift`, `low`, `high` (in percentage points), `text`, `alert`, `colour`.
        frame: what to draw for.
    """
    width = frame.width - frame.label - VALUE_WIDTH
    data, y = _numbered(rows, frame), one_below_another(len(rows), frame)
    edge = 1.05 * max(0.1, *(abs(row[end]) for row in rows for end in ("low", "high", "shift")))
    scale = alt.Scale(domain=[-edge, edge], nice=False)
    signs = "(datum.value > 0 ? '+' : datum.value < 0 ? '−' : '') + format(abs(datum.value), '~')"
    x = alt.X("shift:Q", axis=alt.Axis(tickCount=5, labelExpr=signs), scale=scale)
    shift = data.mark_point(size=90, opacity=1, strokeWidth=2)
    alerts = data.transform_filter("datum.alert").mark_point(size=90, opacity=1, filled=True)
    marks = (
        data_of([{}]).mark_rule(stroke=MUTED).encode(x=alt.X(datum=0, scale=scale)),
        data.mark_rule(strokeWidth=2).encode(
            y=y, x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), stroke=stroke()
        ),
        shift.encode(y=y, x=x, fill=alt.value("var(--page)"), stroke=stroke()),
        alerts.encode(y=y, x=x, fill=fill()),
        names_of(data, y, frame),
        data.mark_text(align="right", x=width + VALUE_WIDTH).encode(y=y, text=alt.Text("text:N")),
    )
    height = step_of(frame) * len(rows)
    return layer(*marks, width=width, height=height, left=frame.label, right=VALUE_WIDTH, bottom=26)


def draw_counts(rows: Rows, frame: Frame) -> Mark:
    """Draws a bar with its count for each row.

    Args:
        rows: `name` and `n`, in the order of the bars.
        frame: what to draw for.
    """
    width = frame.width - frame.label - VALUE_WIDTH
    data = _numbered([{**row, "text": f"{row['n']:,}"} for row in rows], frame)
    y = one_below_another(len(rows), frame)
    scale = alt.Scale(domain=[0, max(row["n"] for row in rows)], nice=False)
    x = alt.X("n:Q", axis=None, scale=scale)
    marks = (
        data.mark_bar(fill=BAR).encode(y=y, x=x, x2=alt.datum(0)),
        names_of(data, y, frame),
        data.mark_text(align="right", x=width + VALUE_WIDTH).encode(y=y, text=alt.Text("text:N")),
    )
    return _layer_of_rows(marks, len(rows), frame, width)


def draw_groups(
    groups: Sequence[tuple[str, Mapping[str, tuple[float, float, float]]]],
    columns: Sequence[tuple[str, float, str]],
    frame: Frame,
) -> Mark:
    """Draws a column of bars for each emotion and a row for each group: share and interval.

    Args:
        groups: name of each, and (share, low, high) of its emotions; what is not there is 0.
        columns: (emotion, share of all items, colour), of which as many are drawn as fit in; each
            column has a scale of its own, and a line at the share of all items.
        frame: what to draw for.
    """
    columns, gap, text_width = columns[: frame.n_columns], 14, 40
    column = (frame.width - frame.label + gap) / len(columns)
    bar = column - gap - text_width
    cells, heads = [], []
    for number, (emotion, overall, colour) in enumerate(columns):
        left = number * column
        seen = [shares[emotion] for _, shares in groups if emotion in shares]
        limit = max([overall, 0.01, *(high for _, _, high in seen)])
        name = shorten(emotion, int((column - gap) / COLUMN_PIXELS))
        heads.append({"left": left, "name": name})
        for row, (_, shares) in enumerate(groups):
            share, low, high = shares.get(emotion, (0.0, 0.0, 0.0))
            cells.append(
                {
                    "row": row,
                    "left": left,
                    "overall": left + bar * overall / limit,
                    "share": left + bar * share / limit,
                    "low": left + bar * low / limit,
                    "high": left + bar * high / limit,
                    "end": left + bar + text_width,
                    "text": percent(share, 0),
                    "colour": colour,
                }
            )
    data, top = data_of(cells), data_of(heads)
    names = data_of([{"row": i, "name": frame.cut(name)} for i, (name, _) in enumerate(groups)])
    y, pixels = one_below_another(len(groups), frame), alt.Scale(domain=[0, 1], range=[0, 1])
    x = alt.X("left:Q", axis=None, scale=pixels)
    overall = data.mark_tick(color=INK, size=26, thickness=1)
    figures = data.mark_text(align="right", fontSize=SMALL_FONT_SIZE)
    head = 26 + room_above(frame)
    title = top.mark_text(align="left", y=12 - head, fontWeight=600, fontSize=SMALL_FONT_SIZE)
    marks = (
        overall.encode(y=y, x=alt.X("overall:Q", scale=pixels)),
        data.mark_bar().encode(y=y, x=x, x2=alt.X2("share:Q"), fill=fill()),
        *interval_bars(data, y, pixels),
        figures.encode(y=y, x=alt.X("end:Q", scale=pixels), text=alt.Text("text:N")),
        title.encode(x=x, text=alt.Text("name:N")),
        names_of(names, y, frame),
    )
    width, height = frame.width - frame.label, step_of(frame) * len(groups)
    return layer(*marks, width=width, height=height, left=frame.label, top=head)


def draw_matrix(cells: Rows, across: Sequence[str], down: Sequence[str], frame: Frame) -> Mark:
    """Draws a matrix of counts: the more items, the deeper the cell; where both agree, outlined.

    Args:
        cells: `column` and `row` (positions in `across` and `down`), `n`, `text` and `agree`.
        across: names of the columns.
        down: names of the rows.
        frame: what to draw for.
    """
    heads = [shorten(name, 12 if frame.label > 100 else 9) for name in across]
    # Names above the columns are turned by 45°: the last one leans out to the right.
    lean = 0.71 * COLUMN_PIXELS * max(map(len, heads)) + 22
    side = min((frame.width - frame.label - 0.7 * lean) / len(across), 72)
    width, row_height = side * len(across), min(max(side, 30), 38)
    most = max(row["n"] for row in cells)
    data = data_of([{**row, "depth": 0.05 + 0.35 * row["n"] / max(most, 1)} for row in cells])
    top = data_of([{"column": i, "name": name} for i, name in enumerate(heads)])
    left = data_of([{"row": i, "name": frame.cut(name)} for i, name in enumerate(down)])
    y = places("row", len(down), 0.06)
    scale = alt.Scale(domain=list(range(len(across))), paddingInner=0.06, paddingOuter=0.03)
    x = alt.X("column:O", axis=None, scale=scale)
    agreeing = data_of([row for row in cells if row["agree"]])
    depth = alt.FillOpacity("depth:Q", scale=None)
    marks = (
        data.mark_rect(fill="var(--accent)").encode(x=x, y=y, fillOpacity=depth),
        agreeing.mark_rect(filled=False, stroke=INK, strokeWidth=1.5).encode(x=x, y=y),
        data.mark_text(align="center", fontSize=SMALL_FONT_SIZE).encode(
            x=x, y=y, text=alt.Text("text:N")
        ),
        top.mark_text(align="left", angle=315, y=-8).encode(x=x, text=alt.Text("name:N")),
        names_of(left, y, frame),
    )
    return layer(
        *marks,
        width=width,
        height=row_height * len(down),
        left=frame.label,
        right=frame.width - frame.label - width,
        top=lean,
        bottom=2,
    )
