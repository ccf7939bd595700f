"""One colour for each emotion, that everyone can see and most can tell apart."""

import itertools
import math

import pytest

from beam_jobs.reports.page.emotion_colours import (
    COLOURS,
    DARK_BACKGROUND,
    LIGHT_BACKGROUND,
    MIN_CONTRAST,
    colour_of,
    contrast,
)
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.labels import UNCERTAIN

Matrix = tuple[tuple[float, float, float], ...]

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE TVCG 15 (6), 2009: severity 1.
VISIONS: dict[str, Matrix] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ: Matrix = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)


def times(matrix: Matrix, vector: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def lab(colour: str, vision: Matrix) -> list[float]:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    seen = [min(max(channel, 0.0), 1.0) for channel in times(vision, linear)]
    x, y, z = (
        value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
        for value in times(TO_XYZ, seen)
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def smallest_distance(colours: list[str]) -> float:
    return min(
        math.dist(lab(one, vision), lab(other, vision))
        for vision in VISIONS.values()
        for one, other in itertools.combinations(colours, 2)
    )


@pytest.mark.parametrize(
    "emotion", [*COLOURS, *(f"emotion {i}" for i in range(300)), "", "😂", "<script>"]
)
def test_every_colour_stands_out_from_both_backgrounds(emotion: str) -> None:
    colour = colour_of(emotion)
    assert contrast(colour.light, LIGHT_BACKGROUND) >= MIN_CONTRAST
    assert contrast(colour.dark, DARK_BACKGROUND) >= MIN_CONTRAST


# A difference of about 2.3 in CIELAB can just be seen; ten steps of that is more than enough, and
# as much as eight colours of enough contrast allow for under all of these visions is about 13.
@pytest.mark.parametrize(
    ("emotions", "least"),
    [
        ((*EKMAN_AND_NEUTRAL, UNCERTAIN), 12),
        (("anger", "joy", "optimism", "sadness", UNCERTAIN), 8),
        (("negative", "neutral", "positive", UNCERTAIN), 12),
        (("against", "favor", "none"), 12),
        (("hate", "not-hate"), 12),
    ],
)
@pytest.mark.parametrize("background", ["light", "dark"])
def test_colours_differ_for_colour_blind_people(
    emotions: tuple[str, ...], least: float, background: str
) -> None:
    assert smallest_distance([getattr(colour_of(name), background) for name in emotions]) >= least


def test_the_distance_is_known_to_tell_colours_that_look_the_same() -> None:
    assert smallest_distance(["#997700", "#d55e00"]) < 4 < smallest_distance(["#000000", "#ffffff"])


def test_another_emotion_has_the_same_colour_each_time() -> None:
    assert colour_of("schadenfreude") == colour_of("schadenfreude")
    assert len({colour_of(f"emotion {i}") for i in range(20)}) == 20
