"""What travels between the steps of the job."""

from dataclasses import dataclass, field
from datetime import datetime

from beam_jobs.items.paths import shown
from beam_jobs.items.privacy import PUBLIC, Privacy, length_of
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.scores import EmotionScores
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, REASON_MEANINGS, Reason, Stage

MESSAGE_LIMIT = 1000
"""Characters of a dead letter's message: it may quote names of any length."""
QUOTING_REASONS = frozenset({Reason.EMPTY_TEXT, Reason.SCORING_FAILED})
"""Reasons to refuse an item whose message quotes its text, or what a backend says of its tokens."""


@dataclass(frozen=True, order=True)
class Location:
    """Where an item stands, in the order that decides which of two equal ids is kept.

    Attributes:
        file: path or URI of the input file.
        row: line (JSON Lines, CSV: the line the record starts on) or row (Parquet), from 1.
        part: place within a page of tweets that stands on one line, from 1; 0 for no page.

    >>> str(Location("tweets.jsonl", 3)), str(Location("pages.jsonl", 3, 2))
    ('tweets.jsonl:3', 'pages.jsonl:3#2')
    """

    file: str
    row: int = 0
    part: int = 0

    def __str__(self) -> str:
        row = f":{self.row}" if self.row else ""
        part = f"#{self.part}" if self.part else ""
        return f"{shown(self.file)}{row}{part}"


@dataclass(frozen=True)
class Item:
    """A tweet, a clip, or a tweet with its clip; the columns of `schemas.items.ITEM_SCHEMA`.

    Attributes:
        source: where it stands; its dead letter names it.
        audio_uri: the clip as the item names it; opened only under an audio root.
        clip: the file of `--clips` that carries the item's id; the operator named it.
        created_at: aware, in UTC.
        lang_detected: whether `lang` was told from the text, as the file does not say.
        hashtags: lower case, without `#`.
        repost_of: id of the post that it repeats, whose text and hashtags it has.
        text_is_cut: whether a program has cut the text, and the file has not the whole.
        warnings: codes of what could not be read, of `schemas.warnings.WarningCode`, in order.
        kept: name and value of each field of the input that `--keep` names, but for the text.
    """

    item_id: str
    source: Location = Location("")
    text: str | None = None
    audio_uri: str | None = None
    clip: str | None = None
    created_at: datetime | None = None
    author_id: str | None = None
    lang: str | None = None
    lang_detected: bool = False
    hashtags: tuple[str, ...] = ()
    repost_of: str | None = None
    text_is_cut: bool = False
    warnings: tuple[str, ...] = ()
    kept: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class DeadLetter:
    """A refused item; the columns of `schemas.dead_letters.DEAD_LETTER_SCHEMA` but for `run_id`.

    Attributes:
        message: cut at `MESSAGE_LIMIT` characters.
        payload: cut at `PAYLOAD_LIMIT_BYTES` of UTF-8, between two characters.
        content_key: digest of the whole input, neither cut nor redacted; None where it has none.
            Two dead letters that are equal but for it are equal.
    """

    item_id: str | None
    stage: Stage
    reason: Reason
    message: str
    source: str
    payload: str | None = None
    content_key: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.message) > MESSAGE_LIMIT:
            object.__setattr__(self, "message", self.message[: MESSAGE_LIMIT - 1] + "…")
        if self.payload is not None:
            start = self.payload[:PAYLOAD_LIMIT_BYTES].encode("utf-8", errors="replace")
            shown = start[:PAYLOAD_LIMIT_BYTES].decode("utf-8", errors="ignore")
            object.__setattr__(self, "payload", shown)

    @classmethod
    def of_bytes(
        cls, stage: Stage, reason: Reason, message: str, source: Location, payload: bytes
    ) -> "DeadLetter":
        """Returns the dead letter of an input that has no readable id."""
        # A character that this cuts in two starts past the limit, so nothing of it is shown.
        shown = payload[: PAYLOAD_LIMIT_BYTES + 3].decode("utf-8", errors="replace")
        return cls(None, stage, reason, message, str(source), shown)

    @classmethod
    def of_item(
        cls, stage: Stage, reason: Reason, message: str, item: Item, privacy: Privacy = PUBLIC
    ) -> "DeadLetter":
        """Returns the dead letter of an item; its payload is the text, or else the clip's path.

        Where texts are hidden, the text's length stands for it.
        """
        clip = item.clip or item.audio_uri
        payload = item.text if item.text is not None or clip is None else shown(clip)
        parts = (item.item_id, item.text, item.clip, item.audio_uri)
        content = "\0".join(part or "" for part in parts).encode("utf-8", errors="surrogatepass")
        if privacy.redact_text and item.text is not None:
            payload = length_of(item.text)
        if privacy.redact_text and reason in QUOTING_REASONS:
            message = REASON_MEANINGS[reason]
        content_key = privacy.digest(content)
        return cls(item.item_id, stage, reason, message, str(item.source), payload, content_key)


@dataclass(frozen=True)
class Features:
    """An item and what the model reads of it."""

    item: Item
    model_input: ModelInput


@dataclass(frozen=True)
class ScoredItem:
    """An item and what the model says of it; the tokens and images stay behind.

    Attributes:
        n_tokens: tokens of the text before any cut; 0 without text.
        truncated: whether the text was cut at the model's limit.
        clip_seconds: length of the clip; None without one.
        warnings: codes of what the clip lacks.
    """

    item: Item
    scores: EmotionScores
    n_tokens: int
    truncated: bool
    clip_seconds: float | None
    warnings: tuple[str, ...] = ()
