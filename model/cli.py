"""The commands of `mm-emor` that train and evaluate; `beam_jobs.cli` mounts them beside its own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from model.errors import ConfigError

app = typer.Typer(add_completion=False)

DataDir = Annotated[
    Path, typer.Option(help="The data set's directory, or the one that holds it.", metavar="DIR")
]


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(help="Training config, or the name of one in model/configs.")
    ],
    data_dir: DataDir,
    out: Annotated[
        Path, typer.Option(help="Where the artifact goes.", metavar="DIR", file_okay=False)
    ],
    text_encoder: Annotated[
        str | None, typer.Option(help="Checkpoint directory or hub id.", metavar="DIR|HUB-ID")
    ] = None,
) -> None:
    """Train a model and write an artifact that `mm-emor score` takes."""
    from model.training_config import read_training_config

    settings = read_training_config(config)
    from model.backend import start_keras

    start_keras()
    from model.training import train as train_model

    artifact = train_model(settings, data_dir, text_encoder, out)
    typer.echo(f"model {artifact.model_version} written to {out}")


@app.command()
def evaluate(
    dataset: Annotated[str, typer.Option(help="Name of a data set.", metavar="NAME")],
    data_dir: DataDir,
    model: Annotated[str, typer.Option(help="Model directory, or default.")] = "default",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    folds: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: train this config's audio part anew for each fold.",
            metavar="CONFIG.toml",
        ),
    ] = None,
    n_folds: Annotated[int, typer.Option(help="Folds; no speaker is in two.")] = 5,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: a file with one label index a line.", metavar="FILE"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where metrics.json goes.", metavar="DIR", file_okay=False),
    ] = None,
) -> None:
    """Measure a model on a data set: accuracy, recall, F1 and calibration, with intervals."""
    if folds and predictions:
        raise ConfigError("--folds and --predictions exclude each other")
    if n_folds < 2:
        raise ConfigError(f"--n-folds is {n_folds}; at least 2 are needed")
    from model.datasets import load_dataset

    loaded = load_dataset(dataset, data_dir)
    details: dict[str, Any] = {"dataset": dataset, "split": split}
    from model import evaluation

    if folds is not None:
        from model.training_config import read_training_config

        settings = read_training_config(folds)
        if settings.audio is None:
            raise ConfigError(f"{folds} has no [audio] table; --folds trains that part")
        metrics = evaluation.evaluate_folds(settings, loaded, n_folds, typer.echo)
        details |= {"split": f"{n_folds} folds", "folds": n_folds, "config": settings.name}
    elif predictions is not None:
        metrics = evaluation.evaluate_predictions(predictions, loaded, split)
        details |= {"predictions": predictions.name}
    else:
        loaded.split(split)
        from model.scorer import EmotionScorer

        scorer = EmotionScorer.load(model)
        metrics = evaluation.evaluate_model(scorer, loaded, split)
        details |= {"model_version": scorer.model_version}
    from model.metrics import official_score

    official = official_score(dataset, metrics)
    if out is not None:
        evaluation.write_metrics(out, details | metrics.as_dict() | {"official": official})
    typer.echo(f"{dataset}, {details['split']}: n {metrics.n}")
    for name in ("accuracy", "mean_class_recall", "macro_f1", "weighted_f1"):
        low, high = metrics.ci95[name]
        typer.echo(f"  {name:<18} {getattr(metrics, name):.4f}  [{low:.4f}, {high:.4f}]")
    if official is not None:
        typer.echo(f"  {'official':<18} {official:.4f}")
    if metrics.ece is not None:
        typer.echo(f"  {'ece':<18} {metrics.ece:.4f}")
    for name, scores in metrics.per_class.items():
        typer.echo(
            f"  {name:<18} precision {scores['precision']:.3f}  recall {scores['recall']:.3f}  "
            f"f1 {scores['f1']:.3f}  n {scores['support']}"
        )
