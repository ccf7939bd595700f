"""TweetEval, IEMOCAP and one's own table: their layouts, and one line for each mistake."""

import json
from pathlib import Path

import pandas as pd
import pytest

from model.datasets import Example, load_dataset
from model.datasets.tweeteval import TASKS
from model.errors import DatasetError


def write_task(folder: Path, splits: dict[str, list[tuple[str, str]]]) -> None:
    folder.mkdir(parents=True)
    for prefix, rows in splits.items():
        texts = "".join(f"{text}\n" for text, _ in rows)
        (folder / f"{prefix}_text.txt").write_text(texts, encoding="utf-8", newline="")
        (folder / f"{prefix}_labels.txt").write_text("".join(f"{label}\n" for _, label in rows))


@pytest.fixture
def irony(tmp_path: Path) -> Path:
    rows = [("so\u2028 great\x85", "1"), ("rain", "0")]
    folder = tmp_path / "tweeteval" / "irony"
    write_task(folder, {"train": rows, "val": rows[:1], "test": rows[1:]})
    # Without a line break at its end, as TweetEval has it.
    (folder / "mapping.txt").write_text("0\tnon_irony\n1\tirony")
    return folder


def test_tweeteval_splits_lines_at_line_feeds_only(irony: Path, tmp_path: Path) -> None:
    dataset = load_dataset("tweeteval/irony", tmp_path)
    assert dataset.emotions == ("non_irony", "irony")
    assert dataset.splits == {
        "train": [Example("irony", text="so\u2028 great\x85"), Example("non_irony", text="rain")],
        "validation": [Example("irony", text="so\u2028 great\x85")],
        "test": [Example("non_irony", text="rain")],
    }


@pytest.mark.parametrize("spelling", ["hillary", "hilary"])
def test_stance_is_five_topics(tmp_path: Path, spelling: str) -> None:
    folder = tmp_path / "stance"
    for topic in ("abortion", "atheism", "climate", "feminist", spelling):
        write_task(folder / topic, {"train": [(topic, "2")], "test": [(topic, "0")]})
    (folder / "mapping.txt").write_text("0\tnone\n1\tagainst\n2\tfavor")
    dataset = load_dataset("tweeteval/stance", tmp_path)
    assert dataset.split("train") == [
        Example("favor", text=topic, group=topic, part=topic)
        for topic in ("abortion", "atheism", "climate", "feminist", spelling)
    ]
    assert dataset.splits["validation"] == []
    (folder / "climate" / "test_text.txt").unlink()
    with pytest.raises(DatasetError, match=r"climate/test_text\.txt is missing or empty"):
        load_dataset("tweeteval/stance", tmp_path)


