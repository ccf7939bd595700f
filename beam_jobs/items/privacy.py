"""What a run keeps to itself: who wrote the items, and what they say."""

from dataclasses import dataclass, replace

from beam_jobs.items.pseudonyms import check_key, pseudonym


@dataclass(frozen=True)
class Privacy:
    """What no output, message or log of a run may show.

    Attributes:
        author_key: fingerprint of the key that author ids become tokens with; None: they stay.
        redact_text: whether dead letters keep a text's length in place of the text.
    """

    author_key: str | None = None
    redact_text: bool = False

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
        if self.author_key is not None:
            check_key(self.author_key)

    def author(self, author_id: str | None) -> str | None:
        """Returns an author as the outputs name them."""
        return pseudonym(author_id) if author_id and self.hides_authors else author_id

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
