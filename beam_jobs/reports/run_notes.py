"""What a reader should know of runs by their settings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def notes_of_settings(settings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields what no table says of runs, a sentence each.

    Args:
        settings: those of each run, as in its manifest.

    >>> list(notes_of_settings([{"emotions": ["anger", "joy"]}, {}]))
    ['1 of 2 runs chose among anger, joy alone (--emotions): other emotions were not looked for.']
    """
    n_runs = len(settings)
    n_uncalibrated = sum(not each.get("calibrated", True) for each in settings)
    if n_uncalibrated:
        yield (
            f"{n_uncalibrated} of {n_runs} runs have a model that is not calibrated: its "
            "confidences rank, and are no probabilities. mm-emor calibrate fits them to labels."
        )
    chosen = Counter(", ".join(each["emotions"]) for each in settings if each.get("emotions"))
    for emotions, n_chosen in chosen.items():
        yield (
            f"{n_chosen} of {n_runs} runs chose among {emotions} alone (--emotions): other "
            "emotions were not looked for."
        )
