"""The features of the texts that were scored last: retweets are encoded once."""

import hashlib
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Windows = tuple[tuple[int, ...], ...]


class TextCache:
    """Keeps the features of the texts that were asked for last; threads may share it.

    A text is known by a hash of its tokens, so that a long one takes no more memory than another.

    Args:
        max_texts: how many; some 3 kB each at RoBERTa-base's width.

    >>> cache = TextCache(max_texts=1)
    >>> cache.remember({((1, 2),): np.zeros(3), ((4,),): np.ones(3)})
    >>> list(cache.known([((1, 2),), ((4,),)]))
    [((4,),)]
    """

    def __init__(self, max_texts: int) -> None:
        self._max_texts = max_texts
        self._features: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, texts: Iterable[Windows]) -> dict[Windows, FloatArray]:
        """Returns the features of those texts that are kept."""
        found = {}
        with self._lock:
            for text in texts:
                key = _digest(text)
                features = self._features.get(key)
                if features is not None:
                    self._features.move_to_end(key)
                    found[text] = features
        return found

    def remember(self, features: Mapping[Windows, FloatArray]) -> None:
        """Keeps features, and drops what was asked for longest ago."""
        with self._lock:
            self._features.update({_digest(text): each for text, each in features.items()})
            while len(self._features) > self._max_texts:
                self._features.popitem(last=False)

    def clear(self) -> None:
        """Forgets all texts."""
        with self._lock:
            self._features.clear()


def _digest(text: Windows) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for window in text:
        digest.update(array("q", (len(window), *window)).tobytes())
    return digest.digest()
