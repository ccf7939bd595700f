"""What the shell offers for the values of flags, once `mm-emor --install-completion` has run."""

from importlib.resources import files
from pathlib import Path

BRIGHTER_LANGUAGES = (
    "af am arq ary de en es ha hi id ig jv mr om pcm pt-br pt-mz ro ru rw so su sv sw "
    "ti tt uk vmw xh yo zh zu"
)
XED_LANGUAGES = (
    "ar bg br bs cn cs da de el en es et eu fa fi fr gl he hr hu id is it ja mk ml ms nl no pl pt "
    "ro ru sk sl sr sv th tr tw vi zh"
)
DATASET_NAMES = (
    *(f"brighter-{language}" for language in BRIGHTER_LANGUAGES.split()),
    *("emodb", "emoevent-en", "emoevent-es", "emogator"),
    *("goemotions-28", "goemotions-ekman", "iemocap4", "iemocap4-excited", "manifest"),
    "meld",
    *("tweeteval/emoji", "tweeteval/emotion", "tweeteval/hate", "tweeteval/irony"),
    *("tweeteval/offensive", "tweeteval/sentiment", "tweeteval/stance"),
    *(f"xed-{language}" for language in XED_LANGUAGES.split()),
)
"""Those of `model.datasets`, which is slow to import, too slow for a key; a test compares."""


def complete_model(incomplete: str) -> list[str]:
    """Returns `default` and the directories that hold a model and start like this.

    Where there is none, the shell completes paths itself.
    """
    folder = Path(incomplete if incomplete.endswith("/") else incomplete.rpartition("/")[0] or ".")
    prefix = "" if folder == Path() else f"{str(folder).rstrip('/')}/"
    held = sorted(path.parent.name for path in folder.glob("*/weights.safetensors"))
    return _starting(incomplete, ["default", *(f"{prefix}{name}/" for name in held)])


def complete_dataset(incomplete: str) -> list[str]:
    """Returns the names of data sets that start like this."""
    return _starting(incomplete, list(DATASET_NAMES))


def complete_config(incomplete: str) -> list[str]:
    """Returns the configs in the package and the TOML files here that start like this."""
    shipped = (each.name for each in files("model").joinpath("configs").iterdir())
    here = (path.name for path in Path().glob("*.toml"))
    return _starting(incomplete, sorted({*shipped, *here}))


def complete_split(incomplete: str) -> list[str]:
    """Returns the names of splits that start like this."""
    return _starting(incomplete, ["train", "validation", "test"])


def _starting(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
