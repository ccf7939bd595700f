"""`mm-emor import`: a classifier that was fine-tuned elsewhere, as a model to score with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from model.extras import Extra, require_extra
from model.flags import local_path


class Preprocessing(StrEnum):
    """What `--preprocess` takes: the cleaning that a checkpoint's card asks for."""

    NONE = "none"
    TWEETEVAL = "tweeteval"


def import_(
    checkpoint: Annotated[
        str, typer.Argument(help="Checkpoint directory or hub id.", metavar="DIR|HUB-ID")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Where the model goes.", metavar="DIR", file_okay=False, callback=local_path
        ),
    ],
    label_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Call a label so, or join it to others of that name; LABEL= drops it.",
            metavar="LABEL=EMOTION",
        ),
    ] = None,
    preprocess: Annotated[
        Preprocessing,
        typer.Option(help="tweeteval: handles as @user, links as http, where its card says so."),
    ] = Preprocessing.NONE,
    max_tokens: Annotated[
        int | None,
        typer.Option(help="Read so many tokens of a text; one window of them if left out.", min=1),
    ] = None,
) -> None:
    """Make a model of a fine-tuned RoBERTa, XLM-R, BERT or DistilBERT text classifier."""
    require_extra(Extra.TRAIN, "mm-emor import")
    from model.importing.joined_labels import join_labels
    from model.label_pairs import parse_label_pairs
    from model.network.backend import start_keras
    from model.scoring.saving import check_no_checkpoint

    # What is wrong with the flags is told before anything is fetched.
    emotion_of = parse_label_pairs(label_map or (), may_drop=True)
    check_no_checkpoint(out)
    start_keras()
    from model.importing.import_checkpoint import import_checkpoint
    from model.importing.sequence_classifier import SequenceClassifier

    read = SequenceClassifier.read(checkpoint)
    artifact = import_checkpoint(
        read, out, preprocess.value, emotion_of, max_tokens, log=typer.echo
    )
    joined = join_labels(read.labels, emotion_of)
    for emotion, numbers in zip(joined.emotions, joined.labels, strict=True):
        labels = [read.labels[number] for number in numbers]
        typer.echo(emotion if labels == [emotion] else f"{emotion} = {' + '.join(labels)}")
    if joined.dropped:
        typer.echo(f"dropped: {', '.join(read.labels[number] for number in joined.dropped)}")
    typer.echo("not calibrated: mm-emor calibrate does it, with labelled items")
    typer.echo(f"model {artifact.model_version} written to {out}")
