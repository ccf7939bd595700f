"""The commands of `mm-emor` that train and evaluate; `beam_jobs.commands.cli` mounts them."""

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from model.completion import (
    complete_config,
    complete_dataset,
    complete_model,
    complete_split,
)
from model.errors import ConfigError
from model.extras import Extra, require_extra
from model.scoring.engine import EngineName
from model.training.fold_by import FoldBy

if TYPE_CHECKING:
    from model.evaluation.metrics import Metrics

app = typer.Typer(add_completion=False)

DataDir = Annotated[
    Path,
    typer.Option(
        help="The data set's directory, or the one that holds it.", metavar="DIR", exists=True
    ),
]

TextEncoderOption = Annotated[
    str | None, typer.Option(help="Checkpoint directory or hub id.", metavar="DIR|HUB-ID")
]

Corpus = Annotated[
    Path | None,
    typer.Option(help="The corpus's own directory.", metavar="DIR", exists=True, file_okay=False),
]


def _local_path(path: Path | None) -> Path | None:
    """Refuses what cannot become a directory here, before hours of training and not after.

    That is a URI, of which `Path` would make one, `gs:/bucket`; a path below a file; too long a
    name; and a place that may not be written to.
    """
    if path is None:
        return None
    if path.parts and path.parts[0].endswith(":"):
        raise ConfigError(f"{path.parts[0]}// is no place for this; it must be on this machine")
    try:
        whole = path.absolute()
        there = next(each for each in (whole, *whole.parents) if each.exists())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written to: {error.strerror}") from error
    if not there.is_dir():
        raise ConfigError(f"{path} cannot be written to: {there} is a file")
    if not os.access(there, os.W_OK):
        raise ConfigError(f"{path} cannot be written to: no permission in {there}")
    return path


class ExportFormat(StrEnum):
    """What `mm-emor export` writes."""

    ONNX_INT8 = "onnx-int8"


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Argument(
            help="Training config, or the name of one in model/configs.",
            autocompletion=complete_config,
        ),
    ],
    data_dir: DataDir,
    out: Annotated[
        Path,
        typer.Option(
            help="Where the artifact goes.", metavar="DIR", file_okay=False, callback=_local_path
        ),
    ],
    text_encoder: TextEncoderOption = None,
) -> None:
    """Train a model and write an artifact that `mm-emor score` takes."""
    require_extra(Extra.TRAIN, "mm-emor train")
    from model.training.training_config import read_training_config

    settings = read_training_config(config)
    from model.network.backend import start_keras

    start_keras()
    from model.training.train import train as train_model
    from model.training.training_data import TrainingData

    data = TrainingData.load(settings, data_dir, typer.echo)
    trained = train_model(settings, data, text_encoder, out, log=typer.echo)
    for modality, folder in trained.parts.items():
        typer.echo(f"{modality}: curves and TensorBoard logs in {folder}")
    typer.echo(f"model {trained.artifact.model_version} written to {out}")


