"""`mm-emor reproduce`: what it runs, what it leaves out, and that it goes on where it stopped."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from model.config import AudioConfig
from model.datasets import DATASETS
from model.datasets.meld import COLUMNS
from model.errors import ConfigError, DatasetError
from model.network.backend import start_keras
from model.paper.published import EXPERIMENTS
from model.training.training_config import TrainingConfig, read_training_config
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.support.clips import encode, tone
from tests.support.command_line import Run
from tests.support.tiny_corpora import WORD_OF
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.paper.reproduction  # noqa: E402
from model.paper.reproduction import Experiment, Reproduction  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager_tensorflow")

IEMOCAP_CODES = {"ang": "angry", "hap": "happy", "exc": "happy", "neu": "the", "sad": "sad"}


def write_irony(
    corpus: Path, splits: tuple[str, ...] = ("train", "val", "test"), task: str = "irony"
) -> None:
    folder = corpus / task
    folder.mkdir(parents=True)
    (folder / "mapping.txt").write_text(f"0\tnon_{task}\n1\t{task}\n")
    for split in ("train", "val", "test"):
        if split in splits:
            (folder / f"{split}_text.txt").write_text("rain\nhappy rain\n" * 10)
        (folder / f"{split}_labels.txt").write_text("0\n1\n" * 10)


def write_meld(corpus: Path, *, clips: bool) -> None:
    corpus.mkdir(parents=True)
    for prefix, folder in (("train", "train"), ("dev", "dev"), ("test", "test")):
        with (corpus / f"{prefix}_sent_emo.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for number, emotion in enumerate(EKMAN_AND_NEUTRAL * 3):
                writer.writerow(
                    {
                        "Utterance": WORD_OF[emotion],
                        "Speaker": "Joey",
                        "Emotion": emotion,
                        "Dialogue_ID": 0,
                        "Utterance_ID": number,
                        "StartTime": "00:00:01,000",
                        "EndTime": "00:00:02,000",
                    }
                )
                if clips:
                    path = corpus / folder / f"dia0_utt{number}.wav"
                    path.parent.mkdir(exist_ok=True)
                    pitch_hz = 250.0 * 1.6 ** EKMAN_AND_NEUTRAL.index(emotion)
                    path.write_bytes(encode(tone(0.7, pitch_hz=pitch_hz), 16_000, "wav"))


def write_iemocap(corpus: Path) -> None:
    for session in range(1, 6):
        root = corpus / f"Session{session}"
        for name in ("EmoEvaluation", "transcriptions"):
            (root / "dialog" / name).mkdir(parents=True)
        for kind in ("impro01", "script01_1"):
            dialog = f"Ses0{session}F_{kind}"
            evaluation = transcription = ""
            for number, (code, word) in enumerate(IEMOCAP_CODES.items()):
                turn = f"{dialog}_F00{number}"
                evaluation += f"[1.0 - 2.0]\t{turn}\t{code}\t[2.5, 2.5, 2.5]\n"
                transcription += f"{turn} [001.0-002.0]: {word}\n"
                clip = root / "sentences" / "wav" / dialog / f"{turn}.wav"
                clip.parent.mkdir(parents=True, exist_ok=True)
                pitch_hz = 250.0 * 1.6**number
                clip.write_bytes(encode(tone(0.7, pitch_hz=pitch_hz), 16_000, "wav"))
            (root / "dialog" / "EmoEvaluation" / f"{dialog}.txt").write_text(evaluation)
            (root / "dialog" / "transcriptions" / f"{dialog}.txt").write_text(transcription)


def read_small(path: Path) -> TrainingConfig:
    """A shipped config, of one epoch each and with small images."""
    config = read_training_config(path)
    text = config.text and replace(config.text, fit=replace(config.text.fit, epochs=1))
    if not config.audio or not config.fusion:
        return replace(config, text=text)
    audio = replace(
        config.audio,
        fit=replace(config.audio.fit, epochs=1),
        features=AudioConfig(
            n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1
        ),
        mobilenet=replace(config.audio.mobilenet, alpha=0.25),
    )
    fusion = replace(config.fusion, fit=replace(config.fusion.fit, epochs=1))
    return replace(config, text=text, audio=audio, fusion=fusion)


@pytest.fixture(autouse=True)
def small_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.paper.reproduction, "read_training_config", read_small)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture
def reproduction(tmp_path: Path, checkpoint: str) -> Callable[..., Reproduction]:
    def make(*only: str, **corpora: Path) -> Reproduction:
        return Reproduction(corpora, checkpoint, tmp_path / "out", only, log=lambda _: None)

    return make


def rows_of(out: Path, experiment: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = pq.read_table(out / "results.parquet").to_pylist()
    return {
        (row["table"], row["row"], row["metric"]): row
        for row in rows
        if row["experiment"] == experiment
    }


def test_one_task_is_measured_and_the_others_say_why_not(
    reproduction: Callable[..., Reproduction], tmp_path: Path
) -> None:
    write_irony(tmp_path / "tweeteval")
    outcomes = reproduction("tweeteval/irony", tweeteval=tmp_path / "tweeteval").run()
    statuses = {name: outcome.status for name, outcome in outcomes.items()}
    assert list(statuses) == list(EXPERIMENTS)
    assert statuses.pop("tweeteval/irony") == "measured"
    assert {name: status.removeprefix("not run: ") for name, status in statuses.items()} == {
        name: "not yet" if name.startswith("tweeteval/") else "no corpus" for name in statuses
    }
    folder = tmp_path / "out" / "experiments" / "tweeteval-irony"
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = rows_of(tmp_path / "out", "tweeteval/irony")
    row = rows["8", "irony", "accuracy"]
    assert (row["paper"], row["ours"], row["n"]) == (0.6543, metrics["accuracy"], 20)
    assert [row["ci_low"], row["ci_high"]] == metrics["ci95"]["accuracy"]
    page = (tmp_path / "out" / "results.md").read_text()
    assert "not run: no corpus" in page
    for figure in ("confusion.png", "curves.png"):
        assert f"(experiments/tweeteval-irony/{figure})" in page
        assert (folder / figure).is_file()


def test_a_second_run_trains_nothing_and_says_the_same(
    reproduction: Callable[..., Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_irony(tmp_path / "tweeteval")
    given = {"tweeteval": tmp_path / "tweeteval"}
    first = reproduction("tweeteval/irony", **given).run()
    results = (tmp_path / "out" / "results.parquet").read_bytes()
    trained: list[Any] = []
    monkeypatch.setattr(model.paper.reproduction, "train", lambda *all_: trained.append(all_))
    # Even where it is not yet: what is there is told.
    again = reproduction("tweeteval/hate", **given)
    with pytest.raises(DatasetError, match="hate"):
        again.run()
    assert reproduction("tweeteval/irony", **given).run() == first
    assert (tmp_path / "out" / "results.parquet").read_bytes() == results
    assert trained == []
    # Other texts are another experiment.
    with (tmp_path / "tweeteval" / "irony" / "test_text.txt").open("r+") as file:
        file.write("snow")
    with pytest.raises(AttributeError):
        reproduction("tweeteval/irony", **given).run()
    assert len(trained) == 1


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_another_checkpoint_is_another_experiment(
    tmp_path: Path, checkpoint: str, file: str
) -> None:
    """By what is in it: the same files elsewhere are the same."""
    own = model.paper.reproduction._Checkpoint.of(checkpoint)
    moved = Path(shutil.copytree(checkpoint, tmp_path / "moved"))
    assert model.paper.reproduction._Checkpoint.of(str(moved)) == own
    changed = (moved / file).read_bytes()
    (moved / file).write_bytes(changed[:-1] + b" }" if file == "config.json" else changed + b" ")
    other = model.paper.reproduction._Checkpoint.of(str(moved))
    assert other.digest != own.digest
    write_irony(tmp_path / "tweeteval")
    reproduction = Reproduction({"tweeteval": tmp_path / "tweeteval"}, checkpoint, tmp_path / "out")
    runs = [reproduction._prepare("tweeteval/irony", each) for each in (own, other)]
    assert len({run._key() for run in runs if isinstance(run, model.paper.reproduction._Run)}) == 2


@pytest.mark.parametrize(
    ("hidden_size", "given", "expected", "note"),
    [
        (16, None, 2e-4, ""),  # the config's own
        (768, None, 2e-5, "text encoder's learning rate 2e-05"),
        (1024, None, 2e-5, "text encoder's learning rate 2e-05"),
        (768, 3e-4, 3e-4, "text encoder's learning rate 0.0003"),
        (16, 3e-4, 3e-4, "text encoder's learning rate 0.0003"),
    ],
)
def test_wide_encoders_learn_slowly(
    tmp_path: Path,
    checkpoint: str,
    hidden_size: int,
    given: float | None,
    expected: float,
    note: str,
) -> None:
    wide = Path(shutil.copytree(checkpoint, tmp_path / "wide"))
    settings = json.loads((wide / "config.json").read_text())
    (wide / "config.json").write_text(json.dumps(settings | {"hidden_size": hidden_size}))
    write_irony(tmp_path / "tweeteval")
    corpora = {"tweeteval": tmp_path / "tweeteval"}
    reproduction = Reproduction(corpora, str(wide), tmp_path / "out", learning_rate=given)
    found = model.paper.reproduction._Checkpoint.of(str(wide))
    run = reproduction._prepare("tweeteval/irony", found)
    assert isinstance(run, model.paper.reproduction._Run)
    assert run.config.text is not None
    assert run.config.text.fit.learning_rate == expected
    assert run.note == run.known().note == note


def test_what_was_measured_before_a_run_stopped_is_kept(
    reproduction: Callable[..., Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("hate", "irony"):
        write_irony(tmp_path / "tweeteval", task=task)
    measure, measured = model.paper.reproduction._Run.measure, []

    def stops(run: Any, *rest: Any) -> None:
        measured.append(run.experiment.dataset)
        if run.experiment.dataset == "tweeteval/irony":
            raise DatasetError("the disk is full")
        measure(run, *rest)

    monkeypatch.setattr(model.paper.reproduction._Run, "measure", stops)
    given = {"tweeteval": tmp_path / "tweeteval"}
    with pytest.raises(DatasetError, match="the disk is full"):
        reproduction("tweeteval/irony", "tweeteval/hate", **given).run()
    assert measured == ["tweeteval/hate", "tweeteval/irony"]
    out = tmp_path / "out"
    rows = pq.read_table(out / "results.parquet").to_pylist()
    of_scores = {row["experiment"]: row["status"] for row in rows if row["metric"] == "accuracy"}
    assert of_scores.pop("tweeteval/hate") == "measured"
    assert of_scores["tweeteval/irony"] == "not run: not yet"
    assert of_scores["meld"] == "not run: no corpus"
    kept = rows_of(out, "tweeteval/hate")["8", "hate", "accuracy"]
    metrics = json.loads((out / "experiments" / "tweeteval-hate" / "metrics.json").read_text())
    assert (kept["ours"], kept["n"]) == (metrics["accuracy"], 20)
    page = (out / "results.md").read_text()
    assert "(experiments/tweeteval-hate/curves.png)" in page
    assert "not run: not yet" in page
    # A run that stops before it has measured anything leaves the results as they are.
    results = (out / "results.parquet").read_bytes()
    with pytest.raises(DatasetError, match="the disk is full"):
        reproduction("tweeteval/irony", **given).run()
    assert (out / "results.parquet").read_bytes() == results


def test_a_task_without_training_texts_is_marked(
    reproduction: Callable[..., Reproduction], tmp_path: Path
) -> None:
    write_irony(tmp_path / "tweeteval", ("val", "test"))
    outcomes = reproduction("tweeteval/irony", tweeteval=tmp_path / "tweeteval").run()
    note = outcomes["tweeteval/irony"].note
    assert note.startswith("trained on 90% of the validation split")
    assert rows_of(tmp_path / "out", "tweeteval/irony")["8", "irony", "accuracy"]["note"] == note
    assert note in (tmp_path / "out" / "results.md").read_text()


def test_meld_without_clips_is_text_alone(
    reproduction: Callable[..., Reproduction], tmp_path: Path
) -> None:
    write_meld(tmp_path / "meld", clips=False)
    outcomes = reproduction(meld=tmp_path / "meld").run()
    assert outcomes["meld"].note == "text alone: no clips were given"
    assert outcomes["meld/mel"].status == outcomes["meld/chroma"].status == "not run: no clips"
    metrics = outcomes["meld"].metrics
    assert metrics["by_head"]["text"]["accuracy"] == metrics["accuracy"]
    assert metrics["n"] == 21


@pytest.mark.slow
def test_meld_with_clips_has_a_row_for_each_modality_and_feature(
    reproduction: Callable[..., Reproduction], tmp_path: Path
) -> None:
    write_meld(tmp_path / "meld", clips=True)
    for split, number in (("train", 3), ("test", 4)):
        (tmp_path / "meld" / split / f"dia0_utt{number}.wav").write_bytes(b"broken" * 1_000)
    outcomes = reproduction(meld=tmp_path / "meld").run()
    for name in ("meld", "meld/mel", "meld/chroma"):
        assert outcomes[name].status == "measured"
        assert set(outcomes[name].metrics["by_head"]) == {"text", "audio"}
        n_items = {head: each["n"] for head, each in outcomes[name].metrics["by_head"].items()}
        assert n_items == {"text": 21, "audio": 20}
    # However the corpus is spelled, and wherever it was moved, they are known.
    (tmp_path / "meld").rename(tmp_path / "moved")
    known = reproduction("meld", meld=tmp_path / "out" / ".." / "moved").run()
    assert {name: known[name].metrics for name in known} == {
        name: outcomes[name].metrics for name in outcomes
    }
    # The text part is trained once for the three.
    parts = [path.name.partition("-")[0] for path in (tmp_path / "out" / "training").iterdir()]
    assert sorted(parts) == ["audio"] * 3 + ["features"] + ["fused"] * 3 + ["text"]


@pytest.mark.slow
def test_iemocap_leaves_one_session_out(
    reproduction: Callable[..., Reproduction], tmp_path: Path
) -> None:
    write_iemocap(tmp_path / "iemocap")
    given = {"iemocap": tmp_path / "iemocap"}
    outcomes = reproduction("iemocap4-excited/session", **given).run()
    outcome = outcomes["iemocap4-excited/session"]
    assert outcome.metrics["n"] == 50
    assert set(outcome.metrics["by_part"]) == {"improvised", "scripted"}
    assert outcome.metrics["by_part"]["scripted"]["n"] == 25
    assert set(outcome.metrics["by_head"]) == {"text", "audio"}
    assert outcomes["iemocap4/random"].status == "not run: not yet"
    # Table 2's counts need no training.
    rows = rows_of(tmp_path / "out", "iemocap4/random")
    counts = {row["metric"]: row["ours"] for key, row in rows.items() if key[0] == "2"}
    assert counts == dict.fromkeys(("anger", "happiness", "neutral", "sadness"), 10.0)


def test_an_unknown_experiment(reproduction: Callable[..., Reproduction]) -> None:
    with pytest.raises(ConfigError, match=r"^--only is 'tweeteval/joy'; known are tweeteval/emo"):
        reproduction("tweeteval/joy")


def test_names_of_experiments_say_what_is_run() -> None:
    experiments = {name: Experiment.of(name) for name in EXPERIMENTS}
    assert len(set(experiments.values())) == len(EXPERIMENTS)
    words = {"random": "random", "group": "session"}
    for name, experiment in experiments.items():
        assert experiment.dataset in DATASETS
        assert experiment.corpus in ("tweeteval", "meld", "iemocap")
        parts = (experiment.dataset, words.get(experiment.fold_by or ""), experiment.feature)
        assert "/".join(part for part in parts if part) == name
        config = read_training_config(Path(f"{experiment.dataset.replace('/', '-')}.toml"))
        assert config.text is not None
        assert config.text.dataset == experiment.dataset


def test_an_experiment_needs_its_corpus(reproduction: Callable[..., Reproduction]) -> None:
    with pytest.raises(ConfigError, match=r"^--only is 'meld/mel'; give its corpus with --meld$"):
        reproduction("meld/mel", tweeteval=Path())


def test_the_command(
    tmp_path: Path,
    checkpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    mm_emor: Run,
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        code, out, err = mm_emor(
            "reproduce", "--out", "out", "--text-encoder", checkpoint, *arguments
        )
        return code, err or out

    monkeypatch.chdir(tmp_path)
    write_irony(tmp_path / "tweeteval")
    corpus = ("--tweeteval", "tweeteval")
    assert run() == (
        2,
        "mm-emor: no corpus is given: name --tweeteval, --meld, --iemocap or several\n",
    )
    assert run(*corpus, "--only", "iemocap4/session") == (
        2,
        "mm-emor: --only is 'iemocap4/session'; give its corpus with --iemocap\n",
    )
    for rate in ("0", "-0.1", "nan"):
        code, message = run(*corpus, "--learning-rate", rate)
        told = f"mm-emor: --learning-rate is {float(rate):g}; it must be positive\n"
        assert (code, message) == (2, told)
    code, message = run(*corpus)
    assert (code, message.count("\n")) == (2, 1)
    assert message.startswith("mm-emor: tweeteval/emotion/mapping.txt is not readable: No such")
    code, printed = run(*corpus, "--only", "tweeteval/irony", "--learning-rate", "0.01")
    assert code == 0
    assert "tweeteval/irony: n 20, accuracy " in printed
    assert printed.endswith("results in out/results.md and out/results.parquet\n")
