"""What several commands of the model take on the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer

from model.errors import ConfigError

DataDir = Annotated[
    Path,
    typer.Option(
        help="The data set's directory, or the one that holds it.", metavar="DIR", exists=True
    ),
]


def local_path(path: Path | None) -> Path | None:
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


def parse_emotions(text: str | None) -> tuple[str, ...]:
    """Returns the emotions of a list, as `--emotions` takes it; none where it is left out.

    Raises:
        ConfigError: it names none.

    >>> parse_emotions("anger, joy,sadness"), parse_emotions(None)
    (('anger', 'joy', 'sadness'), ())
    """
    if text is None:
        return ()
    names = tuple(filter(None, (name.strip() for name in text.split(","))))
    if not names:
        raise ConfigError(f"--emotions is {text!r}; it must name emotions, as in anger,joy,sadness")
    return names
