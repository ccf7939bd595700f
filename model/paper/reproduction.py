"""Runs the paper's experiments on the corpora that a user holds, one after another."""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
from pydantic import TypeAdapter

from model.datasets import DATASETS, Dataset, load_dataset
from model.errors import ConfigError, DatasetError
from model.evaluation.evaluate import Evaluation, evaluate_model
from model.evaluation.evaluation_files import write_evaluation
from model.network.hugging_face import load_encoder_config, locate_checkpoint
from model.paper.comparison import MEASURED, NO_CORPUS, NOT_RUN, Outcome
from model.paper.published import EXPERIMENTS, FEATURES, Feature
from model.paper.results import write_results
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from model.training.cross_validation import cross_validate
from model.training.fitting import CURVES_FILE
from model.training.fold_by import FoldBy
from model.training.train import TrainedModel, train
from model.training.training_config import TrainingConfig, read_training_config
from model.training.training_data import TrainingData
from schemas.emotions import Modality

N_FOLDS = 5
"""Of IEMOCAP: as many as the paper's, and as there are sessions."""
FIGURES = ("confusion", "reliability", "coverage", "curves")
FOLD_BY = {"random": FoldBy.RANDOM, "session": FoldBy.GROUP}
BASE_HIDDEN_SIZE = 768
BASE_LEARNING_RATE = 2e-5
"""Of encoders as wide as roberta-base; the configs' own is that of smaller ones."""


@dataclass(frozen=True)
class Experiment:
    """What is trained and tested, as an experiment's name says it.

    Attributes:
        dataset: name of the data set, and with `-` for `/` of the config in `model/configs/`.
        feature: the only feature of the audio images; all of the config's where None.
        fold_by: how folds are made; None for the published test split.
    """

    dataset: str
    feature: Feature | None = None
    fold_by: FoldBy | None = None

    @classmethod
    def of(cls, name: str) -> "Experiment":
        """Returns the experiment of a name.

        >>> Experiment.of("iemocap4/session")
        Experiment(dataset='iemocap4', feature=None, fold_by=<FoldBy.GROUP: 'group'>)
        """
        dataset, *rest = [name] if name in DATASETS else name.split("/")
        feature = next((feature for feature in FEATURES if feature in rest), None)
        return cls(
            dataset, feature, next((FOLD_BY[part] for part in rest if part in FOLD_BY), None)
        )

    @property
    def corpus(self) -> str:
        """The corpus that a user must hold: `tweeteval`, `meld` or `iemocap`."""
        return DATASETS[self.dataset][0]


