"""`mm-emor train` and `evaluate`: what they print, and one line for each mistake."""

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
    write_emodb,
    write_goemotions,
    write_own_data,
)
from tests.support.tiny_models import save_tiny_checkpoint

EVALUATE = ("evaluate", "--data-dir", ".")
EMODB_COUNTS = "emodb, train: 12 items\nemodb, validation: 6 items\nemodb, test: 6 items\n"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    save_tiny_checkpoint(path / "checkpoint")
    (path / "tiny.toml").write_text(TINY_TOML, encoding="utf-8")
    return path


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Run:
    """Runs the command line in the data directory."""
    monkeypatch.chdir(data_dir)
    return mm_emor


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


def test_evaluate_a_split(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(tiny_artifact), "--split", "validation", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(f"{EMODB_COUNTS}emodb, validation: n 6\n")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["split"], metrics["n"]) == ("validation", 6)
    assert sum(map(sum, metrics["confusion"])) == 6


def test_what_a_model_cannot_score_is_told(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label,split\nrain,joy,test\n\uf8ff,joy,test\nsad,anger,test\n")
    arguments = ("--model", str(tiny_artifact), "--data-dir", str(table))
    code, out, err = run("evaluate", "--dataset", "manifest", *arguments)
    assert (code, err) == (0, "")
    assert "manifest, test: left out, with nothing that the model scores: 1\n" in out
    assert "manifest, test: n 2\n" in out


@pytest.mark.usefixtures("eager_tensorflow")
@pytest.mark.slow
def test_evaluate_by_folds(run: Run, tmp_path: Path) -> None:
    arguments = ("--folds", "tiny.toml", "--n-folds", "2", "--out", str(tmp_path))
    code, out, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(EMODB_COUNTS)
    assert "fold 2 of 2 (tested on 08, 10): n 12, accuracy" in out
    assert "\nemodb, 2 folds by group: n 24\n" in out
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["folds"], metrics["fold_by"], metrics["config"]) == (2, "group", "tiny")
    assert (metrics["split"], metrics["n"]) == ("2 folds by group", 24)
    assert "model_version" not in metrics
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*FILE_NAMES, "training"}
    # A second run finds the folds' models.
    code, again, err = run("evaluate", "--dataset", "emodb", "--data-dir", ".", *arguments)
    assert (code, err) == (0, "")
    assert "/step - accuracy" in out
    assert "/step - accuracy" not in again
    metrics_again = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics_again["confusion"] == metrics["confusion"]


@pytest.mark.usefixtures("eager_tensorflow")
@pytest.mark.slow
def test_random_folds_of_texts(run: Run, data_dir: Path) -> None:
    """Parts of another data set are left out, and the text encoder is named."""
    arguments = ("--folds", "tiny.toml", "--n-folds", "2", "--fold-by", "random")
    encoder = ("--text-encoder", "checkpoint")
    code, out, err = run(*EVALUATE, "--dataset", "goemotions-ekman", *arguments, *encoder)
    assert (code, err) == (0, "")
    assert "\nfold 2 of 2 (at random): n 70, accuracy" in out
    assert "\ngoemotions-ekman, 2 folds by random: n 140\n" in out
    assert not (data_dir / "training").exists()


