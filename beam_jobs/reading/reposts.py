"""Reposts: the post that one repeats, and whether a program has cut the text.

A repost is scored on the text of its original, wherever its record has it. A quoted post is another
author's: nothing of it is read.
"""

import re

from beam_jobs.reading.record_fields import has_whole_text, to_identifier
from beam_jobs.reading.record_layout import Post
from model.errors import ItemError
from schemas.warnings import WarningCode

MAX_PLAIN_CHARACTERS = 260
"""A longer text of X that ends in an ellipsis and a link was cut; a shorter one may be meant so."""
_CUT_REPOST = re.compile(r"RT @\w{1,20}: .*(?:…|\.\.\.)\s*", re.DOTALL)
_NO_POST = ("", 0, "0", "None", "nan", "NaN")
_TRUE = (True, "True", "true", "TRUE")
_CUT_POST = re.compile(r"…\s*https?://t\.co/\w+\s*\Z")


def find_original(post: Post) -> Post | None:
    """Returns the post that one repeats, as far as the record has it; None where it has nothing."""
    for path in post.shape.originals:
        original = post.at(path)
        if isinstance(original, dict) and original:
            # What it holds is laid out as the post is, whatever keys there are.
            return Post(original, post.layout.shape_in(post.shape.source, original), post.layout)
    return None


def read_repost_of(post: Post, original: Post | None, warnings: list[str]) -> str | None:
    """Returns the id of the post that one repeats; None where it repeats none that is known."""
    values = [original.find("item_id")] if original else []
    values += [post.at(path) for path in post.shape.repost_of]
    for value in values:
        if value is None or (isinstance(value, str | int) and value in _NO_POST):
            continue
        try:
            if repost_of := to_identifier(value, "repost_of", post.layout.privacy):
                return repost_of
        except ItemError:
            warnings.append(WarningCode.REPOST_OF_UNREAD)
            return None
    return None


def is_cut(post: Post, text: str | None) -> bool:
    """Says whether a program has cut a post's text, and the record has not the whole.

    X cuts the text of a repost at 140 characters where it names the author before it, a text of
    v1.1 that is `truncated`, and a long one at 280.

    Args:
        post: whose text it is: an original's, where the text is its.
        text: as read.
    """
    if not text or not (
        len(text) >= MAX_PLAIN_CHARACTERS or "truncated" in post.record or text.startswith("RT @")
    ):
        return False
    if post.shape.source.name != "x" or has_whole_text(post):
        return False
    if text.startswith("RT @"):
        return _CUT_REPOST.fullmatch(text) is not None
    record = post.record
    if record.get("truncated") in _TRUE and not record.get("full_text"):
        return True
    return len(text) >= MAX_PLAIN_CHARACTERS and _CUT_POST.search(text) is not None
