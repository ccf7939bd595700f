"""Leaves out the clips that cannot be decoded, of a corpus that is known to have some."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from model.config import AudioConfig
from model.datasets import Dataset, Example
from model.errors import ItemError
from model.preprocessing.audio_decoder import decode_clip


def leave_broken_clips_out(
    dataset: Dataset, splits: Collection[str], config: AudioConfig, log: Callable[[str], Any]
) -> Dataset:
    """Returns a data set whose examples have their text alone where their clip cannot be decoded.

    Of data sets that do not say so of themselves a broken clip is an error when it is used.

    Args:
        dataset: its clips are decoded, on all cores, if it has `broken_clips`.
        splits: those that are looked at; the others stay as they are.
        config: the limits of a clip.
        log: called with a line for each split that has broken clips.

    Raises:
        DatasetError: a clip cannot be read.
    """
    if not dataset.broken_clips:
        return dataset
    mended = dict(dataset.splits)
    for split in splits:
        with ThreadPoolExecutor() as pool:
            usable = list(pool.map(lambda each: _is_usable(each, config), mended[split]))
        if not all(usable):
            log(
                f"{dataset.name}, {split}: clips that cannot be used, and are left out: "
                f"{usable.count(False)}"
            )
        mended[split] = [
            example if is_usable else replace(example, clip=None)
            for example, is_usable in zip(mended[split], usable, strict=True)
        ]
    return replace(dataset, splits=mended)


def _is_usable(example: Example, config: AudioConfig) -> bool:
    if example.clip is None:
        return True
    try:
        decode_clip(example.read_clip(), config)
    except ItemError:
        return False
    return True
