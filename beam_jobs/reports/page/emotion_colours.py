"""One colour for each emotion, in every chart and every report."""

import colorsys
from dataclasses import dataclass
from hashlib import sha256

from schemas.labels import NO_EMOTION, UNCERTAIN

LIGHT_BACKGROUND = "#ffffff"
DARK_BACKGROUND = "#15181c"
MIN_CONTRAST = 3.0
"""Of a graphic against its background (WCAG 2.2, success criterion 1.4.11)."""


@dataclass(frozen=True)
class Colour:
    """An emotion's colour as #rrggbb, on a light and on a dark background."""

    light: str
    dark: str


_VERMILLION, _BLUE = Colour("#d55e00", "#d55e00"), Colour("#0077bb", "#66ccee")
_GREEN, _GREY = Colour("#117733", "#117733"), Colour("#6b7280", "#c9ced6")

COLOURS: dict[str, Colour] = {
    "anger": _VERMILLION,
    "disgust": _GREEN,
    "fear": Colour("#332288", "#aa4499"),
    "joy": Colour("#999933", "#eecc66"),
    "neutral": _GREY,
    "sadness": _BLUE,
    "surprise": Colour("#994455", "#ee8866"),
    UNCERTAIN: Colour("#90959c", "#7b828a"),
    NO_EMOTION: Colour("#4b5158", "#e4e7ea"),
    "optimism": Colour("#ee3377", "#44aa99"),
    # TweetEval's other tasks: what is against something is vermillion, its opposite blue.
    "negative": _VERMILLION,
    "positive": _BLUE,
    "irony": _VERMILLION,
    "non_irony": _BLUE,
    "hate": _VERMILLION,
    "not-hate": _BLUE,
    "offensive": _VERMILLION,
    "not-offensive": _BLUE,
    "against": _VERMILLION,
    "favor": _BLUE,
    "none": _GREY,
}
"""Colours that colour-blind people tell apart, too.

From the schemes of P. Tol (Colour Schemes, SRON/EPS/TN/09-002, issue 3.2) and of M. Okabe and
K. Ito (Color Universal Design, 2008), chosen so that the smallest distance between two of Ekman's
six, neutral and uncertain, as seen with any of three colour vision deficiencies, is the largest
among those with enough contrast; greys are our own.
"""


def colour_of(emotion: str) -> Colour:
    """Returns the emotion's colour; one that is not in `COLOURS` gets a hue from its name's hash.

    >>> colour_of("joy")
    Colour(light='#999933', dark='#eecc66')
    >>> colour_of("😂") == colour_of("😂") != colour_of("😍")
    True
    """
    if emotion in COLOURS:
        return COLOURS[emotion]
    digest = sha256(emotion.encode("utf-8", "surrogatepass")).digest()
    hue = int.from_bytes(digest[:2], "big") / 65536
    saturation = (0.4, 0.55, 0.7)[digest[2] % 3]
    # Three depths of each hue, so that names with near hues still differ.
    depth = (0.0, 0.08, 0.16)[digest[3] % 3]
    return Colour(
        _first_with_contrast(hue, saturation, LIGHT_BACKGROUND, start=0.6 - depth, step=-0.01),
        _first_with_contrast(hue, saturation, DARK_BACKGROUND, start=0.45 + depth, step=0.01),
    )


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours, 1 to 21, as WCAG 2.2 defines it.

    >>> round(contrast("#ffffff", "#000000"), 3), round(contrast("#767676", "#ffffff"), 2)
    (21.0, 4.54)
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _first_with_contrast(
    hue: float, saturation: float, background: str, *, start: float, step: float
) -> str:
    lightness = start
    while contrast(colour := _to_hex(hue, lightness, saturation), background) < MIN_CONTRAST:
        lightness += step
    return colour


def _to_hex(hue: float, lightness: float, saturation: float) -> str:
    channels = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
