"""What `mm-emor evaluate` measures: a model, the folds of a config, or anyone's predictions."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from model.datasets import Dataset
from model.datasets.evaluated_rows import choose_rows
from model.datasets.label_map import LabelMap
from model.datasets.published_sizes import count_remarks
from model.evaluation.evaluate import Evaluation, evaluate_model, evaluate_predictions
from model.evaluation.multi_label_evaluation import (
    MultiLabelEvaluation,
    evaluate_multi_label,
    evaluate_multi_label_predictions,
)
from model.evaluation.suite import measure_suite, suite_as_dict, suite_table, suite_tests
from model.files import write_whole
from model.network.backend import start_keras
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineName, Precision, choose_engine, start_engine
from model.scoring.scorer import EmotionScorer, emotions_among
from model.training.fold_by import FoldBy
from model.training.training_config import read_training_config
from model.training.training_record import TrainingRecord

Measured = tuple[dict[str, Any], Evaluation | MultiLabelEvaluation]
"""What was measured, as it stands in `metrics.json`, and what it is worth."""


def measure_model(
    name: str,
    dataset: Dataset,
    split: str | None,
    label_map: LabelMap,
    engine: EngineName,
    precision: Precision,
    among: Sequence[str] = (),
) -> Measured:
    """Measures a model, by its name, on the rows that are asked for; see `choose_rows`.

    Where emotions to choose from are given, `among`, the rows may have no others.

    Raises:
        UserError: the artifact, the split, a label or the engine is wrong.
    """
    artifact = Artifact.load(name)
    dataset, split = choose_rows(dataset, split, TrainingRecord.held_out_of(artifact, dataset))
    _tell_counts(dataset)
    dataset.split(split)
    emotions = emotions_among(artifact.config.emotions, among)
    mapped = label_map.apply(dataset, emotions)
    for line in label_map.lines(dataset):
        typer.echo(line)
    mapped.split(split)
    choice = choose_engine(artifact, engine, precision)
    scorer = EmotionScorer(artifact, start_engine(artifact, choice), emotions)
    details: dict[str, Any] = {"split": split}
    if among:
        details["emotions"] = list(emotions)
    if mapped.is_relabelled:
        details |= {"map": label_map.emotion_of, "ignore": list(label_map.ignored)}
    details |= {"model_version": scorer.model_version, "engine": choice.as_settings()}
    evaluate = evaluate_multi_label if mapped.is_multi_label else evaluate_model
    return details, evaluate(scorer, mapped, split, typer.echo)


def measure_predictions(path: Path, dataset: Dataset, split: str | None) -> Measured:
    """Measures a file of predictions, in the order of the rows.

    Raises:
        UserError: the split or a line is wrong.
    """
    dataset, split = choose_rows(dataset, split)
    _tell_counts(dataset)
    details = {"split": split, "predictions": path.name}
    several = dataset.is_multi_label
    evaluate = evaluate_multi_label_predictions if several else evaluate_predictions
    return details, evaluate(path, dataset, split)


def measure_folds(
    config: Path,
    dataset: Dataset,
    n_folds: int,
    fold_by: FoldBy,
    text_encoder: str | None,
    out: Path | None,
) -> Measured:
    """Trains a config anew for each fold of a data set, and measures what each has not seen.

    Raises:
        UserError: the config, the checkpoint or an example is wrong, or there are too few.
    """
    _tell_counts(dataset)
    settings = read_training_config(config)
    start_keras()
    from model.training.cross_validation import cross_validate

    with tempfile.TemporaryDirectory() as temporary:
        training = out / "training" if out else Path(temporary)
        crossed = cross_validate(
            settings, dataset, n_folds, fold_by, text_encoder, training, typer.echo
        )
    details = {
        "split": f"{n_folds} folds by {fold_by}",
        "folds": n_folds,
        "fold_by": str(fold_by),
        "config": settings.name,
    }
    return details, crossed.evaluation


def measure_on_suite(
    suite: str,
    name: str,
    data_dir: Path,
    engine: EngineName,
    precision: Precision,
    out: Path | None,
) -> None:
    """Measures a model on the data sets of a suite, prints a table, and writes it to `out`.

    Raises:
        UserError: the suite, the artifact or the engine is wrong, or no data set is there.
    """
    suite_tests(suite)
    artifact = Artifact.load(name)
    choice = choose_engine(artifact, engine, precision)
    started = start_engine(artifact, choice)
    results = measure_suite(suite, data_dir, artifact, started, typer.echo)
    table = suite_table(results)
    typer.echo(f"\nmodel {artifact.model_version} on {choice}\n\n{table}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        written = {
            "suite": suite,
            "model_version": artifact.model_version,
            "engine": choice.as_settings(),
            "results": suite_as_dict(results),
        }
        write_whole(out / "suite.json", json.dumps(written, indent=2) + "\n")
        write_whole(out / "suite.md", table + "\n")


def _tell_counts(dataset: Dataset) -> None:
    for line in (*dataset.remarks, *count_remarks(dataset)):
        typer.echo(line)
