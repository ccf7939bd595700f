"""IEMOCAP (Busso et al. 2008), from the full release's own tree; the licence is the user's."""

import re
from pathlib import Path

from model.datasets.dataset import Dataset, Example, read_lines
from model.errors import DatasetError

SESSIONS = range(1, 6)
EMOTIONS = ("anger", "happiness", "neutral", "sadness")
CODES = {"ang": "anger", "hap": "happiness", "neu": "neutral", "sad": "sadness"}
"""The four classes that the literature uses; the other seven codes are left out."""
EXCITED_CODES = {**CODES, "exc": "happiness"}
SPLIT_OF_SESSION = {1: "train", 2: "train", 3: "train", 4: "validation", 5: "test"}

# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_EVALUATION = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\w+)\t(\w{3})\t")
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_TRANSCRIPTION = re.compile(r"(Ses\w+) \[[\d.]+-[\d.]+\]: ?(.*)")


def load_iemocap(data_dir: Path, *, merge_excited: bool) -> Dataset:
    """Reads `Session{1..5}/{sentences/wav,dialog/EmoEvaluation,dialog/transcriptions}`.

    An example's group is its session, so that folds by group leave one session out, and with it
    both of its speakers; its part is `improvised` or `scripted`. Sessions 1 to 3 are for training,
    4 for validation, 5 for the test.

    Args:
        data_dir: the directory that holds the sessions.
        merge_excited: whether excitement counts as happiness.

    Raises:
        DatasetError: a folder, a transcription or a clip is missing.
    """
    codes = EXCITED_CODES if merge_excited else CODES
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for session in SESSIONS:
        splits[SPLIT_OF_SESSION[session]] += _read_session(data_dir / f"Session{session}", codes)
    name = "iemocap4-excited" if merge_excited else "iemocap4"
    return Dataset(name, EMOTIONS, splits)


def _read_session(session: Path, codes: dict[str, str]) -> list[Example]:
    evaluations = sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt"))
    if not evaluations:
        raise DatasetError(f"{session} has no dialog/EmoEvaluation/Ses*.txt")
    examples = []
    for path in evaluations:
        part = "improvised" if "_impro" in path.stem else "scripted"
        texts = _read_transcription(session / "dialog" / "transcriptions" / path.name)
        for line in read_lines(path):
            match = _EVALUATION.match(line)
            if not match or match[2] not in codes:
                continue
            utterance = match[1]
            clip = session / "sentences" / "wav" / path.stem / f"{utterance}.wav"
            if utterance not in texts:
                raise DatasetError(f"{session}: {utterance} has no transcription")
            if not clip.is_file():
                raise DatasetError(f"{clip} is missing")
            examples.append(
                Example(codes[match[2]], texts[utterance], clip, group=session.name, part=part)
            )
    return examples


def _read_transcription(path: Path) -> dict[str, str]:
    matches = map(_TRANSCRIPTION.match, read_lines(path))
    return {match[1]: match[2].strip() for match in matches if match}