@app.command(short_help="Measure a model on a data set, with intervals.")
def evaluate(
    dataset: Annotated[
        str,
        typer.Option(help="Name of a data set.", metavar="NAME", autocompletion=complete_dataset),
    ],
    data_dir: DataDir,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model directory or gs:// prefix; default for the one in the package.",
            autocompletion=complete_model,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, validation or test; test where left out.", autocompletion=complete_split
        ),
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: train this config anew for each fold.",
            metavar="CONFIG.toml",
            autocompletion=complete_config,
        ),
    ] = None,
    n_folds: Annotated[int | None, typer.Option(help="Number of folds; 5 where left out.")] = None,
    fold_by: Annotated[
        FoldBy | None,
        typer.Option(help="group: no speaker or session is in two folds; or random."),
    ] = None,
    text_encoder: TextEncoderOption = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="What to run --model on; as mm-emor score has it.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: a file with one label index a line.", metavar="FILE"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where metrics.json, tables and figures go.",
            metavar="DIR",
            file_okay=False,
            callback=_local_path,
        ),
    ] = None,
) -> None:
    """Measure a model on a data set: accuracy, recall, F1 and calibration, with intervals."""
    _check_flags(
        {
            "--model": model,
            "--split": split,
            "--folds": folds,
            "--predictions": predictions,
            "--n-folds": n_folds,
            "--fold-by": fold_by,
            "--text-encoder": text_encoder,
            "--engine": engine,
        }
    )
    if predictions is not None and not predictions.exists():
        raise ConfigError(f"--predictions is {predictions}; there is no such file")
    split, n_folds, fold_by = split or "test", n_folds or 5, fold_by or FoldBy.GROUP
    require_extra(Extra.TRAIN, "mm-emor evaluate")
    from model.datasets import load_dataset
    from model.datasets.published_sizes import count_remarks

    loaded = load_dataset(dataset, data_dir)
    for line in (*loaded.remarks, *count_remarks(loaded)):
        typer.echo(line)
    details: dict[str, Any] = {"dataset": dataset, "split": split}
    from model.evaluation import evaluate as evaluation

    if folds is not None:
        from model.training.training_config import read_training_config

        settings = read_training_config(folds)
        from model.network.backend import start_keras

        start_keras()
        from model.training.cross_validation import cross_validate

        with tempfile.TemporaryDirectory() as temporary:
            training = out / "training" if out else Path(temporary)
            measured = cross_validate(
                settings, loaded, n_folds, fold_by, text_encoder, training, typer.echo
            ).evaluation
        details |= {
            "split": f"{n_folds} folds by {fold_by}",
            "folds": n_folds,
            "fold_by": str(fold_by),
            "config": settings.name,
        }
    elif predictions is not None:
        measured = evaluation.evaluate_predictions(predictions, loaded, split)
        details |= {"predictions": predictions.name}
    else:
        loaded.split(split)
        from model.scoring.artifact import Artifact
        from model.scoring.engine import choose_engine, start_engine
        from model.scoring.scorer import EmotionScorer

        artifact = Artifact.load(model or "default")
        choice = choose_engine(artifact, engine or EngineName.AUTO)
        scorer = EmotionScorer(artifact, start_engine(artifact, choice))
        measured = evaluation.evaluate_model(scorer, loaded, split, typer.echo)
        details |= {"model_version": scorer.model_version, "engine": choice.as_settings()}
    if out is not None:
        from model.evaluation.evaluation_files import write_evaluation

        write_evaluation(out, details, measured)
    _tell_metrics(f"{dataset}, {details['split']}", measured.metrics)
    for name, metrics in (measured.by_head | measured.by_part).items():
        low, high = metrics.ci95["accuracy"]
        typer.echo(
            f"  {name:<18} n {metrics.n}, accuracy {metrics.accuracy:.4f} [{low:.4f}, {high:.4f}], "
            f"macro_f1 {metrics.macro_f1:.4f}"
        )
    for entry in (measured.metrics.coverage or [])[4:9:2]:
        typer.echo(
            f"  {'--min-confidence':<18} {entry['min_confidence']:.4f} keeps "
            f"{entry['coverage']:.0%}, accuracy {entry['accuracy']:.4f}"
        )
    if measured.latency_ms is not None:
        batched = measured.batched_latency_ms
        in_batches = f", {batched:.1f} ms in batches" if batched is not None else ""
        typer.echo(f"  {'latency':<18} {measured.latency_ms:.1f} ms one alone{in_batches}")


@app.command(short_help="Write a model in int8 for ONNX Runtime.")
def export(
    model: Annotated[
        Path,
        typer.Option(
            help="Model directory; the files are added to it.",
            metavar="DIR",
            callback=_local_path,
            autocompletion=complete_model,
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="Name of a labelled data set.", metavar="NAME", autocompletion=complete_dataset
        ),
    ],
    data_dir: DataDir,
    split: Annotated[
        str,
        typer.Option(
            help="Its split, on which float32 and int8 are compared.", autocompletion=complete_split
        ),
    ] = "validation",
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="What to write.")
    ] = ExportFormat.ONNX_INT8,
) -> None:
    """Write a model in int8 for ONNX Runtime, unless that costs more than a point of macro-F1."""
    del format_
    require_extra(Extra.EXPORT, "mm-emor export")
    from model.datasets import load_dataset
    from model.scoring.artifact import Artifact

    if str(model) == "default":
        raise ConfigError("--model default is part of the package, and has its int8 files already")
    artifact = Artifact.load(model)
    loaded = load_dataset(dataset, data_dir)
    loaded.split(split)
    from model.network.backend import start_keras

    start_keras()
    from model.export.export import export_onnx

    exported, report = export_onnx(artifact, loaded, split, typer.echo)
    typer.echo("\n".join(report.lines()))
    typer.echo(f"model {exported.model_version} written to {model}")


