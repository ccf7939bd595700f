"""XED's files: annotated lines with neutral ones beside, and projected lines, some broken."""

from pathlib import Path

import pytest

from model.datasets import Example, load_dataset
from model.errors import DatasetError


def write(root: Path, name: str, content: str) -> None:
    path = root / "xed" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def test_annotated_lines_and_neutral_ones(tmp_path: Path) -> None:
    write(tmp_path, "AnnotatedData/en-annotated.tsv", "!\t1, 4\nSure.\t8, 2\nOh!\t5, 8\n")
    write(tmp_path, "AnnotatedData/neu_en.txt", "9\tI told him.\t\t\n9\tTwo pair.\n")
    dataset = load_dataset("xed-en", tmp_path)
    # Trust and anticipation alone are neither one of Ekman's nor neutral.
    assert dataset.splits["train"] == [
        Example.of_several(["anger", "fear"], "!"),
        Example.of_several(["joy"], "Oh!"),
        Example.of_several([], "I told him."),
        Example.of_several([], "Two pair."),
    ]
    assert (dataset.problem_type, dataset.names_splits) == ("multi_label", False)
    assert dataset.remarks == ()


def test_projected_lines_and_broken_ones(tmp_path: Path) -> None:
    content = 'Was?\t7\n"Heul dich aus.\nen/1.xml.gz\tde/1.xml.gz\t1\t2\tI swear.\tIch\nJa.\t9\n'
    write(tmp_path, "Projections/de-projections.tsv", content)
    dataset = load_dataset("xed-de", tmp_path)
    assert dataset.splits["train"] == [Example.of_several(["surprise"], "Was?")]
    assert dataset.remarks == ("xed-de: lines that are no text and numbers, left out: 3",)
    with pytest.raises(DatasetError, match=r"fr-projections\.tsv is not readable"):
        load_dataset("xed-fr", tmp_path)


def test_the_real_files(real_data: Path) -> None:
    english = load_dataset("xed-en", real_data)
    assert len(english.splits["train"]) == 23_357
    assert sum(not each.labels for each in english.splits["train"]) == 9_674
    turkish = load_dataset("xed-tr", real_data)
    assert len(turkish.splits["train"]) == 6_717
