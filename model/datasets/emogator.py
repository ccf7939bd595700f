"""EmoGator (Buhl 2023): bursts of the voice, as laughs, cries and sighs; no speech."""

from dataclasses import replace
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.datasets.labelled_table import load_manifest

TABLE = "emogator.csv"
N_PARTS, VALIDATION_PART, TEST_PARTS = 10, 7, (8, 9)
"""Speakers in their order, dealt into parts: a tenth to validate on, a fifth to test on."""


def load_emogator(data_dir: Path) -> Dataset:
    """Reads `emogator.csv`: audio, label, speaker; `clips/*.mp3` beside it.

    Splits are by speaker: nobody who is tested on is heard in training.

    Raises:
        DatasetError: the table or a clip is missing, or a column is.
    """
    table = load_manifest(data_dir / TABLE)
    speakers = sorted({example.group for example in table.examples()})
    part_of = {speaker: number % N_PARTS for number, speaker in enumerate(speakers)}
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for example in table.examples():
        part = part_of[example.group]
        split = "validation" if part == VALIDATION_PART else "train"
        splits["test" if part in TEST_PARTS else split].append(example)
    return replace(table, name="emogator", splits=splits, names_splits=True)
