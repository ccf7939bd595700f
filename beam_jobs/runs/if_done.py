"""What a run does where its date is complete already."""

from enum import StrEnum


class IfDone(StrEnum):
    """What `--if-done` takes."""

    SKIP = "skip"
    REPLACE = "replace"
