"""What a command needs beyond the base install, and the line that says how to get it."""

from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec

from model.errors import UserError


class Extra(StrEnum):
    """A part of mm-emor that is installed only where it is wanted; names as in setup.py."""

    TRAIN = "train"
    EXPORT = "export"
    GPU = "gpu"
    GCP = "gcp"


_TRAIN_MODULES = ("keras", "librosa", "matplotlib", "pandas", "sklearn", "transformers")
MODULES = {
    # TensorFlow is not among those of training: KERAS_BACKEND may name another backend.
    Extra.TRAIN: _TRAIN_MODULES,
    Extra.EXPORT: (*_TRAIN_MODULES, "nncf"),
    Extra.GPU: ("keras", "tensorflow"),
    Extra.GCP: ("google.cloud.dataflow", "google.cloud.storage"),
}
"""What is imported of an extra's packages."""
TARGETS = {
    Extra.TRAIN: "install-train",
    Extra.EXPORT: "install-train",  # an export needs all that training does
    Extra.GPU: "install-gpu",
    Extra.GCP: "install-gcp",
}
"""The make target that installs an extra's pinned packages."""


class MissingExtraError(UserError):
    """Packages are needed that the base install does not bring."""


def require_extra(extra: Extra, needed_by: str, modules: Iterable[str] | None = None) -> None:
    """Checks that what an extra brings is installed; nothing of it is imported.

    Args:
        extra: the extra.
        needed_by: the command or flag that needs it; the message starts with it.
        modules: what is needed of the extra; all of its `MODULES` where None.

    Raises:
        MissingExtraError: a module is not there.
    """
    missing = [name for name in modules or MODULES[extra] if not is_installed(name)]
    if missing:
        raise MissingExtraError(
            f"{needed_by} needs packages that are not installed ({', '.join(missing)}): run `make "
            f"{TARGETS[extra]}` where mm-emor was cloned, or install mm-emor[{extra}]"
        )


def is_installed(module: str) -> bool:
    """Says whether a module can be found; at most the packages that it lies in are imported.

    >>> is_installed("json.decoder"), is_installed("json.nothing"), is_installed("nothing.at.all")
    (True, False, False)
    """
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would lie in
        return False
