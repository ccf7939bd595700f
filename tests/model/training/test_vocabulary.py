"""Trimming keeps every text readable and the ids of what it keeps in order."""

import pytest
from tokenizers import Tokenizer, models

from model.errors import ConfigError
from model.training.vocabulary import trim_vocabulary
from tests.support.tiny_models import word_piece_tokenizer


def test_texts_that_were_counted_read_the_same() -> None:
    old = word_piece_tokenizer()
    texts = ["the rain", "sad http", "user!"]
    new, kept = trim_vocabulary(old, texts)
    for text in texts:
        ours, theirs = new.encode(text), old.encode(text)
        assert ours.tokens == theirs.tokens
        assert [kept[id_] for id_ in ours.ids] == theirs.ids


def test_words_that_were_not_counted_are_spelled() -> None:
    new, kept = trim_vocabulary(word_piece_tokenizer(), ["the"])
    assert new.encode("sad", add_special_tokens=False).tokens == ["s", "##a", "##d"]
    assert new.get_vocab_size() == len(kept) == max(new.get_vocab().values()) + 1


def test_other_tokenizers_are_refused() -> None:
    with pytest.raises(ConfigError, match="takes WordPiece tokenizers; this one is WordLevel"):
        trim_vocabulary(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), [])
