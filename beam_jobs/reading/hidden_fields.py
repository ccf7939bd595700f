"""Which fields of a record show a text or an author, wherever in it they stand.

An envelope, an original or a quoted post has the same keys as a post of its own. So a path is
judged by each of its steps, whatever leads to them.
"""

from functools import lru_cache

from beam_jobs.reading.envelopes import ENVELOPE_KEYS
from beam_jobs.reading.key_paths import EVERY, KeyPath
from beam_jobs.reading.sources import SOURCES

_TEXTS_BESIDE = """
    alt alt_text altText body_html bodyHtml caption comment contentMap description
    extended_text message plain_text quoted_text quotedText selftext_html snippetText spoiler_text
    summary summaryMap text_html textHtml tweetText twitterText
"""
"""What else programs write a text into, or a part of it: beside the fields that `sources` reads."""
_AUTHORS_BESIDE = """
    author_flair_text author_name author_username authors by channelId channelTitle creator
    display_name displayName fullname in_reply_to_account_id in_reply_to_screen_name
    in_reply_to_user_id in_reply_to_user_id_str link links mentions mentionedUsers nickname owner
    ownerId parent_author permalink permalink_url person profile reply_to retweeted_user_id
    screen_name screenName uri url urls user_display_name user_mentions user_name
    user_screen_name userName users video_owner_channel_id
"""
"""What else names an author: also the address of a post, which its author's name is a part of."""
_NO_CONTAINERS = frozenset(
    {"type", "_type", "notFound", "blocked", "time_us", "limit", "warning", "disconnect"}
)
"""Keys that tell of an envelope, and hold none of it."""
_CONTAINERS_BESIDE = """
    card core embed embeds entities includes quote quoted_status quoted_status_result quotedTweet
    raw reason replies reply result retweeted_status_result snippet thread topLevelComment
    tweet_results
"""
"""What else holds a post, or part of one."""


def shows_text(path: KeyPath, renamed: KeyPath | None) -> bool:
    """Says whether a text stands at a path, or may stand below it.

    Args:
        path: of any field.
        renamed: where `--column` says that texts stand; None: where each source has them.

    >>> shows_text(("reblog", "content"), None), shows_text(("commit",), None)
    (True, True)
    >>> shows_text(("retweeted_status", "lang"), None), shows_text(("*",), None)
    (False, True)
    """
    return _shows(path, _text_keys(), renamed)


def shows_author(path: KeyPath, renamed: KeyPath | None) -> bool:
    """Says whether an author is named at a path, or may be below it; `renamed` as above.

    >>> shows_author(("tweet", "user", "screen_name"), None), shows_author(("lang",), None)
    (True, False)
    """
    return _shows(path, _author_keys(), renamed)


def _shows(path: KeyPath, keys: frozenset[str], renamed: KeyPath | None) -> bool:
    steps, own = _named(path), _named(renamed or ())
    if not steps or EVERY in path:
        return True
    hidden = keys | set(own[-1:])
    return not hidden.isdisjoint(steps) or steps[-1] in _containers().union(own)


def _named(path: KeyPath) -> tuple[str, ...]:
    """Returns the steps of a path that are keys, in lower case: none is a place in a list."""
    return tuple(
        step.casefold()
        for step in path
        if step != EVERY and "=" not in step and not (step.isascii() and step.isdecimal())
    )


@lru_cache(maxsize=1)
def _text_keys() -> frozenset[str]:
    """The last key of each path of a text."""
    paths = [path for source in SOURCES for path in source.fields["text"]]
    return frozenset({_named(path)[-1] for path in paths}) | _folded(_TEXTS_BESIDE)


@lru_cache(maxsize=1)
def _author_keys() -> frozenset[str]:
    """All keys of the paths of an author, but those that ids of posts have too (`id`, `value`)."""
    steps = {
        step for source in SOURCES for path in source.fields["author_id"] for step in _named(path)
    }
    ids = {step for source in SOURCES for path in source.fields["item_id"] for step in _named(path)}
    return frozenset(steps - ids - _containers()) | _folded(_AUTHORS_BESIDE)


@lru_cache(maxsize=1)
def _containers() -> frozenset[str]:
    """The keys that hold a post, or the part of one that has its text."""
    paths = [path[:-1] for source in SOURCES for path in source.fields["text"]]
    paths += [path for source in SOURCES for path in source.originals]
    steps = {step for path in paths for step in _named(path)}
    envelopes = _folded(" ".join(ENVELOPE_KEYS - _NO_CONTAINERS))
    return frozenset(steps | envelopes) | _folded(_CONTAINERS_BESIDE)


def _folded(names: str) -> frozenset[str]:
    return frozenset(names.casefold().split())
