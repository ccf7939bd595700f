"""The last texts are remembered."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.scoring.text_cache import TextCache


@given(st.integers(0, 4), st.lists(st.lists(st.integers(0, 8), max_size=6), max_size=12))
def test_no_more_texts_are_kept_than_asked_for(max_texts: int, asked: list[list[int]]) -> None:
    cache, recent = TextCache(max_texts), dict.fromkeys(())
    for tokens in asked:
        texts = [((token,),) for token in dict.fromkeys(tokens)]
        known = cache.known(texts)
        new = [each for each in texts if each not in known]
        cache.remember({each: np.full(2, each[0][0], np.float32) for each in new})
        for each in [*known, *new]:
            recent.pop(each, None)
            recent[each] = None
        kept = list(recent)[-max_texts:] if max_texts else []
        recent = dict.fromkeys(kept)
        assert len(cache._features) == len(kept)
        for each, features in zip(kept, cache._features.values(), strict=True):
            np.testing.assert_array_equal(features, each[0][0])


def test_windows_that_are_cut_elsewhere_are_another_text() -> None:
    cache = TextCache(9)
    texts = [((1, 2), (3,)), ((1,), (2, 3)), ((1, 2, 3),), ((1, 2), (3, 3)), ((1, 2),)]
    for number, each in enumerate(texts):
        assert not cache.known([each])
        cache.remember({each: np.full(2, number, np.float32)})
    assert [each[0] for each in cache.known(texts).values()] == [0, 1, 2, 3, 4]
