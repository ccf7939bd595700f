"""EmoEvent's files: a language each, nothing quoted."""

from pathlib import Path

import pytest

from model.datasets import Example, load_dataset
from model.errors import DatasetError

HEADER = "id\tevent\ttweet\toffensive\temotion\n"


def write(root: Path, name: str, *rows: str, header: str = HEADER) -> None:
    path = root / "emoevent" / "splits" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")


def test_a_language(tmp_path: Path) -> None:
    write(tmp_path, "es/train.tsv", '1\tLiga\tun "gol"\tNO\tjoy', "2\tLiga\tpues\tNO\tothers")
    write(tmp_path, "es/dev.tsv", "3\tNotreDame\tarde\tNO\tsadness")
    write(tmp_path, "es/test.tsv", "4\tLiga\tqué\tNO\tfear")
    dataset = load_dataset("emoevent-es", tmp_path)
    assert dataset.splits == {
        "train": [Example("joy", 'un "gol"', part="Liga"), Example("neutral", "pues", part="Liga")],
        "validation": [Example("sadness", "arde", part="NotreDame")],
        "test": [Example("fear", "qué", part="Liga")],
    }
    # Published with scrambled labels: a file that has them right goes before it.
    write(tmp_path, "es/test.relabelled.tsv", "4\tLiga\tqué\tNO\tsurprise")
    assert load_dataset("emoevent-es", tmp_path).split("test") == [
        Example("surprise", "qué", part="Liga")
    ]


@pytest.mark.parametrize(
    ("row", "header", "message"),
    [
        ("1\tLiga\tgol\tNO\tbliss", HEADER, r"dev\.tsv:2 is '1\\tLiga\\tgol\\tNO\\tbliss'; it"),
        ("1\tLiga\tgol\tjoy", HEADER, r"dev\.tsv:2 is '1\\tLiga\\tgol\\tjoy'; it must be"),
        ("1\tgol\tjoy", "id\ttweet\temotion\n", r"dev\.tsv has the columns 'id\\ttweet"),
    ],
)
def test_what_is_refused(tmp_path: Path, row: str, header: str, message: str) -> None:
    write(tmp_path, "en/train.tsv", "1\tLiga\tgol\tNO\tjoy")
    write(tmp_path, "en/dev.tsv", row, header=header)
    with pytest.raises(DatasetError, match=message):
        load_dataset("emoevent-en", tmp_path)


def test_the_real_files(real_data: Path) -> None:
    sizes = {
        language: [
            len(rows) for rows in load_dataset(f"emoevent-{language}", real_data).splits.values()
        ]
        for language in ("en", "es")
    }
    assert sizes == {"en": [5112, 744, 1447], "es": [5723, 844, 1608]}
