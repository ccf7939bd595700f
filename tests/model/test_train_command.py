"""`mm-emor train`: what it prints, and that the commands that it names run as they stand."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from model.evaluation.evaluation_files import FILE_NAMES
from model.scoring.artifact import Artifact
from tests.support.command_line import Run
from tests.support.tiny_corpora import (
    SPOKEN,
    TINY_TOML,
    WORD_OF,
    write_own_data,
)


@pytest.mark.job
@pytest.mark.slow
def test_train_then_evaluate_with_the_installed_command(data_dir: Path, tmp_path: Path) -> None:
    """In processes of their own, where TensorFlow starts: nothing of its goes to stderr."""
    command = [str(Path(sys.executable).with_name("mm-emor"))]
    text_only = TINY_TOML[: TINY_TOML.index("[audio]")]
    (tmp_path / "text.toml").write_text(text_only, encoding="utf-8")
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_CPP_MIN_LOG_LEVEL", "MM_EMOR_VERBOSE", "KERAS_BACKEND")
    }

    def run_(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    corpus, encoder = ("--data-dir", str(data_dir)), str(data_dir / "checkpoint")
    printed = run_("train", "text.toml", *corpus, "--text-encoder", encoder, "--out", "model")
    version = Artifact.load(tmp_path / "model").model_version
    assert f"\nmodel {version} written to model\nnext:\n" in printed

    arguments = ("--model", "model", "--dataset", "goemotions-ekman", *corpus, "--out", "measured")
    lines = run_("evaluate", *arguments).splitlines()
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    # Of 12, 4 and 4 texts of each of seven emotions; the paper says nothing of them.
    assert lines[:4] == [
        "goemotions-ekman, train: 84 items",
        "goemotions-ekman, validation: 28 items",
        "goemotions-ekman, test: 28 items",
        "goemotions-ekman, test: n 28",
    ]
    assert printed.splitlines()[:3] == lines[:3]
    for line, name, note in (
        (lines[4], "accuracy", "the field's WA, the paper's UA"),
        (lines[5], "mean_class_recall", "the field's UA, the paper's WA"),
    ):
        low, high = metrics["ci95"][name]
        assert line == f"  {name:<18} {metrics[name]:.4f}  [{low:.4f}, {high:.4f}]  ({note})"
    assert [line.split()[0] for line in lines[4:]] == [
        *("accuracy", "mean_class_recall", "macro_f1", "weighted_f1", "ece"),
        *metrics["per_class"],
        *["--min-confidence"] * 3,
        "latency",
    ]
    assert {path.name for path in (tmp_path / "measured").iterdir()} == set(FILE_NAMES)
    assert metrics["model_version"] == version
    assert metrics["dataset"] == "goemotions-ekman"
    assert metrics["split"] == "test"
    assert metrics["n"] == 28


OWN_TOML = TINY_TOML.replace("goemotions-ekman", "manifest").replace("emodb", "manifest")
OWN_TOML = OWN_TOML.replace(TINY_TOML.splitlines()[2] + "\n", "")


@pytest.mark.usefixtures("eager_tensorflow")
def test_train_and_score_with_data_of_ones_own(run: Run, tmp_path: Path) -> None:
    table = write_own_data(tmp_path / "own", sizes={"train": 8, "test": 4})
    config, out = tmp_path / "own.toml", tmp_path / "model"
    config.write_text(OWN_TOML.replace('name = "tiny"', 'name = "own"\nvalidation_share = 0.25'))
    arguments = ("--data-dir", str(table), "--text-encoder", "checkpoint", "--out", str(out))
    code, printed, err = run("train", str(config), *arguments)
    assert (code, err) == (0, "")
    assert printed.startswith("manifest, train: 24 items\nmanifest, validation: 0 items\n")
    artifact = Artifact.load(out)
    assert artifact.config.emotions == tuple(SPOKEN)
    lines = printed.splitlines()
    folders = [line.partition(" in ")[2] for line in lines[-7:-4]]
    assert all((Path(folder) / "curves.png").is_file() for folder in folders)
    text, audio = (
        json.loads((Path(folder) / "history.json").read_text())["epochs"][0]["val_macro_f1"]
        for folder in (folders[0], folders[1])
    )
    # Of 8 rows of each of three emotions two are held out: 4 with both, a text, and a clip.
    data = f"--dataset manifest --data-dir {table} --split validation"
    assert lines[-10:] == [
        f"text: epoch 1 of 1 kept, the best by macro-F1: {text:.4f} on 5 examples held out",
        "audio: epoch 1 of 1 kept, on purpose the last (keep = 'last'); "
        f"macro-F1 {audio:.4f} on 5 examples held out",
        "text+audio: epoch 1 of 1 kept, on purpose the last (keep = 'last'); 4 examples held out",
        *(f"{name}: curves and TensorBoard logs in {folder}"
          for name, folder in zip(("text", "audio", "text+audio"), folders, strict=True)),
        f"model {artifact.model_version} written to {out}",
        "next:",
        f"  mm-emor evaluate --model {out} {data}",
        f"  mm-emor score --model {out} --items ITEMS --out OUT",
    ]  # fmt: skip
    code, printed, err = run(*shlex.split(lines[-2])[1:])
    assert (code, err) == (0, "")
    assert printed.startswith(
        "manifest, train: 18 items\nmanifest, validation: 6 items\nmanifest, test: 12 items\n"
        "manifest, validation: n 6\n"
    )

    code, printed, err = run(
        *("score", "--items", str(table), "--audio-root", str(table.parent), "--model", str(out)),
        *("--column", "audio_uri=audio", "--column", "item_id=id"),
        *("--out", str(tmp_path / "scored"), "--date", "2026-11-22"),
    )
    assert code == 0, err
    labels = [
        row
        for path in (tmp_path / "scored" / "labels").rglob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert len(labels) == 36
    assert {row["modality"] for row in labels} == {"text", "audio", "text+audio"}
    assert {row["emotion"] for row in labels} <= set(SPOKEN)
    assert {row["model_version"] for row in labels} == {artifact.model_version}


@pytest.mark.usefixtures("eager_tensorflow")
def test_a_file_without_splits_from_training_to_the_rows_held_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"{WORD_OF[emotion]} {n}", emotion) for n in range(8) for emotion in SPOKEN]
    table, config = tmp_path / "my items.csv", tmp_path / "own.toml"
    content = "".join(f"{text},{label}\n" for text, label in rows)
    table.write_text(f"text,label\n{content}", encoding="utf-8")
    settings = OWN_TOML[: OWN_TOML.index("[audio]")].replace("\n[head]", "\nseed = 3\n[head]")
    config.write_text(settings.replace("epochs = 1", "epochs = 2"))
    out = tmp_path / "model"
    training = (
        *("train", str(config), "--data-dir", str(table)),
        *("--text-encoder", "checkpoint", "--out", str(out)),
    )
    counts = "manifest, train: 24 items\nmanifest, validation: 0 items\nmanifest, test: 0 items\n"
    code, printed, err = run(*training)
    assert (code, err) == (0, "")
    assert printed.startswith(counts)
    closing = printed.splitlines()[-6:]
    assert re.fullmatch(
        r"text: epoch [12] of 2 kept, the best by macro-F1: 0\.\d{4} on 3 examples held out",
        closing[0],
    )
    version = Artifact.load(out).model_version
    evaluate = f"mm-emor evaluate --model {out} --dataset manifest --data-dir '{table}'"
    assert closing[1:] == [
        f"text: curves and TensorBoard logs in {next((out / 'training').glob('text-*'))}",
        f"model {version} written to {out}",
        "next:",
        f"  {evaluate} --split validation",
        f"  mm-emor score --model {out} --items ITEMS --out OUT",
    ]

    # The commands run as they are printed: on the rows that were drawn, on the others, on all.
    def evaluated(command: str) -> str:
        code, printed, err = run(*shlex.split(command)[1:], "--out", str(tmp_path / "measured"))
        assert (code, err) == (0, "")
        return printed.partition("  accuracy")[0]

    parted = "manifest, train: 21 items\nmanifest, validation: 3 items\nmanifest, test: 0 items\n"
    assert evaluated(closing[-2]) == f"{parted}manifest, validation: n 3\n"
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["split"], metrics["n"]) == ("validation", 3)
    assert f"{metrics['macro_f1']:.4f} on 3 examples" in closing[0]
    assert evaluated(f"{evaluate} --split train") == f"{parted}manifest, train: n 21\n"
    assert evaluated(evaluate) == (
        "manifest: the model has learned from 21 of these rows; --split validation measures the 3 "
        "that were held out\nmanifest, all: 24 items\nmanifest, all: n 24\n"
    )

    # The same again does nothing but say so, and needs no Keras; another setting trains.
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "model.training.train", None)
        code, printed, err = run(*training)
    assert (code, err) == (0, "")
    told = f"{out} holds the model of these settings and data: nothing is trained\n"
    assert printed == counts + told + "\n".join(closing) + "\n"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == written
    config.write_text(settings.replace("epochs = 1", "epochs = 3"))
    code, printed, err = run(*training)
    assert (code, err) == (0, "")
    assert told not in printed
    assert " of 3 kept" in printed
    table.write_text(f"text,label\n{content}so sad,sadness\n", encoding="utf-8")
    code, printed, err = run(*training)
    assert (code, err) == (0, "")
    assert told not in printed
