"""References of HTML: as the standard library decodes them, and what it refuses."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.preprocessing.entities import decode_entities


@given(st.text(st.sampled_from("&#xX;0123456789abcdeflgtmp ") | st.characters()))
def test_any_text_is_decoded_as_by_the_standard_library(text: str) -> None:
    assert decode_entities(text) == html.unescape(text)


@pytest.mark.parametrize("start", ["&#", "&#x", "&#X"])
def test_a_number_that_no_character_has_becomes_the_replacement_character(start: str) -> None:
    assert decode_entities(f"&lt;3 {start}{'1' * 5_000}; &gt;") == "<3 \ufffd >"
    assert decode_entities(f"{start}{'1' * 5_000}") == "\ufffd"