@dataclass(frozen=True)
class Reproduction:
    """What to run, and with what.

    Attributes:
        corpora: directory of each corpus that the user holds, by `Experiment.corpus`.
        text_encoder: checkpoint directory or hub id that the text encoders start from.
        out: where results go, and everything that is needed to go on later.
        only: names of the experiments to run; all where empty.
        learning_rate: of the text encoders; where left out the configs', or BASE_LEARNING_RATE.
        log: called with a line of text now and then.

    Raises:
        ConfigError: an experiment is unknown, its corpus is not given, or the rate is not positive.
    """

    corpora: Mapping[str, Path]
    text_encoder: str
    out: Path
    only: Collection[str] = ()
    learning_rate: float | None = None
    log: Callable[[str], Any] = print

    def __post_init__(self) -> None:
        for name in self.only:
            if name not in EXPERIMENTS:
                raise ConfigError(f"--only is {name!r}; known are {', '.join(EXPERIMENTS)}")
            corpus = Experiment.of(name).corpus
            if corpus not in self.corpora:
                raise ConfigError(f"--only is {name!r}; give its corpus with --{corpus}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ConfigError(f"--learning-rate is {self.learning_rate:g}; it must be positive")

    def run(self) -> dict[str, Outcome]:
        """Runs what has not been run yet; writes the results after each experiment.

        Raises:
            UserError: a corpus or the checkpoint cannot be used; what is done is kept.
        """
        checkpoint = _Checkpoint.of(self.text_encoder)
        runs = {name: self._prepare(name, checkpoint) for name in EXPERIMENTS}
        outcomes = {
            name: run if isinstance(run, Outcome) else run.known() for name, run in runs.items()
        }
        for name, run in runs.items():
            if isinstance(run, Outcome):
                continue
            if outcomes[name].status != MEASURED and self._wants(name):
                self.log(f"── {name}: {EXPERIMENTS[name]}")
                run.measure(self.text_encoder, self.out / "training", self.log)
                keras.backend.clear_session()
                outcomes[name] = run.known()
                self._write(outcomes)
            if outcomes[name].status == MEASURED:
                metrics = outcomes[name].metrics
                self.log(f"{name}: n {metrics['n']}, accuracy {metrics['accuracy']:.4f}")
        self._write(outcomes)
        return outcomes

    def _wants(self, name: str) -> bool:
        return not self.only or name in self.only

    def _prepare(self, name: str, checkpoint: "_Checkpoint") -> "Outcome | _Run":
        """Returns a run that can be done, or the outcome of one that cannot."""
        experiment = Experiment.of(name)
        if experiment.corpus not in self.corpora:
            return NO_CORPUS
        corpus = self.corpora[experiment.corpus]
        try:
            dataset = load_dataset(experiment.dataset, corpus)
        except DatasetError:
            if self._wants(name):
                raise
            return Outcome(f"{NOT_RUN}not yet")
        has_clips = any(example.clip for example in dataset.examples())
        if experiment.feature and not has_clips:
            return Outcome(f"{NOT_RUN}no clips", counts=_counts(dataset))
        config = read_training_config(Path(f"{experiment.dataset.replace('/', '-')}.toml"))
        notes = []
        if experiment.feature and config.audio:
            features = replace(config.audio.features, features=experiment.feature)
            config = replace(config, audio=replace(config.audio, features=features))
        rate = self.learning_rate or checkpoint.learning_rate
        if rate is not None and config.text:
            fit = replace(config.text.fit, learning_rate=rate)
            config = replace(config, text=replace(config.text, fit=fit))
            notes.append(f"text encoder's learning rate {rate:g}")
        if not dataset.splits.get("train"):
            config = replace(config, train_split="validation")
            notes.append(
                f"trained on {1 - config.validation_share:.0%} of the validation split, and "
                "validated on the rest, as the training texts are missing"
            )
        if config.audio and not has_clips:
            notes.append("text alone: no clips were given")
        folder = self.out / "experiments" / name.replace("/", "-")
        return _Run(
            experiment, corpus, dataset, config, checkpoint.digest, folder, "; ".join(notes)
        )

    def _write(self, outcomes: Mapping[str, Outcome]) -> None:
        made_with: dict[str, list[str]] = {"text encoder": [Path(self.text_encoder).name]}
        for outcome in outcomes.values():
            for name, value in outcome.metrics.get("made_with", {}).items():
                made_with.setdefault(name, []).append(value)
        provenance = {name: "; ".join(dict.fromkeys(each)) for name, each in made_with.items()}
        write_results(self.out, outcomes, provenance)


@dataclass(frozen=True)
class _Checkpoint:
    """What an experiment's outcome owes to the text encoder that it starts from."""

    digest: str
    learning_rate: float | None

    @classmethod
    def of(cls, name: str) -> "_Checkpoint":
        path = locate_checkpoint(name)
        digest = hashlib.sha256()
        for file in sorted((*path.glob("*.json"), *path.glob("*.safetensors"))):
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        is_wide = load_encoder_config(path).hidden_size >= BASE_HIDDEN_SIZE
        return cls(digest.hexdigest(), BASE_LEARNING_RATE if is_wide else None)


@dataclass(frozen=True)
class _Run:
    """An experiment that can be run, and the folder of what comes of it."""

    experiment: Experiment
    corpus: Path
    dataset: Dataset
    config: TrainingConfig
    checkpoint_digest: str
    folder: Path
    note: str

    def known(self) -> Outcome:
        """Returns the outcome as an earlier run with the same settings and data left it."""
        path = self.folder / "metrics.json"
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if metrics.get("key") != self._key():
            return Outcome(f"{NOT_RUN}not yet", note=self.note, counts=_counts(self.dataset))
        figures = {
            kind: f"experiments/{self.folder.name}/{kind}.png"
            for kind in FIGURES
            if (self.folder / f"{kind}.png").is_file()
        }
        by_head = metrics["by_head"] or {"text": metrics}
        return Outcome(
            MEASURED, {**metrics, "by_head": by_head}, self.note, figures, _counts(self.dataset)
        )

    def measure(self, text_encoder: str, training: Path, log: Callable[[str], Any]) -> None:
        """Trains and tests; writes the folder's files."""
        evaluation, models = self._evaluate(text_encoder, training, log)
        parts = models[0].parts
        main = parts.get(str(Modality.TEXT_AUDIO)) or parts.get("text") or parts["audio"]
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(main / CURVES_FILE, self.folder / CURVES_FILE)
        gpus = keras.distribution.list_devices("gpu")
        libraries = ("mm-emor", "tensorflow", "keras", "librosa", "scikit-learn")
        details = {
            "dataset": self.experiment.dataset,
            "split": f"{N_FOLDS} folds" if self.experiment.fold_by else "test",
            "key": self._key(),
            "train_seconds": round(sum(model.seconds for model in models), 1),
            "made_with": {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, {len(gpus)} GPUs",
                "versions": ", ".join(f"{name} {version(name)}" for name in libraries),
            },
        }
        write_evaluation(self.folder, details, evaluation)

    def _evaluate(
        self, text_encoder: str, training: Path, log: Callable[[str], Any]
    ) -> tuple[Evaluation, list[TrainedModel]]:
        fold_by, config, dataset = self.experiment.fold_by, self.config, self.dataset
        if fold_by:
            crossed = cross_validate(config, dataset, N_FOLDS, fold_by, text_encoder, training, log)
            return crossed.evaluation, crossed.folds
        data = TrainingData.load(config, self.corpus, log)
        model = train(config, data, text_encoder, self.folder / "model", training, log)
        scorer = EmotionScorer.load(model.artifact.path, FLOAT32)
        return evaluate_model(scorer, dataset, "test", log), [model]

    def _key(self) -> str:
        """Returns a hash of what decides the outcome; of clips, their names and sizes."""
        examples = [
            [split, each.emotion, each.text, _name_and_size(each.clip), each.group, each.part]
            for split, split_examples in self.dataset.splits.items()
            for each in split_examples
        ]
        settings = TypeAdapter(TrainingConfig).dump_python(self.config, mode="json")
        decisive = [settings, self.experiment.fold_by, examples, self.checkpoint_digest]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def _name_and_size(clip: Path | None) -> tuple[str, int] | None:
    return (clip.name, clip.stat().st_size) if clip else None


def _counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    return {split: dataset.counts(split) for split, each in dataset.splits.items() if each}
