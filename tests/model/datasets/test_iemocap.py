"""IEMOCAP, on a small tree of its layout."""

from pathlib import Path

import pytest

from model.datasets import load_dataset
from model.errors import DatasetError

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\t{turn}_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
[8.5 - 9.0]\t{turn}_F001\texc\t[4.0, 4.0, 4.0]
[9.5 - 10.0]\t{turn}_M000\thap\t[4.0, 4.0, 4.0]
[10.5 - 11.0]\t{turn}_M001\tfru\t[4.0, 4.0, 4.0]
"""


@pytest.fixture
def iemocap(tmp_path: Path) -> Path:
    for session in range(1, 6):
        for kind in ("impro01", "script01_1"):
            turn = f"Ses0{session}F_{kind}"
            root = tmp_path / f"Session{session}"
            wavs = root / "sentences" / "wav" / turn
            wavs.mkdir(parents=True)
            for name in ("EmoEvaluation", "transcriptions"):
                (root / "dialog" / name).mkdir(parents=True, exist_ok=True)
            (root / "dialog" / "EmoEvaluation" / f"{turn}.txt").write_text(
                EVALUATION.format(turn=turn)
            )
            lines = ""
            for part in ("F000", "F001", "M000", "M001"):
                (wavs / f"{turn}_{part}.wav").write_bytes(b"")
                lines += f"{turn}_{part} [006.2901-008.2357]: Text of {part}.\n"
            (root / "dialog" / "transcriptions" / f"{turn}.txt").write_text(lines + "M: [laughs]\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "happy"),
    [("iemocap4", ["M000"]), ("iemocap4-excited", ["F001", "M000"])],
)
def test_iemocap(iemocap: Path, name: str, happy: list[str]) -> None:
    dataset = load_dataset(name, iemocap)
    test = dataset.split("test")
    assert {example.group for example in test} == {"Session5"}
    assert [(example.part, example.emotion, example.text) for example in test] == [
        (part, emotion, f"Text of {turn}.")
        for part in ("improvised", "scripted")
        for emotion, turn in (("neutral", "F000"), *(("happiness", turn) for turn in happy))
    ]
    assert len(test) == 2 * (1 + len(happy))
    assert len(dataset.split("train")) == 3 * len(test)
    assert dataset.fold_of_group(5).keys() == {f"Session{number}" for number in range(1, 6)}


def test_iemocap_mistakes(iemocap: Path) -> None:
    clip = next((iemocap / "Session2" / "sentences").rglob("*_F000.wav"))
    clip.unlink()
    with pytest.raises(DatasetError, match=r"F000\.wav is missing"):
        load_dataset("iemocap4", iemocap)
    clip.write_bytes(b"")
    text = next((iemocap / "Session3" / "dialog" / "transcriptions").iterdir())
    text.write_text("")
    with pytest.raises(DatasetError, match="has no transcription"):
        load_dataset("iemocap4", iemocap)
    with pytest.raises(DatasetError, match=r"Session1 has no dialog/EmoEvaluation/Ses\*\.txt"):
        load_dataset("iemocap4", iemocap / "Session1")
