"""What a run keeps to itself: who wrote the items, and what they say."""

import hashlib
from dataclasses import dataclass, replace

from beam_jobs.items.pseudonyms import check_key, hide_author_in_id, keyed_digest, pseudonym

CONTENT_PURPOSE = b"mm-emor content"
"""What a digest without a key is made for (BLAKE2's `person`): it is no other program's."""
CONTENT_KEY_BYTES = 16
UNKEYED = "unkeyed"


@dataclass(frozen=True)
class Privacy:
    """What no output, message or log of a run may show.

    Attributes:
        author_key: fingerprint of the key that author ids become tokens with; None: they stay.
        redact_text: whether dead letters keep a text's length in place of the text.
        content_key: fingerprint of the key that digests of refused content are made with; None:
            they are made without one, or not at all where anything is to be hidden.
    """

    author_key: str | None = None
    redact_text: bool = False
    content_key: str | None = None

    def __post_init__(self) -> None:
        if self.content_key is None:  # the one key of a run is for both
            object.__setattr__(self, "content_key", self.author_key)

    @property
    def hides_authors(self) -> bool:
        """Whether author ids become tokens."""
        return self.author_key is not None

    @property
    def quotes_values(self) -> bool:
        """Whether a message may quote a field: any can hold a text or an id by mistake."""
        return not (self.hides_authors or self.redact_text)

    def check(self) -> None:
        """Checks that this process has the run's key, if the run has one.

        Raises:
            UserError: it is missing or another one.
        """
        for fingerprint in {self.author_key, self.content_key} - {None}:
            check_key(fingerprint or "")

    @property
    def content_digest(self) -> str | None:
        """How refused content is told apart: `UNKEYED`, a key's fingerprint, or not at all."""
        return self.content_key or (UNKEYED if self.quotes_values else None)

    def digest(self, content: bytes) -> str | None:
        """Returns 32 hex digits that are the same for the same content; None for no content.

        A digest without a key tells who guesses a short text that the guess is right. So where
        texts or authors are hidden it is made with the key, and not at all where there is none.
        """
        if not content or self.content_digest is None:
            return None
        if self.content_key is not None:
            return keyed_digest(content)
        return hashlib.blake2b(
            content, digest_size=CONTENT_KEY_BYTES, person=CONTENT_PURPOSE
        ).hexdigest()

    def author(self, author_id: str | None) -> str | None:
        """Returns an author as the outputs name them."""
        return pseudonym(author_id) if author_id and self.hides_authors else author_id

    def item(self, item_id: str) -> str:
        """Returns an id of a post as the outputs have it."""
        return hide_author_in_id(item_id) if self.hides_authors else item_id

    def without_authors(self) -> "Privacy":
        """Returns what is left to hide of an item whose author is a token already."""
        return replace(self, author_key=None)


PUBLIC = Privacy()
"""Hides nothing."""


def length_of(text: str) -> str:
    """Returns what a dead letter shows of a text that it must not show.

    >>> length_of("😀 at last")
    '[9 characters]'
    """
    return f"[{len(text)} characters]"