def test_emoji_classes_are_their_names(tmp_path: Path) -> None:
    write_task(tmp_path / "emoji", {"train": [("x", "1")]})
    (tmp_path / "emoji" / "mapping.txt").write_text("0\t❤\t_red_heart_\t\n1\t😍\t_heart_eyes_\t\n")
    assert load_dataset("tweeteval/emoji", tmp_path).emotions == ("red_heart", "heart_eyes")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train_labels.txt", "1\n", "has 2 lines and train_labels.txt 1; they must be as many"),
        ("train_labels.txt", "1\n2\n", r"train_labels\.txt:2 is '2'; labels are 0 to 1"),
        ("train_labels.txt", "1\nx\n", r"train_labels\.txt:2 is 'x'"),
        ("mapping.txt", "1\tirony\n", r"mapping\.txt:1 is not 0 and a class"),
        ("mapping.txt", None, "is not readable"),
        ("test_labels.txt", None, "is not readable"),
    ],
)
def test_a_broken_task_is_told_in_one_line(
    irony: Path, tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    if content is None:
        (irony / file).unlink()
    else:
        (irony / file).write_text(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_dataset("tweeteval/irony", tmp_path)
    assert "\n" not in str(caught.value)


def test_an_empty_task_is_told(irony: Path, tmp_path: Path) -> None:
    for path in irony.glob("*_text.txt"):
        path.unlink()
    with pytest.raises(DatasetError, match="has none of train, val, test_text"):
        load_dataset("tweeteval/irony", tmp_path)


def test_real_tweeteval(real_data: Path) -> None:
    sizes = {
        task: [len(split) for split in load_dataset(f"tweeteval/{task}", real_data).splits.values()]
        for task in TASKS
    }
    assert sizes == {
        "emoji": [45_000, 5_000, 50_000],
        "emotion": [3_257, 374, 1_421],
        "hate": [9_000, 1_000, 2_970],
        "irony": [2_862, 955, 784],
        "offensive": [11_916, 1_324, 860],
        "sentiment": [0, 2_000, 12_284],
        "stance": [2_620, 294, 1_249],
    }


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


ROWS = [
    {"text": "so good", "audio": "a.wav", "label": "joy", "split": "train", "speaker": "1"},
    {"text": "", "audio": "a.wav", "label": "anger", "split": "", "speaker": ""},
    {"text": "NA", "audio": "", "label": "anger", "split": "test", "speaker": "007"},
]


def write_manifest(path: Path, rows: list[dict[str, object]]) -> Path:
    (path.parent / "a.wav").write_bytes(b"")
    if path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_manifest(tmp_path: Path, suffix: str) -> None:
    path = write_manifest(tmp_path / f"mine{suffix}", [dict(row) for row in ROWS])
    dataset = load_dataset("manifest", path)
    clip = tmp_path / "a.wav"
    assert dataset.emotions == ("anger", "joy")
    assert dataset.splits == {
        "train": [Example("joy", "so good", clip, "1"), Example("anger", None, clip, "")],
        "validation": [],
        "test": [Example("anger", "NA", None, "007")],
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "x"}], "has no column label; it has text"),
        ([{"label": "x"}], "has neither a column text nor a column audio"),
        ([{"text": "x", "label": ""}], "row 1 has no label"),
        ([{"text": "", "label": "x"}], "row 1 has neither text nor audio"),
        ([{"text": "x", "label": "x", "split": "dev"}], "row 1: split is 'dev'; it must be train"),
        ([{"audio": "gone.wav", "label": "x"}], r"row 1: .*gone\.wav is missing"),
        ([{"audio": "x" * 5_000, "label": "x"}], r"row 1: .*x is missing"),
        ([{"text": "x", "label": "x"}], "has 1 different labels; at least 2 are needed"),
        ([{"text": ["x"], "label": "x"}], r"row 1: text is \['x'\]; it must be a text"),
    ],
)
def test_manifest_mistakes(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    path = write_manifest(tmp_path / "mine.jsonl", rows)
    with pytest.raises(DatasetError, match=message):
        load_dataset("manifest", path)


@pytest.mark.parametrize("value", [b"joy", ["joy", "fear"]])
def test_a_parquet_cell_that_is_no_text_is_refused(tmp_path: Path, value: object) -> None:
    path = write_manifest(tmp_path / "mine.parquet", [{"text": "x", "label": value}])
    with pytest.raises(DatasetError, match=r"row 1: label is .*; it must be a text"):
        load_dataset("manifest", path)


def test_rows_wider_than_the_header_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label,speaker\ngood,joy,s0,\nbad,anger,s1,\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="its rows have more cells than its header"):
        load_dataset("manifest", path)


def test_manifest_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a manifest: it must end in"):
        load_dataset("manifest", tmp_path)
    for name in ("gone.csv", "gone.jsonl", "gone.parquet"):
        with pytest.raises(DatasetError) as caught:
            load_dataset("manifest", tmp_path / name)
        assert str(caught.value) == f"{tmp_path}/{name} is not readable: there is no such file"
    (tmp_path / "broken.parquet").write_bytes(b"nope")
    with pytest.raises(DatasetError, match="is not readable"):
        load_dataset("manifest", tmp_path / "broken.parquet")