@app.command(short_help="Run the paper's experiments on the corpora you hold.")
def reproduce(
    out: Annotated[
        Path,
        typer.Option(
            help="Where the results go.", metavar="DIR", file_okay=False, callback=_local_path
        ),
    ],
    tweeteval: Corpus = None,
    meld: Corpus = None,
    iemocap: Corpus = None,
    text_encoder: Annotated[
        str, typer.Option(help="Checkpoint directory or hub id.", metavar="DIR|HUB-ID")
    ] = "roberta-base",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Of the text encoder, in place of the configs'; roberta-base wants 2e-5."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="An experiment, such as tweeteval/irony; several times for several."),
    ] = None,
) -> None:
    """Run the paper's experiments on the corpora you hold; write its tables, ours beside it.

    What an earlier run with the same settings has done is not done again.
    """
    corpora = {
        name: path
        for name, path in (("tweeteval", tweeteval), ("meld", meld), ("iemocap", iemocap))
        if path is not None
    }
    if not corpora:
        raise ConfigError("no corpus is given: name --tweeteval, --meld, --iemocap or several")
    require_extra(Extra.TRAIN, "mm-emor reproduce")
    from model.network.backend import start_keras

    start_keras()
    from model.paper.reproduction import Reproduction

    reproduction = Reproduction(
        corpora, text_encoder, out, only or (), learning_rate, log=typer.echo
    )
    reproduction.run()
    typer.echo(f"results in {out / 'results.md'} and {out / 'results.parquet'}")


def _check_flags(flags: dict[str, Any]) -> None:
    """Raises ConfigError for flags of `evaluate` that mean nothing beside one another."""
    given = {flag for flag, value in flags.items() if value is not None}
    for flag, others in (
        ("--folds", ("--predictions", "--model", "--split", "--engine")),
        ("--predictions", ("--model", "--engine")),
    ):
        for other in others:
            if {flag, other} <= given:
                raise ConfigError(f"{flag} and {other} exclude each other")
    for flag in ("--n-folds", "--fold-by", "--text-encoder"):
        if flag in given and "--folds" not in given:
            raise ConfigError(f"{flag} needs --folds")
    if flags["--n-folds"] is not None and flags["--n-folds"] < 2:
        raise ConfigError(f"--n-folds is {flags['--n-folds']}; at least 2 are needed")


SCORE_NOTES = {
    "accuracy": "the field's WA, the paper's UA",
    "mean_class_recall": "the field's UA, the paper's WA",
    "official": "TweetEval's own score",
}


def _tell_metrics(title: str, metrics: "Metrics") -> None:
    typer.echo(f"{title}: n {metrics.n}")
    for name in ("accuracy", "mean_class_recall", "macro_f1", "weighted_f1", "official"):
        value = getattr(metrics, name)
        if value is not None:
            low, high = metrics.ci95[name]
            note = f"  ({SCORE_NOTES[name]})" if name in SCORE_NOTES else ""
            typer.echo(f"  {name:<18} {value:.4f}  [{low:.4f}, {high:.4f}]{note}")
    if metrics.ece is not None:
        typer.echo(f"  {'ece':<18} {metrics.ece:.4f}")
    for name, scores in metrics.per_class.items():
        typer.echo(
            f"  {name:<18} precision {scores['precision']:.3f}  recall {scores['recall']:.3f}  "
            f"f1 {scores['f1']:.3f}  n {scores['support']}"
        )
