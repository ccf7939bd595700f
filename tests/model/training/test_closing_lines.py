"""What training says at its end, and that the commands name what there is."""

import shlex
from dataclasses import replace
from pathlib import Path

from model.training.closing_lines import closing_lines
from model.training.training_record import FittedPart, TrainingRecord
from tests.support.tiny_corpora import own_training, tiny_training

TEXT = FittedPart(3, 10, "best", 0.71239, 28, "text-0123456789ab")
AUDIO = FittedPart(40, 40, "last", 0.5, 6, "audio-0123456789ab")
FUSED = FittedPart(4, 4, "last", None, 0, "fused-0123456789ab")
RECORD = TrainingRecord("0" * 64, "1" * 64, {"text": TEXT, "audio": AUDIO, "text+audio": FUSED}, {})


def test_parts_of_two_data_sets(tmp_path: Path) -> None:
    folder = tmp_path / "training" / TEXT.folder
    folder.mkdir(parents=True)
    out, data = shlex.quote(str(tmp_path)), "--data-dir DATA --split validation"
    assert closing_lines(RECORD, tiny_training(), Path("DATA"), tmp_path, "0123456789abcdef") == [
        "text: epoch 3 of 10 kept, the best by macro-F1: 0.7124 on 28 examples held out",
        "audio: epoch 40 of 40 kept, on purpose the last (keep = 'last'); macro-F1 0.5000 on 6 "
        "examples held out",
        "text+audio: epoch 4 of 4 kept, on purpose the last (keep = 'last'); no examples held out",
        # The other folders are gone.
        f"text: curves and TensorBoard logs in {folder}",
        f"model 0123456789abcdef written to {tmp_path}",
        "next:",
        f"  mm-emor evaluate --model {out} --dataset goemotions-ekman {data}",
        f"  mm-emor evaluate --model {out} --dataset emodb {data}",
        f"  mm-emor score --model {out} --items ITEMS --out OUT",
    ]


def test_one_data_set_is_measured_once_and_names_are_quoted() -> None:
    lines = closing_lines(RECORD, own_training(), Path("my items.csv"), Path("my model"), "0" * 16)
    assert lines[4:] == [
        "next:",
        "  mm-emor evaluate --model 'my model' --dataset manifest --data-dir 'my items.csv' "
        "--split validation",
        "  mm-emor score --model 'my model' --items ITEMS --out OUT",
    ]


def test_a_model_of_clips_in_a_directory_of_the_packages_name() -> None:
    """`--model default` is the model in the package."""
    clips = replace(RECORD, parts={"audio": replace(AUDIO, n_held_out=1)})
    assert closing_lines(clips, own_training(), Path("a.csv"), Path("default"), "0" * 16) == [
        "audio: epoch 40 of 40 kept, on purpose the last (keep = 'last'); macro-F1 0.5000 on 1 "
        "example held out",
        "model 0000000000000000 written to default",
        "next:",
        "  mm-emor evaluate --model ./default --dataset manifest --data-dir a.csv --split "
        "validation",
        "  mm-emor score --model ./default --clips CLIPS --out OUT",
    ]
