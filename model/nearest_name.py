"""What to say of a name that is not known."""

from collections.abc import Collection
from difflib import get_close_matches


def known_names(name: str, known: Collection[str], they_are: str) -> str:
    """Returns the name that was probably meant, or all that there are where none is near.

    Args:
        name: what was given.
        known: what there is.
        they_are: goes before the whole list.

    >>> known_names("epoch", ["epochs", "batch_size"], "the settings are")
    "did you mean 'epochs'?"
    >>> known_names("colour", ["epochs", "batch_size"], "the settings are")
    'the settings are epochs, batch_size'
    """
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{they_are} {', '.join(known)}"
