"""Charts of a report along an axis: items and shares over time, and the spread of confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import altair as alt

from beam_jobs.reports.page.drawing import BAR, WIDE, Frame, Mark, Rows, data_of, layer

PANEL = Frame(164, 0, 1)
"""A small chart of several beside each other: four on a wide page, two on a phone."""
MANY = 62
"""From as many bars or points on, they are drawn finer."""


@dataclass(frozen=True)
class TimeAxis:
    """The times of a chart, and how they are named.

    Attributes:
        starts: of every hour or day, UTC.
        step: how long each is.
        form: as of strftime.
    """

    starts: Sequence[datetime]
    step: timedelta
    form: str

    def encode(self, field: str, n_labels: int, shift: timedelta | None = None) -> alt.X:
        """Returns the axis with at most `n_labels` names, each `shift` after its start."""
        last = len(self.starts) - 1
        n_labels = min(n_labels, len(self.starts))
        chosen = [
            self.starts[round(last * i / max(n_labels - 1, 1))] + (shift or timedelta())
            for i in range(n_labels)
        ]
        # DateTime counts months from 1, and takes what is left out as the least there is.
        values = [
            alt.DateTime(
                year=t.year, month=t.month, date=t.day, hours=t.hour, minutes=t.minute, utc=True
            )
            for t in chosen
        ]
        axis = alt.Axis(
            values=values,
            format=self.form,
            grid=False,
            labelFlush=shift is None,
            labelOverlap=False,
        )
        return alt.X(f"{field}:T", scale=alt.Scale(type="utc", nice=False), axis=axis)


def draw_confidence(rows: Rows, frame: Frame) -> Mark:
    """Draws how many items each bin of confidence holds.

    Args:
        rows: `low` and `high` ends of the bin, and `n`.
        frame: what to draw for.
    """
    axis = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f", grid=False)
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    return _count_bars(rows, x, frame, height=150)


def draw_counts_over_time(rows: Rows, times: TimeAxis, frame: Frame) -> Mark:
    """Draws how many items each hour or day has.

    Args:
        rows: `low` and `high` ends (ISO 8601, UTC) and `n`.
        times: the starts.
        frame: what to draw for.
    """
    # A day is named below its bar's middle, an hour where it starts.
    middle = times.step / 2 if times.step >= timedelta(days=1) else None
    x = times.encode("low", 7 if frame == WIDE else 4, middle)
    return _count_bars(rows, x, frame, height=130)


def _count_bars(rows: Rows, x: alt.X, frame: Frame, height: int) -> Mark:
    left, right = 48, 24
    ticks = nice_ticks(max(row["n"] for row in rows), whole=True)
    axis = alt.Axis(values=ticks, format=",~f")
    y = alt.Y("n:Q", axis=axis, scale=alt.Scale(domain=[0, ticks[-1]]))
    data = data_of(rows)
    bars = data.mark_rect(
        fill=BAR, stroke="var(--page)", strokeWidth=2 if len(rows) <= MANY else 0.5
    ).encode(x=x, x2=alt.X2("high"), y=y, y2=alt.datum(0))
    width = frame.width - left - right
    return layer(bars, width=width, height=height, left=left, right=right, top=10, bottom=28)


def draw_share_over_time(rows: Rows, times: TimeAxis, colour: str, frame: Frame) -> Mark:
    """Draws one emotion's share over time with its interval as a band.

    Args:
        rows: `time` (ISO 8601, UTC), `share`, `low`, `high`; None where there are too few items.
        times: as of the rows.
        colour: the emotion's.
        frame: what to draw for.
    """
    left, right = 42, 8
    ticks = nice_ticks(max([100 * row["high"] for row in rows if row["high"] is not None]))
    scale = alt.Scale(domain=[0, ticks[-1] / 100])
    label = "format(100 * datum.value, '~') + ' %'"
    axis = alt.Axis(values=[tick / 100 for tick in ticks], labelExpr=label)
    x, y = times.encode("time", 2), alt.Y("share:Q", axis=axis, scale=scale)
    data = data_of(rows)
    band = data.mark_area(fill=colour, fillOpacity=0.2)
    points = data.mark_point(
        fill=colour, filled=True, opacity=1, size=20 if len(rows) <= MANY else 5
    )
    marks = (
        band.encode(x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")),
        data.mark_line(stroke=colour, strokeWidth=2).encode(x=x, y=y),
        points.encode(x=x, y=y),
    )
    width = frame.width - left - right
    return layer(*marks, width=width, height=100, left=left, right=right, top=8, bottom=26)


def nice_ticks(limit: float, *, whole: bool = False) -> list[float]:
    """Returns 0, a round number at or above `limit`, and what lies in the middle.

    Args:
        limit: what the axis must reach, 0 or more.
        whole: whether ticks between whole numbers make no sense.

    >>> nice_ticks(43.2), nice_ticks(0.7), nice_ticks(1, whole=True)
    ([0.0, 25.0, 50.0], [0.0, 0.4, 0.8], [0.0, 1.0])
    """
    power = 10.0 ** math.floor(math.log10(max(limit, 1e-3)))
    top = next(factor * power for factor in (1, 2, 3, 4, 5, 6, 8, 10) if factor * power >= limit)
    ticks = [0.0, round(top / 2, 6), round(float(top), 6)]
    return [tick for tick in ticks if not whole or tick == int(tick)]
