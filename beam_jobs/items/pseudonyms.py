"""Author ids to tokens that name nobody, with a key that only the environment holds.

The key is read where it is used and never travels: neither a pickled pipeline nor a manifest has
it. Worker processes of a local run inherit the variable; on other runners it must be set on them.
"""

import hashlib
import hmac
import os
import re

from model.errors import UserError

KEY_VARIABLE = "MM_EMOR_AUTHOR_KEY"
MIN_KEY_BYTES = 16
TOKEN_BYTES = 16
"""128 bits: two of a billion authors share a token with a probability of 1e-21."""
FINGERPRINT_BYTES = 4
FINGERPRINT_LABEL = b"mm-emor author key"
"""What is hashed to name the key; it is no author's id, so that the name is no author's token."""

_DID = re.compile(r"did:[a-z]+:[\w.:%-]+", re.ASCII)
"""An author's id of Bluesky, and of who else uses W3C's decentralised ones."""


def pseudonym(author_id: str) -> str:
    """Returns an author's token, 32 hex digits of HMAC-SHA256: the same wherever the key is.

    Raises:
        UserError: the key is missing or too short.
    """
    # surrogatepass: a refused record may hold what UTF-8 cannot.
    return _hmac(b"author:" + author_id.encode("utf-8", errors="surrogatepass"), TOKEN_BYTES)


def hide_author_in_id(item_id: str) -> str:
    """Returns a post's id without the author that it names: the same id for the same id.

    Of Bluesky (`at://did:plc:…/app.bsky.feed.post/…`) the author's token stands in place of each
    author. Any other address (ActivityPub's `https://…/users/jane/statuses/1`) is a token as a
    whole, as each program writes the author into it in a way of its own. Other ids stay.

    Raises:
        UserError: the key is missing or too short.
    """
    if item_id.startswith("at://"):
        authority, slash, rest = item_id.removeprefix("at://").partition("/")
        # What stands behind a mark of a repost is an author, too.
        item_id = f"at://{pseudonym(authority)}{slash}{_DID.sub(_to_pseudonym, rest)}"
    elif "://" in item_id:
        item_id = f"uri:{_hmac(b'uri:' + item_id.encode(errors='surrogatepass'), TOKEN_BYTES)}"
    return _DID.sub(_to_pseudonym, item_id)


def _to_pseudonym(found: re.Match[str]) -> str:
    return pseudonym(found[0])


def keyed_digest(content: bytes) -> str:
    """Returns 32 hex digits that tell one content from another, to who has the key alone.

    Raises:
        UserError: the key is missing or too short.
    """
    return _hmac(b"content:" + content, TOKEN_BYTES)


def has_key() -> bool:
    """Says whether a key is set."""
    return bool(os.environb.get(KEY_VARIABLE.encode()))


def key_fingerprint(needed_by: str = "") -> str:
    """Returns 8 hex digits that tell one key from another and do not tell the key.

    Args:
        needed_by: the flag that needs a key, for the message.

    Raises:
        UserError: the key is missing or too short.
    """
    return _hmac(FINGERPRINT_LABEL, FINGERPRINT_BYTES, needed_by)


def check_key(fingerprint: str) -> None:
    """Checks, on a worker, that it has the key that the job was started with.

    Raises:
        UserError: the key is missing, too short, or another one.
    """
    found = key_fingerprint()
    if found != fingerprint:
        raise UserError(
            f"{KEY_VARIABLE} of this worker is the key {found}; the job was started with "
            f"{fingerprint}"
        )


def _hmac(message: bytes, n_bytes: int, needed_by: str = "") -> str:
    key = os.environb.get(KEY_VARIABLE.encode(), b"")
    if len(key) < MIN_KEY_BYTES:
        found = f"has {len(key)} bytes" if key else "is not set"
        raise UserError(
            f"{KEY_VARIABLE} {found}; a key of at least {MIN_KEY_BYTES} bytes is needed in it"
            f"{needed_by and f' for {needed_by}'}, on each worker too"
        )
    return hmac.digest(key, message, hashlib.sha256)[:n_bytes].hex()
