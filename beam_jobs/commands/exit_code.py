"""How a command ends: its exit code, and one line for what went wrong."""

import logging
import os
from collections.abc import Callable

import typer

from beam_jobs.commands.log_lines import complain
from model.errors import UserError
from model.network.backend import VERBOSE_VARIABLE

EXIT_JOB_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def run_command(command: Callable[[], object]) -> int:
    """Runs a command and returns its exit code: 0 done, 1 the job failed, 2 a user's mistake."""
    try:
        outcome = command()
        if outcome == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        return outcome if isinstance(outcome, int) else 0
    except typer.exceptions.TyperException as error:
        message = error.format_message().replace("Value error, ", "")  # pydantic's, within Typer
        context = getattr(error, "ctx", None)  # a usage error's
        # Whatever the program was started as.
        _, *subcommand = context.command_path.split() if context else [""]
        return complain(f"{message} (see {' '.join(['mm-emor', *subcommand])} --help)", EXIT_USAGE)
    except UserError as error:
        return complain(str(error), EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        return complain("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        try:
            explained = explain(error)
        except KeyboardInterrupt:
            return complain("interrupted", EXIT_INTERRUPTED)
        return complain(explained, EXIT_JOB_FAILED, cause=cause_to_show(error))


def cause_to_show(error: Exception) -> Exception | None:
    """Returns an error whose traceback was asked for, by variable or flag."""
    is_verbose = os.environ.get(VERBOSE_VARIABLE) or logging.getLogger().isEnabledFor(logging.INFO)
    return error if is_verbose and not isinstance(error, UserError) else None


def explain(error: Exception) -> str:
    """Returns what to say of an error, in one line.

    Raises:
        KeyboardInterrupt: that is what it was, as Beam hands it on.
    """
    if isinstance(error, UserError):
        return str(error)
    lines = str(error).strip().splitlines() or [""]
    message = f"{type(error).__name__}: {lines[0]}"
    if lines[0].startswith("Traceback "):
        # A worker's: its error stands after the frames, which are indented, of the last one.
        last = max(n for n, line in enumerate(lines) if line.startswith("Traceback "))
        message = next((line for line in lines[last + 1 :] if line[:1].strip()), lines[-1])
    if message.removeprefix("RuntimeError: ").startswith("KeyboardInterrupt"):
        raise KeyboardInterrupt from error
    return f"the job failed: {message} ({VERBOSE_VARIABLE}=1 shows where)"