def test_evaluate_anyones_predictions(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("0\n" * 6)
    arguments = ("--split", "validation", "--predictions", str(path), "--out", str(tmp_path / "o"))
    code, out, err = run(*EVALUATE, "--dataset", "emodb", *arguments)
    assert (code, err) == (0, "")
    assert "\nemodb, validation: n 6\n" in out
    assert "ece" not in out
    assert "latency" not in out
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["predictions"] == "mine.txt"
    assert metrics["ece"] is None


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


def test_a_file_without_splits_is_measured_whole(
    run: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label\nrain,joy\nhappy,joy\nsad,anger\n", encoding="utf-8")
    arguments = ("evaluate", "--dataset", "manifest", "--data-dir", str(table))
    with_model = (*arguments, "--model", str(tiny_artifact))
    whole = "manifest, all: 3 items\nmanifest, all: n 3\n"
    for asked in ((), ("--split", "test")):
        code, printed, err = run(*with_model, *asked)
        assert (code, err) == (0, "")
        assert printed.startswith(whole)
    code, printed, err = run(*with_model, "--split", "validation")
    assert (code, printed) == (2, "")
    assert err == (
        "mm-emor: manifest names no splits, and training has held out none of its rows; without "
        "--split all are measured\n"
    )
    mine = tmp_path / "mine.txt"
    mine.write_text("1\n1\n0\n", encoding="utf-8")
    code, printed, err = run(*arguments, "--predictions", str(mine))
    assert (code, err) == (0, "")
    assert printed.startswith(f"{whole}  accuracy           1.0000 ")


def test_labels_are_read_as_the_models_emotions(
    run: Run, tiny_artifact: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    rows = "rain,joy\nhappy,optimism\nsad,trust\nangry,anger\nuser,optimism\n"
    table.write_text(f"text,label\n{rows}", encoding="utf-8")
    model = ("--model", str(tiny_artifact), "--out", str(tmp_path / "measured"))
    arguments = ("evaluate", "--dataset", "manifest", "--data-dir", str(table), *model)
    code, printed, err = run(*arguments, "--map", "optimism=joy", "--ignore", "trust")
    assert (code, err) == (0, "")
    assert printed.startswith(
        "manifest, all: 5 items\n"
        "manifest: items of optimism, read as joy: 2\n"
        "manifest: items of trust, left out: 1\n"
        "manifest, all: n 4\n"
    )
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["map"], metrics["ignore"]) == ({"optimism": "joy"}, ["trust"])
    counts = {name: scores["support"] for name, scores in metrics["per_class"].items()}
    assert counts == {"anger": 1, "joy": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--map", "optimsm=joy"),
            "--map: manifest has no label 'optimsm'; did you mean 'optimism'?",
        ),
        (("--map", "x=joy"), "--map: manifest has no label 'x'; it has anger, optimism, trust"),
        (
            ("--map", "optimism=joyful"),
            "--map: the model has no emotion 'joyful'; did you mean 'joy'?",
        ),
        (("--ignore", "trusts"), "--ignore: manifest has no label 'trusts'; did you mean 'trust'?"),
        (("--map", "optimism"), "--map is 'optimism'; it must be LABEL=EMOTION"),
        (
            ("--map", "optimism=joy", "--map", "optimism=anger"),
            "--map names the label 'optimism' twice",
        ),
        (
            ("--map", "trust=joy", "--ignore", "trust"),
            "--map and --ignore both name the label 'trust'",
        ),
        (
            ("--ignore", "trust"),
            "manifest has labels that the model does not know, optimism; it tells anger, disgust, "
            "fear, joy, neutral, sadness, surprise; --map optimism=EMOTION reads a label as one of "
            "them, --ignore optimism leaves it out",
        ),
        (
            ("--ignore", "trust", "--ignore", "optimism", "--ignore", "anger"),
            "manifest has no split 'all'; it has none",
        ),
    ],
)
def test_unknown_labels_are_told_with_the_nearest(
    run: Run, tiny_artifact: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("text,label\nhappy,optimism\nsad,trust\nangry,anger\n", encoding="utf-8")
    model = ("--model", str(tiny_artifact), "--data-dir", str(table))
    code, _, err = run("evaluate", "--dataset", "manifest", *model, *arguments)
    assert (code, err) == (2, f"mm-emor: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--folds", "tiny.toml", "--model", "x"), "--folds and --model exclude each other"),
        (("--folds", "tiny.toml", "--split", "test"), "--folds and --split exclude each other"),
        (
            ("--folds", "tiny.toml", "--predictions", "x"),
            "--folds and --predictions exclude each other",
        ),
        (("--predictions", "x", "--model", "x"), "--predictions and --model exclude each other"),
        (("--folds", "tiny.toml", "--map", "a=b"), "--folds and --map exclude each other"),
        (("--predictions", "x", "--ignore", "a"), "--predictions and --ignore exclude each other"),
        (("--n-folds", "5"), "--n-folds needs --folds"),
        (("--fold-by", "group"), "--fold-by needs --folds"),
        (("--model", "x", "--text-encoder", "checkpoint"), "--text-encoder needs --folds"),
        (("--predictions", "x", "--n-folds", "2"), "--n-folds needs --folds"),
    ],
)
def test_flags_without_effect_are_refused_before_anything_is_read(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(*EVALUATE, "--dataset", "emodb", *arguments)
    assert (code, out, err) == (2, "", f"mm-emor: {message}\n")


@pytest.mark.tensorflow
def test_a_learning_rate_that_is_far_too_high_is_one_line(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    text_only = TINY_TOML[: TINY_TOML.index("[audio]")]
    config = tmp_path / "high.toml"
    high = text_only.replace("epochs = 1", 'epochs = 1\noptimizer = "sgd"\nlearning_rate = 1e9')
    config.write_text(high)
    arguments = ("--data-dir", ".", "--text-encoder", "checkpoint", "--out", str(tmp_path / "o"))
    code, _, err = run("train", str(config), *arguments)
    assert code == 2
    told = r"mm-emor: the loss is (nan|inf) after epoch 1; learning_rate is 1e\+09, and must be "
    assert re.fullmatch(told + r"lower\n", err)
    assert not (tmp_path / "o" / "config.json").exists()


TRAIN = ("train", "tiny.toml", "--data-dir", ".")
WITH_ENCODER = ("--text-encoder", "checkpoint")


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "Missing argument"),
        (("train", "tiny.toml", "--out", "o"), "Missing option '--data-dir'"),
        ((*TRAIN, *WITH_ENCODER), "Missing option '--out'"),
        ((*TRAIN, "--out", "o", "--epochs", "3"), "No such option: --epochs"),
        ((*TRAIN, "--out", "tiny.toml"), "'tiny.toml' is a file"),
        ((*TRAIN, "--out", "tiny.toml/o"), "tiny.toml/o cannot be written to: "),
        ((*TRAIN, "--out", "o" * 300), f"{'o' * 300} cannot be written to: File name too long"),
        ((*EVALUATE, "--dataset", "emodb", "--out", "gs://b/o"), "gs:// is no place for this"),
        ((*TRAIN, "--out", "o"), "tiny has a [text] table: name a --text-encoder"),
        (
            ("train", "none.toml", "--data-dir", ".", "--out", "o"),
            "none.toml is not readable: No such file",
        ),
        (
            ("train", "bad.toml", "--data-dir", ".", "--out", "o"),
            "bad.toml is not TOML: Invalid value",
        ),
        (
            ("train", "wrong.toml", "--data-dir", ".", "--out", "o"),
            "wrong.toml: text.fit.epochs is 0; it must be above 0",
        ),
        (
            ("train", "tiny.toml", "--data-dir", "none", "--out", "o"),
            "'--data-dir': path 'none' does not exist.",
        ),
        (
            ("train", "tiny.toml", "--data-dir", "checkpoint", "--out", "o"),
            "checkpoint/emotions.txt is not readable: No such file or directory (nor does "
            "checkpoint hold goemotions/)",
        ),
        (
            (*TRAIN, "--text-encoder", "./none", "--out", "o"),
            "./none is not a directory",
        ),
        (
            (*TRAIN, "--text-encoder", "goemotions", "--out", "o"),
            "goemotions is not a checkpoint: it has no config.json",
        ),
        (EVALUATE, "Missing option '--dataset'"),
        (
            ("evaluate", "--dataset", "emodb", "--data-dir", "none"),
            "'--data-dir': path 'none' does not exist.",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--predictions", "none"),
            "--predictions is none; there is no such file",
        ),
        ((*EVALUATE, "--dataset", "meld2"), "dataset is 'meld2'; known are emodb, "),
        (
            (*EVALUATE, "--dataset", "emodb", "--split", "dev"),
            "emodb has no split 'dev'; it has train, validation, test",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--model", "none"),
            "none is no artifact: it has no readable config.json",
        ),
        ((*EVALUATE, "--dataset", "emodb", "--out", "tiny.toml"), "'tiny.toml' is a file"),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml", "--n-folds", "1"),
            "--n-folds is 1; at least 2 are needed",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml"),
            "emodb has 4 groups (speakers or sessions); 5 folds need as many",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "text.toml"),
            "tiny has no part that learns from emodb",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--folds", "tiny.toml", "--fold-by", "speaker"),
            "'speaker' is not one of 'group', 'random'",
        ),
        (
            (
                *(*EVALUATE, "--dataset", "goemotions-ekman", "--folds", "tiny.toml"),
                *("--fold-by", "random"),
            ),
            "tiny has a [text] table: name a --text-encoder",
        ),
        (
            (*EVALUATE, "--dataset", "emodb", "--predictions", "tiny.toml"),
            "tiny.toml has 37 lines; emodb, test, has 6 examples",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Run, data_dir: Path, arguments: tuple[str, ...], message: str
) -> None:
    (data_dir / "bad.toml").write_text("name =", encoding="utf-8")
    (data_dir / "wrong.toml").write_text(TINY_TOML.replace("epochs = 1", "epochs = 0", 1))
    (data_dir / "text.toml").write_text(TINY_TOML[: TINY_TOML.index("[audio]")])
    code, out, err = run(*arguments)
    # What was read before is told.
    assert all(line.endswith(" items") for line in out.splitlines())
    assert code == 2
    assert err.startswith("mm-emor: ")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err
    assert not (data_dir / "o").exists()


def test_an_output_directory_that_may_not_be_written_to(
    run: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != data_dir)
    code, _, err = run(*TRAIN, *WITH_ENCODER, "--out", "o")
    assert code == 2
    assert err == f"mm-emor: o cannot be written to: no permission in {data_dir}\n"
