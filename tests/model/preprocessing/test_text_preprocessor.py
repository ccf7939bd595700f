"""Texts: cleaning, emoji, windows, and the edge cases of each peer's tracker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import TextConfig
from model.errors import ItemError
from model.preprocessing.text_preprocessor import (
    TextPreprocessor,
    clean_text,
    describe_emoji,
    drop_emoji,
    pad_windows,
)
from schemas.dead_letters import Reason
from tests.support.tiny_models import word_piece_tokenizer

CLS, SEP = 2, 3


def preprocessor(**settings: object) -> TextPreprocessor:
    return TextPreprocessor(TextConfig(**settings), word_piece_tokenizer())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("@Bob_1 see HTTPS://t.co/aB?x=1 now", "@user see http now"),
        ("www.example.org/a b", "http b"),
        ("a&amp;lt;3 &#128514; &eacute;", "a<3 😂 é"),
        ("mail a@b.org", "mail a@b.org"),
        ("@a@b", "@user@b"),
        ("one\r\n\ttwo\u2028three\xa0four", "one two three four"),
        ("nul\x00byte \ud800", "nul byte ?"),
        ("  \u200b ", "\u200b"),
        (" \n ", ""),
    ],
)
def test_clean_text(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@given(st.text())
def test_cleaning_never_fails_and_leaves_single_spaces(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned == " ".join(cleaned.split())
    cleaned.encode("utf-8")


def test_emoji_are_described_with_flags_and_skin_tones() -> None:
    assert describe_emoji("👍🏽ok🇩🇪") == "thumbs up medium skin tone ok Germany"


@pytest.mark.parametrize(
    ("text", "described", "dropped"),
    [
        ("love \ufe0f \ufe0f\ufe0f @ San", "love emoji emoji @ San", "love @ San"),
        ("\ufe0flove", "emoji love", "love"),
        ("love \ufe0f", "love emoji", "love"),
        # Not left of one: it belongs to the character before it.
        ("I \N{HEAVY BLACK HEART}\ufe0f it", "I red heart it", "I it"),
        ("no\ufe0f", "no", "no"),
        (" \ufe0f ", "", ""),
        ("plain", "plain", "plain"),
    ],
)
def test_what_is_left_of_emoji(text: str, described: str, dropped: str) -> None:
    assert describe_emoji(text, left_too=True) == described
    assert describe_emoji(text) == " ".join(described.replace("emoji", "").split())
    assert drop_emoji(text) == dropped


@pytest.mark.parametrize("text", ["😂", "a", ".", "@user", "漢字"])
def test_short_and_unknown_texts_get_one_window(text: str) -> None:
    windows = preprocessor()(text)
    assert len(windows.windows) == 1
    assert windows.windows[0][0] == CLS
    assert windows.windows[0][-1] == SEP


@pytest.mark.parametrize("text", ["\u200b", "\u200d\u200d", "\xad", "\x07", "\u0301"])
def test_invisible_characters_are_no_text(text: str) -> None:
    with pytest.raises(ItemError, match="holds nothing that the tokenizer reads") as caught:
        preprocessor()(text)
    assert caught.value.reason == Reason.EMPTY_TEXT


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x00"])
def test_a_text_with_nothing_in_it_is_refused(text: str) -> None:
    with pytest.raises(ItemError, match="is empty after cleaning") as caught:
        preprocessor()(text)
    assert caught.value.reason == Reason.EMPTY_TEXT


def test_spelled_special_tokens_are_text() -> None:
    window = preprocessor()("[SEP] [CLS]").windows[0]
    assert window.count(SEP) == 1
    assert window.count(CLS) == 1


@pytest.mark.parametrize(
    ("n_words", "lengths", "truncated"),
    [
        (30, [32], False),
        (31, [32, 3], False),
        (100, [32, 32, 32, 12], False),
        (101, [32] * 3 + [12], True),
    ],
)
def test_long_texts_become_windows(n_words: int, lengths: list[int], truncated: bool) -> None:
    result = preprocessor(window_tokens=32, max_tokens=100)("rain " * n_words)
    assert [len(window) for window in result.windows] == lengths
    assert result.n_tokens == n_words
    assert result.truncated is truncated
    assert all(window[0] == CLS and window[-1] == SEP for window in result.windows)


def test_windows_hold_all_tokens_in_order() -> None:
    tokenizer = word_piece_tokenizer()
    text = "the rain http sad " * 20
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    windows = preprocessor(window_tokens=9)(text).windows
    assert [token for window in windows for token in window[1:-1]] == whole


def test_a_batch_equals_its_texts_one_by_one() -> None:
    preprocess = preprocessor()
    texts = ["rain", "the sad user", "😂", "x" * 50]
    assert preprocess.batch(texts) == [preprocess(text) for text in texts]


def test_padding_ends_where_the_positions_do() -> None:
    """An encoder of 20 positions has no 24th: its table of positions would be overrun."""
    ids, mask = pad_windows([(1,) * 18, (2,)], window_tokens=20)
    assert ids.shape == mask.shape == (2, 20)
    assert mask.sum(axis=1).tolist() == [18, 1]


FANCY = {"bold script": 0x1D4EA, "full width": 0xFF41, "circled": 0x24D0, "double struck": 0x1D552}
"""Where each alphabet's small letters start."""


@pytest.mark.parametrize("start", FANCY.values(), ids=FANCY)
def test_letters_of_fancy_alphabets_are_letters(start: int) -> None:
    plain = "so happy today"
    fancy = "".join(chr(start + ord(c) - ord("a")) if c != " " else c for c in plain)
    assert preprocessor().prepare(fancy) == plain
    assert preprocessor()(fancy) == preprocessor()(plain)


def test_emoji_with_a_compatibility_form_are_described_as_emoji() -> None:
    assert preprocessor(emoji="describe").prepare("ok \N{TRADE MARK SIGN}\ufe0f") == "ok trade mark"


@given(st.text())
def test_what_goes_to_the_tokenizer_has_single_spaces(text: str) -> None:
    try:
        prepared = preprocessor().prepare(text)
    except ItemError:
        return
    assert prepared == " ".join(prepared.split())
