"""`mm-emor calibrate`: makes a finished model's confidences fit labelled data."""

from pathlib import Path
from typing import Annotated

import typer

from model.completion import complete_dataset, complete_model, complete_split
from model.errors import ConfigError
from model.extras import Extra, require_extra
from model.flags import DataDir, local_path


def calibrate(
    model: Annotated[
        Path,
        typer.Option(
            help="Model directory; its settings are written anew.",
            metavar="DIR",
            callback=local_path,
            autocompletion=complete_model,
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="Name of a labelled data set that the model was not trained on.",
            metavar="NAME",
            autocompletion=complete_dataset,
        ),
    ],
    data_dir: DataDir,
    split: Annotated[
        str | None,
        typer.Option(
            help="Its split; validation where left out, or all of a file without splits of which "
            "training held nothing out.",
            autocompletion=complete_split,
        ),
    ] = None,
) -> None:
    """Fit a model's confidences to labelled data; which emotion is the highest stays."""
    require_extra(Extra.TRAIN, "mm-emor calibrate")
    from model.datasets import load_dataset
    from model.datasets.evaluated_rows import choose_unseen_rows
    from model.scoring.artifact import Artifact
    from model.training.training_record import TrainingRecord

    if str(model) == "default":
        raise ConfigError("--model default is part of the package, and calibrated already")
    artifact = Artifact.load(model)
    loaded = load_dataset(dataset, data_dir)
    held_out = TrainingRecord.held_out_of(artifact, loaded)
    loaded, chosen = choose_unseen_rows(loaded, split, held_out)
    from model.evaluation.calibrate import FEW
    from model.evaluation.calibrate import calibrate as calibrate_model

    written, heads = calibrate_model(artifact, loaded, chosen, typer.echo)
    typer.echo(f"{dataset}, {chosen}")
    for head in heads:
        typer.echo(f"  {head}")
        if head.n < FEW:
            typer.echo(f"    a temperature of fewer than {FEW} items is rough")
    typer.echo(f"model {written.model_version} written to {model}")
