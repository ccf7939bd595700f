"""MM-EMOR from Python: emotions of texts and clips, whole corpora, reports, and a Beam step.

    >>> import mm_emor
    >>> mm_emor.load().score(["so happy today"])["emotion"].to_pylist()
    ['joy']

Everything public stands here, and is imported when it is first used: `import mm_emor` itself takes
milliseconds. Nothing is computed here; each name's own docstring says where its work is done.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beam_jobs.items.elements import Item
    from beam_jobs.scoring.score_items import ScoreItems
    from mm_emor.jobs import report, score_corpus
    from mm_emor.scorer import Scorer, load
    from model.errors import UserError

    __version__: str

__all__ = [
    "Item",
    "ScoreItems",
    "Scorer",
    "UserError",
    "__version__",
    "load",
    "report",
    "score_corpus",
]

_MODULES = {
    "Item": "beam_jobs.items.elements",
    "ScoreItems": "beam_jobs.scoring.score_items",
    "Scorer": "mm_emor.scorer",
    "UserError": "model.errors",
    "load": "mm_emor.scorer",
    "report": "mm_emor.jobs",
    "score_corpus": "mm_emor.jobs",
}
"""Where each name is defined."""


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use (PEP 562)."""
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("mm-emor")
    elif name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module 'mm_emor' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
