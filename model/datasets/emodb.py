"""The Berlin Database of Emotional Speech (Burkhardt et al. 2005)."""

import re
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.errors import DatasetError

EMOTION_OF_LETTER = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "joy",
    "T": "sadness",
    "N": "neutral",
}
CLIP_NAME = re.compile(
    rf"(?P<speaker>\d\d)[a-z]\d\d(?P<letter>[{''.join(EMOTION_OF_LETTER)}])[a-z]?"
)
SHARED_EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness")
"""Those that Ekman's list and the corpus share; boredom is left out."""

VALIDATION_SPEAKERS = ("09",)
TEST_SPEAKERS = ("10",)
"""One woman and one man whom training never hears."""


def load_emodb(data_dir: Path) -> Dataset:
    """Reads `wav/SSTTTEv.wav`: speaker, text code, emotion letter, version.

    Splits are by speaker. The ten sentences carry no emotion, so the examples have no text.

    Raises:
        DatasetError: there are no clips, or a name is not of that form.
    """
    clips = sorted((data_dir / "wav").glob("*.wav"))
    if not clips:
        raise DatasetError(f"{data_dir} has no wav/*.wav; EmoDB's clips are named like 03a01Fa.wav")
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for clip in clips:
        parts = CLIP_NAME.fullmatch(clip.stem)
        if parts is None:
            raise DatasetError(f"{clip} is not named like 03a01Fa.wav")
        speaker, emotion = parts["speaker"], EMOTION_OF_LETTER[parts["letter"]]
        if emotion not in SHARED_EMOTIONS:
            continue
        split = "train"
        if speaker in VALIDATION_SPEAKERS:
            split = "validation"
        elif speaker in TEST_SPEAKERS:
            split = "test"
        splits[split].append(Example(emotion, clip=clip, group=speaker))
    return Dataset("emodb", SHARED_EMOTIONS, splits)
