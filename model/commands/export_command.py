"""`mm-emor export`: a model in int8 for OpenVINO, or one of an earlier version made anew."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from model.completion import complete_dataset, complete_model, complete_split
from model.errors import ConfigError
from model.extras import Extra, require_extra
from model.flags import local_path


class ExportPrecision(StrEnum):
    """What `mm-emor export` writes."""

    INT8 = "int8"
    FLOAT32 = "float32"


def export(
    model: Annotated[
        Path,
        typer.Option(
            help="Model directory; the files are added to it.",
            metavar="DIR",
            callback=local_path,
            autocompletion=complete_model,
        ),
    ],
    precision: Annotated[
        ExportPrecision,
        typer.Option(help="float32: only what a model of an earlier version lacks; needs no data."),
    ] = ExportPrecision.INT8,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Name of a labelled data set.", metavar="NAME", autocompletion=complete_dataset
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The data set's directory, or the one that holds it.", metavar="DIR", exists=True
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Its split, on which float32 and int8 are compared; validation where left out, or "
            "all of a file without splits of which training held nothing out.",
            autocompletion=complete_split,
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a data set: a file with a text on each line.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Write a model in int8, unless that costs a point of macro-F1 or 1 % of the labels."""
    if str(model) == "default":
        raise ConfigError("--model default is part of the package, and has its int8 files already")
    _check_what_is_compared(precision, dataset, data_dir, split, texts)
    from model.export.earlier_format import load_of_any_format, remove_earlier_files
    from model.scoring.conversion import convert_artifact

    if precision == ExportPrecision.FLOAT32:
        require_extra(Extra.TRAIN, "mm-emor export --precision float32")
        artifact = convert_artifact(load_of_any_format(model))
        remove_earlier_files(artifact)
    else:
        require_extra(Extra.EXPORT, "mm-emor export")
        from model.datasets import load_dataset
        from model.datasets.evaluated_rows import choose_unseen_rows
        from model.export.export import export_int8, texts_to_compare
        from model.training.training_record import TrainingRecord

        if texts is not None:
            compared, measured = texts_to_compare(texts), ""
        elif dataset is not None and data_dir is not None:
            compared = load_dataset(dataset, data_dir)
        else:
            raise ConfigError("int8 is measured on data: --dataset and --data-dir, or --texts")
        artifact = load_of_any_format(model)
        if texts is None:
            held_out = TrainingRecord.held_out_of(artifact, compared)
            compared, measured = choose_unseen_rows(compared, split, held_out)
        if not artifact.has_graphs:
            artifact = convert_artifact(artifact)
            remove_earlier_files(artifact)
        artifact, report = export_int8(artifact, compared, measured, typer.echo)
        typer.echo("\n".join(report.lines()))
    typer.echo(f"model {artifact.model_version} written to {model}")


def _check_what_is_compared(
    precision: ExportPrecision,
    dataset: str | None,
    data_dir: Path | None,
    split: str | None,
    texts: Path | None,
) -> None:
    """Raises ConfigError unless the flags of `export` go together."""
    of_dataset = {"--dataset": dataset, "--data-dir": data_dir, "--split": split}
    given = [flag for flag, value in (of_dataset | {"--texts": texts}).items() if value is not None]
    if precision == ExportPrecision.FLOAT32:
        if given:
            raise ConfigError(f"--precision float32 measures nothing, so it needs no {given[0]}")
    elif texts is not None and len(given) > 1:
        raise ConfigError(f"--texts and {given[0]} exclude each other")
