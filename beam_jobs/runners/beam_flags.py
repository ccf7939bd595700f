"""Beam's own flags: which it knows, and whether they name this machine."""

import argparse
import logging
from collections.abc import Sequence
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

from model.errors import UserError

LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")


def parse_beam_flags(flags: Sequence[str]) -> PipelineOptions:
    """Returns Beam's options.

    Raises:
        UserError: Beam has no such flag, or cannot read its value.
    """
    known = _BeamFlagParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(known)
    _, unknown = known.parse_known_args(list(flags))
    if unknown:
        if not unknown[0].startswith("-"):
            raise UserError(
                f"{unknown[0]} stands alone: quote a pattern, and name several files with --items "
                "or --clips each"
            )
        raise UserError(f"{unknown[0]} is not a flag of this command, nor of Beam's after --")
    logging.getLogger("apache_beam.options.pipeline_options").setLevel(logging.ERROR)
    options = PipelineOptions(list(flags))
    runner = options.view_as(StandardOptions).runner
    if runner:
        try:
            create_runner(runner)
        except (ValueError, ImportError, AttributeError) as error:
            raise UserError(f"--runner is {runner!r}, which Beam does not have") from error
    return options


class _BeamFlagParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"Beam's flags: {message}")

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        # Which flags a runner requires is for Beam to say; and two of its classes share a few.
        kwargs.pop("required", None)
        try:
            return super().add_argument(*args, **kwargs)
        except argparse.ArgumentError:
            return argparse.Action([], "")


def runs_here(options: PipelineOptions) -> bool:
    """Says whether the job runs on this machine, which it does if no other runner is named."""
    runner = options.view_as(StandardOptions).runner or LOCAL_RUNNERS[0]
    return runner.rpartition(".")[2] in LOCAL_RUNNERS
