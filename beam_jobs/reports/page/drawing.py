"""How a report's charts become static SVG, by Altair and vl-convert: no script, no network.

A chart as wide as the page is drawn twice, for a wide page and for a phone, since text in a scaled
picture becomes too small to read. Colours are CSS variables, so that one picture serves light and
dark. The geometry is fixed here, not measured from a font: the page uses the reader's own.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert
from altair.utils.schemapi import debug_mode

from beam_jobs.reports.page.facts import shorten

INK, MUTED, LINE, BAR = "currentColor", "var(--muted)", "var(--line)", "var(--bar)"
FONT_SIZE = 13
SMALL_FONT_SIZE = 12
COLUMN_PIXELS = 8.3
"""Of one column of text at FONT_SIZE, with room for fonts wider than most."""
WIDEST_FONT = 1.15
"""How much wider the reader's font can be than the one that vl-convert measures with."""

CONFIG = {
    "aria": False,
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "text": {"fill": INK, "fontSize": FONT_SIZE, "baseline": "middle"},
    "rule": {"stroke": INK},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": LINE,
        "labelColor": MUTED,
        "labelFontSize": SMALL_FONT_SIZE,
        "labelPadding": 6,
        "title": None,
    },
}

Rows = Sequence[Mapping[str, Any]]
Mark = Any
"""A chart of Altair, whose methods take more types than can be written down."""


@dataclass(frozen=True)
class Frame:
    """A width to draw for, in CSS pixels, with what fits into it.

    Attributes:
        width: of the whole picture.
        label: of the column of names at its left; 0: each name stands above its row.
        n_columns: of emotions in a chart of groups.
    """

    width: int
    label: int
    n_columns: int

    def cut(self, text: str) -> str:
        """Returns the text cut to the column of names."""
        return shorten(text, int((self.label or self.width) / COLUMN_PIXELS))


WIDE, NARROW, STACKED = Frame(800, 200, 6), Frame(340, 112, 3), Frame(340, 0, 3)


@dataclass(frozen=True)
class Picture:
    """A chart as SVG.

    Attributes:
        label: what it shows, in a sentence.
        wide: for a wide page.
        narrow: for a phone; empty where the same picture serves both.
    """

    label: str
    wide: str
    narrow: str = ""


def draw_both(
    draw: Callable[[Frame], Mark],
    label: str,
    *,
    wide: Frame = WIDE,
    narrow: Frame = NARROW,
) -> Picture:
    """Returns the chart drawn for both widths."""
    return Picture(label, to_svg(draw, wide), to_svg(draw, narrow))


def to_svg(draw: Callable[[Frame], Mark], frame: Frame) -> str:
    """Returns what is drawn for a frame as an SVG element, to stand in an HTML page."""
    # The tests look at what is drawn; checking every part against the schema takes half of the
    # time, and a configuration that goes through Altair's classes has the chart copied.
    with debug_mode(False):
        spec = draw(frame).to_dict(validate=False)
    spec["config"] = CONFIG
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    # The page sets its own font, and the roles of parts say nothing inside of one picture.
    return _SAID_ELSEWHERE.sub("", svg)


_SAID_ELSEWHERE = re.compile(
    r' (font-family="[\w, -]+"|role="graphics-[a-z]+"|aria-roledescription="[a-z ]+")(?=[^<>]*>)'
)


def layer(
    *marks: Mark,
    width: float,
    height: float,
    left: float = 0,
    right: float = 0,
    top: float = 0,
    bottom: float = 0,
) -> Mark:
    """Returns marks over each other, and around them the room that names and axes need."""
    padding = {"left": left, "right": right, "top": top, "bottom": bottom}
    return alt.layer(*marks, width=width, height=height, padding=padding, autosize={"type": "none"})


def data_of(rows: Rows) -> Mark:
    """Returns a chart without marks yet, over the rows."""
    # As one string, since Altair copies a list of rows, value by value, at each step.
    values = json.dumps([dict(row) for row in rows])
    return alt.Chart(alt.InlineData(values=values, format={"type": "json"}))


BAR_HEIGHT, STEP, STACKED_STEP = 18, 30, 50


def step_of(frame: Frame) -> int:
    """Returns the height of a row with its name, in CSS pixels."""
    return STEP if frame.label else STACKED_STEP


def room_above(frame: Frame) -> int:
    """Returns what the first row's name needs above the rows, in CSS pixels."""
    return 0 if frame.label else 8


def one_below_another(n_rows: int, frame: Frame) -> alt.Y:
    """Returns the places of rows of bars."""
    return places("row", n_rows, 1 - BAR_HEIGHT / step_of(frame))


def places(field: str, n: int, gap: float) -> alt.Y:
    """Returns places by number; `gap` is the part of each that stays empty."""
    scale = alt.Scale(domain=list(range(n)), paddingInner=gap, paddingOuter=gap / 2)
    return alt.Y(f"{field}:O", axis=None, scale=scale)


def names_of(data: Mark, y: alt.Y, frame: Frame) -> Mark:
    """Returns the rows' names, beside or above them."""
    above = 0 if frame.label else -(BAR_HEIGHT / 2 + 11)
    limit = (frame.label or frame.width) / WIDEST_FONT
    names = data.mark_text(align="left", x=-frame.label, dy=above, limit=limit)
    return names.encode(y=y, text=alt.Text("name:N"))


def interval_bars(data: Mark, y: alt.Y, scale: alt.Scale) -> tuple[Mark, Mark]:
    """Returns a line from `low` to `high`, with a rim that sets it off from the bar below."""
    low = alt.X("low:Q", scale=scale, axis=None)
    rim = data.mark_rule(stroke="var(--page)", strokeWidth=3.5).encode(
        y=y, x=low, x2=alt.X2("high:Q")
    )
    return rim, data.mark_rule(strokeWidth=1.5).encode(y=y, x=low, x2=alt.X2("high:Q"))


def fill(field: str = "colour") -> alt.Fill:
    """Returns the fill that stands in the field itself."""
    return alt.Fill(f"{field}:N", scale=None, legend=None)


def stroke() -> alt.Stroke:
    """Returns the stroke that stands in the rows' `colour`."""
    return alt.Stroke("colour:N", scale=None, legend=None)
