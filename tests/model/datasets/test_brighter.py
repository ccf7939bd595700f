"""BRIGHTER's files: a language each, a column an emotion, several of them a text."""

from pathlib import Path

import pytest

from model.datasets import DATASETS, Example, load_dataset
from model.errors import DatasetError


def write(root: Path, name: str, content: str) -> None:
    path = root / "brighter" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="")


def test_a_language(tmp_path: Path) -> None:
    header = "id,text,anger,fear,joy\r\n"
    write(tmp_path, "track_a/train/eng.csv", header + '1,"a ""b""\nc, d",1,0,1\r\n2,e,0,0,0\r\n')
    write(tmp_path, "track_a/dev/eng.csv", header + "3,f,0,1,0\r\n")
    write(tmp_path, "track_a/test/eng.csv", header + "4,g,,,\r\n")
    write(tmp_path, "track_c/test/eng.csv", header + "4,g,0,0,1\r\n")
    write(tmp_path, "track_a/train/deu.csv", "id,text,anger,disgust\r\n5,h,0,1\r\n")
    dataset = load_dataset("brighter-en", tmp_path)
    assert dataset.name == "brighter-en"
    assert dataset.emotions == ("anger", "fear", "joy")
    assert dataset.problem_type == "multi_label"
    assert dataset.splits == {
        "train": [
            Example.of_several(["anger", "joy"], 'a "b"\nc, d'),
            Example.of_several([], "e"),
        ],
        "validation": [Example.of_several(["fear"], "f")],
        "test": [Example.of_several(["joy"], "g")],
    }
    german = load_dataset("brighter-de", tmp_path / "brighter")
    assert german.splits["train"] == [Example.of_several(["disgust"], "h")]
    with pytest.raises(DatasetError, match=r"^brighter-de has no split 'test'; it has train$"):
        german.split("test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "id,text,anger,bliss\n1,a,0,1\n",
            r"'text', 'anger', 'bliss'\]; they must be",
        ),
        ("id,text\n1,a\n", "they must be id, text and emotions"),
        ("", r"has the columns \[\]"),
        ("id,text,joy\n1,a,0\n2,b,\n", r"deu\.csv, row 2, has \[''\]; each must be 0 or 1"),
        ("id,text,joy\n1,a,2\n", r"row 1, has \['2'\]; each must be 0 or 1"),
        ("id,text,joy\n1,a,0,1\n", r"row 1, has \['0', '1'\]"),
        ('id,text,joy\n1,"a,0\n', r"deu\.csv is not readable: unexpected end of data"),
    ],
)
def test_what_is_no_file_of_the_corpus(tmp_path: Path, content: str, message: str) -> None:
    write(tmp_path, "track_a/train/deu.csv", content)
    with pytest.raises(DatasetError, match=message):
        load_dataset("brighter-de", tmp_path)


def test_splits_have_one_set_of_emotions(tmp_path: Path) -> None:
    write(tmp_path, "track_a/train/deu.csv", "id,text,joy\n1,a,0\n")
    write(tmp_path, "track_a/dev/deu.csv", "id,text,fear\n1,a,0\n")
    with pytest.raises(DatasetError, match=r"dev/deu\.csv has the emotions \('fear',\); .*'joy'"):
        load_dataset("brighter-de", tmp_path)


def test_a_language_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "brighter").mkdir()
    with pytest.raises(DatasetError, match=r"has no track_a/train/chn\.csv and no test file"):
        load_dataset("brighter-zh", tmp_path)


def test_the_corpus_as_published(real_data: Path) -> None:
    """28 languages with texts to train on and 4 with a test alone; no label that is not 0 or 1."""
    sizes = {
        name: tuple(len(each) for each in load_dataset(name, real_data).splits.values())
        for name in DATASETS
        if name.startswith("brighter-")
    }
    assert len(sizes) == 32
    assert {name for name, (train, _, _) in sizes.items() if not train} == {
        *("brighter-id", "brighter-jv", "brighter-xh", "brighter-zu")
    }
    assert sizes["brighter-en"] == (2764, 115, 2767)
    assert sizes["brighter-de"] == (2603, 200, 2604)
