"""Errors whose message is written for the person who can mend them."""

from schemas.dead_letters import Reason


class UserError(Exception):
    """A wrong flag, file, config or artifact: the command line prints the message and exits 2."""


class ArtifactError(UserError):
    """An artifact that is missing, damaged or made for other settings."""


class ConfigError(UserError):
    """A configuration that breaks a rule; the message names the key, the value and the rule."""


class DatasetError(UserError):
    """A data set that is missing, incomplete or not in its documented layout."""


class ItemError(Exception):
    """An item that cannot be scored; it becomes a dead letter.

    Attributes:
        reason: the dead letter's word.
        message: a sentence that names the value and the rule.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
