"""Trims a word-piece vocabulary to what occurs, which shrinks the table of word embeddings."""

import json
from collections.abc import Iterable

from tokenizers import Tokenizer

from model.errors import ConfigError

CONTINUATION = "##"


def trim_vocabulary(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[Tokenizer, list[int]]:
    """Returns a tokenizer without the word pieces that no text needs, and the old ids it keeps.

    Special tokens and single characters stay, so that any word that could be spelled still can.

    Args:
        tokenizer: a WordPiece tokenizer (BERT's).
        texts: cleaned texts; each is tokenized as the old tokenizer does.

    Returns:
        The new tokenizer and, for each of its ids, the id in the old one.

    Raises:
        ConfigError: the tokenizer is of another kind.
    """
    settings = json.loads(tokenizer.to_str())
    if settings["model"]["type"] != "WordPiece":
        raise ConfigError(
            f"trim_vocabulary takes WordPiece tokenizers; this one is {settings['model']['type']}"
        )
    vocabulary: dict[str, int] = settings["model"]["vocab"]
    used = {token["id"] for token in settings["added_tokens"]}
    used |= {id_ for piece, id_ in vocabulary.items() if len(piece.removeprefix(CONTINUATION)) == 1}
    for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
        used.update(encoding.ids)
    kept = sorted(used)
    new_id = {old: new for new, old in enumerate(kept)}

    settings["model"]["vocab"] = {
        piece: new_id[old] for piece, old in vocabulary.items() if old in new_id
    }
    for token in settings["added_tokens"]:
        token["id"] = new_id[token["id"]]
    for token in settings["post_processor"].get("special_tokens", {}).values():
        token["ids"] = [new_id[old] for old in token["ids"]]
    for side in ("sep", "cls"):
        if side in settings["post_processor"]:
            token, old = settings["post_processor"][side]
            settings["post_processor"][side] = [token, new_id[old]]
    return Tokenizer.from_str(json.dumps(settings)), kept
