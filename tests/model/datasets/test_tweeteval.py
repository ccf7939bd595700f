"""TweetEval's tasks as they were published."""

from pathlib import Path

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
