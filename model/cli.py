"""The commands of `mm-emor` that train and evaluate; `beam_jobs.commands.cli` mounts them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from model.commands.calibrate_command import calibrate
from model.commands.export_command import export
from model.commands.import_command import import_
from model.completion import (
    complete_config,
    complete_dataset,
    complete_model,
    complete_split,
)
from model.errors import ConfigError
from model.extras import Extra, require_extra
from model.flags import DataDir, local_path, parse_emotions
from model.scoring.engine import EngineName, Precision
from model.training.fold_by import FoldBy

app = typer.Typer(add_completion=False)
app.command("import", short_help="Make a model of a fine-tuned classifier.")(import_)
app.command(short_help="Fit a model's confidences to labelled data.")(calibrate)

TextEncoderOption = Annotated[
    str | None, typer.Option(help="Checkpoint directory or hub id.", metavar="DIR|HUB-ID")
]

Corpus = Annotated[
    Path | None,
    typer.Option(help="The corpus's own directory.", metavar="DIR", exists=True, file_okay=False),
]


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
            help="Where the artifact goes.", metavar="DIR", file_okay=False, callback=local_path
        ),
    ],
    text_encoder: TextEncoderOption = None,
) -> None:
    """Train a model and write an artifact that `mm-emor score` takes."""
    require_extra(Extra.TRAIN, "mm-emor train")
    from model.training.training_config import read_training_config

    settings = read_training_config(config)
    from model.scoring.artifact import Artifact
    from model.scoring.saving import check_no_checkpoint
    from model.training.closing_lines import closing_lines
    from model.training.training_data import TrainingData
    from model.training.training_record import TrainingRecord, key_of_run

    check_no_checkpoint(out)
    data = TrainingData.load(settings, data_dir, typer.echo)
    key = key_of_run(settings, data, text_encoder)
    record = TrainingRecord.of_finished_run(out, key)
    if record:
        typer.echo(f"{out} holds the model of these settings and data: nothing is trained")
    else:
        from model.network.backend import start_keras

        start_keras()
        from model.training.train import train as train_model

        record = train_model(settings, data, text_encoder, out, log=typer.echo).record
    version = Artifact.load(out).model_version
    typer.echo("\n".join(closing_lines(record, settings, data_dir, out, version)))


@app.command(short_help="Measure a model on a data set, with intervals.")
def evaluate(
    data_dir: DataDir,
    dataset: Annotated[
        str | None,
        typer.Option(help="Name of a data set.", metavar="NAME", autocompletion=complete_dataset),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            help="Instead of --dataset: many, in one table; default is the package's.",
            metavar="NAME",
        ),
    ] = None,
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
            help="train, validation or test; test where left out, or all of a file without splits.",
            autocompletion=complete_split,
        ),
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Read a label as an emotion of the model; several times for several.",
            metavar="LABEL=EMOTION",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave out the examples of a label; several times for several.", metavar="LABEL"
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
    precision: Annotated[
        Precision | None, typer.Option(help="Of --model; as mm-emor score has it.")
    ] = None,
    emotions: Annotated[
        str | None,
        typer.Option(
            help="Choose among these alone, as anger,joy,sadness: the rows have no others.",
            metavar="LIST",
        ),
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
            callback=local_path,
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
            "--precision": precision,
            "--emotions": emotions,
            "--dataset": dataset,
            "--suite": suite,
            "--map": map_ or None,
            "--ignore": ignore or None,
        }
    )
    if predictions is not None and not predictions.exists():
        raise ConfigError(f"--predictions is {predictions}; there is no such file")
    require_extra(Extra.TRAIN, "mm-emor evaluate")
    from model.commands.evaluate_command import (
        measure_folds,
        measure_model,
        measure_on_suite,
        measure_predictions,
    )
    from model.datasets import load_dataset
    from model.datasets.label_map import LabelMap

    chosen = (engine or EngineName.AUTO, precision or Precision.AUTO)
    if dataset is None:
        measure_on_suite(suite or "default", model or "default", data_dir, *chosen, out)
        return
    label_map = LabelMap.of_flags(map_ or (), ignore or ())
    loaded = load_dataset(dataset, data_dir)
    if folds is not None:
        by = (n_folds or 5, fold_by or FoldBy.GROUP)
        details, measured = measure_folds(folds, loaded, *by, text_encoder, out)
    elif predictions is not None:
        details, measured = measure_predictions(predictions, loaded, split)
    else:
        details, measured = measure_model(
            model or "default", loaded, split, label_map, *chosen, parse_emotions(emotions)
        )
    details = {"dataset": dataset, **details}
    if out is not None:
        from model.evaluation.evaluation_files import write_evaluation

        write_evaluation(out, details, measured)
    from model.evaluation.evaluation_lines import evaluation_lines

    typer.echo("\n".join(evaluation_lines(f"{dataset}, {details['split']}", measured)))


app.command(short_help="Write a model in int8 for OpenVINO.")(export)


@app.command(short_help="Run the paper's experiments on the corpora you hold.")
def reproduce(
    out: Annotated[
        Path,
        typer.Option(
            help="Where the results go.", metavar="DIR", file_okay=False, callback=local_path
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
    of_model = ("--model", "--engine", "--precision", "--map", "--ignore", "--emotions")
    for flag, others in (
        ("--folds", ("--predictions", "--split", *of_model)),
        ("--predictions", of_model),
        (
            "--suite",
            (
                *("--dataset", "--folds", "--predictions", "--split"),
                *("--map", "--ignore", "--emotions"),
            ),
        ),
    ):
        for other in others:
            if {flag, other} <= given:
                raise ConfigError(f"{flag} and {other} exclude each other")
    if not {"--dataset", "--suite"} & given:
        raise ConfigError("there is nothing to measure on: give --dataset, or --suite default")
    for flag in ("--n-folds", "--fold-by", "--text-encoder"):
        if flag in given and "--folds" not in given:
            raise ConfigError(f"{flag} needs --folds")
    if flags["--n-folds"] is not None and flags["--n-folds"] < 2:
        raise ConfigError(f"--n-folds is {flags['--n-folds']}; at least 2 are needed")
