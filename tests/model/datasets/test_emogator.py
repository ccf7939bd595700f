"""EmoGator's table: nobody who is tested on is heard in training."""

from pathlib import Path

from model.datasets import load_dataset


def test_splits_are_by_speaker(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    rows = []
    for speaker in range(20):
        for label in ("joy", "anger"):
            name = f"clips/{speaker:02}-{label}.mp3"
            (tmp_path / name).touch()
            rows.append(f"{name},{label},{speaker:02},{label.title()}")
    table = "\n".join(["audio,label,speaker,category", *rows])
    (tmp_path / "emogator.csv").write_text(f"{table}\n", encoding="utf-8")
    dataset = load_dataset("emogator", tmp_path)
    speakers = {
        split: sorted({each.group for each in examples})
        for split, examples in dataset.splits.items()
    }
    assert speakers == {
        "train": [f"{speaker:02}" for speaker in range(20) if speaker % 10 < 7],
        "validation": ["07", "17"],
        "test": ["08", "09", "18", "19"],
    }
    assert dataset.emotions == ("anger", "joy")
    assert dataset.names_splits


def test_the_real_files(real_data: Path) -> None:
    dataset = load_dataset("emogator", real_data)
    assert [len(rows) for rows in dataset.splits.values()] == [1470, 210, 420]
    assert set(dataset.counts("test").values()) == {60}
