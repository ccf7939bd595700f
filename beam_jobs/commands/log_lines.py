"""Logs and complaints as JSON, one object a line, for machines that collect them."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum

from model.network.backend import VERBOSE_VARIABLE

LOG_FORMAT_VARIABLE = "MM_EMOR_LOG_FORMAT"
"""Set by `--log-format`; what has no flag yet, such as a mistake in one, goes by the variable."""


class LogFormat(StrEnum):
    """How lines on stderr look."""

    TEXT = "text"
    JSON = "json"


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON: time (UTC), level, logger and message.

    Where it has them, also the exception with its traceback, and an exit code.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        time = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if hasattr(record, "exit_code"):
            fields["exit_code"] = record.exit_code
        return json.dumps(fields, default=str)


def set_up_json() -> None:
    """Sends all logs, and Python's warnings with them, to stderr as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    logging.captureWarnings(True)


def set_up_logs(log_format: LogFormat, *, verbose: bool) -> None:
    """Says what goes to stderr: all logs where asked for, else no more than the command's own."""
    if log_format is LogFormat.JSON:
        set_up_json()
    elif verbose:
        os.environ[VERBOSE_VARIABLE] = "1"
        logging.basicConfig(level=logging.INFO)
        return
    # What C++ code writes is no JSON: there, it is muted in any case.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    if verbose:
        logging.getLogger().setLevel(logging.INFO)
        return
    # Beam logs each failed attempt with its traceback; what ends the job is reported in one line.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger("beam_jobs").setLevel(logging.CRITICAL)


def is_json() -> bool:
    """Returns whether lines on stderr are JSON."""
    return os.environ.get(LOG_FORMAT_VARIABLE) == LogFormat.JSON


def complain(message: str, exit_code: int, cause: Exception | None = None) -> int:
    """Writes why the command ends to stderr, one line in the chosen format; returns the code.

    As text, a traceback stands before it, in lines of its own.

    Args:
        message: why.
        exit_code: of the command.
        cause: what to show the traceback of.
    """
    exc_info = (type(cause), cause, cause.__traceback__) if cause else None
    record = logging.LogRecord("mm-emor", logging.ERROR, "", 0, message, None, exc_info)
    record.exit_code = exit_code
    _say(record)
    return exit_code


def print_note(note: str) -> None:
    """Writes a note for the operator to stderr, one line in the chosen format."""
    _say(logging.LogRecord("mm-emor", logging.WARNING, "", 0, note, None, None))


def _say(record: logging.LogRecord) -> None:
    record.msg = str(record.msg).replace("\n", " ")
    text = f"mm-emor: {record.msg}"
    if is_json():
        text = JsonFormatter().format(record)
    elif record.exc_info:
        text = f"{logging.Formatter().formatException(record.exc_info)}\n{text}"
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what the command says
