"""Turns a text as posted into windows of token ids."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import emoji
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from model.config import TextConfig
from model.errors import ArtifactError, ItemError
from model.preprocessing.entities import decode_entities
from schemas.dead_letters import Reason

LENGTH_STEP = 8
"""Windows are padded to a multiple of it. So shapes are few: XLA and OpenVINO compile each one, and
OpenVINO keeps some 0.4 MB of it."""
# A handle is not part of a longer word (an e-mail address keeps its at sign).
MENTION = re.compile(r"(?<![\w@])@\w+")
LINK = re.compile(r"(?:https?://|(?<![\w.])www\.)\S+", re.IGNORECASE)
# Between spaces, and not between white space: as it is published with those models.
TWEETEVAL_MENTION = re.compile(r"(?<![^ ])@[^ ]+")
TWEETEVAL_LINK = re.compile(r"(?<![^ ])http[^ ]*")
LEFT_OF_EMOJI = re.compile(r"(?<!\S)\ufe0f+")
"""Where emoji were taken out of a text, as in TweetEval's emoji task, some leave their selector of
colour: RoBERTa's tokenizers read it, BERT's drop it."""
LEFT = "emoji"
"""The word for it."""


@dataclass(frozen=True)
class TokenWindows:
    """A text, ready for the encoder.

    Attributes:
        windows: token ids of each window, special tokens included.
        n_tokens: content tokens of the whole text, before any cut.
        truncated: whether tokens past the model's limit were dropped.
    """

    windows: tuple[tuple[int, ...], ...]
    n_tokens: int
    truncated: bool


def clean_text(text: str) -> str:
    r"""Returns the text as the encoder should read it.

    Handles become `@user` and links `http`, as in TweetEval (Barbieri et al. 2020); HTML entities
    become the characters they stand for; runs of white space become one space.

    >>> clean_text("@ada_l I &lt;3 this!!  \n https://t.co/x1 (mail me: a@b.org)")
    '@user I <3 this!! http (mail me: a@b.org)'
    """
    # Twice: tweets that went through two programs carry `&amp;lt;`.
    text = decode_entities(decode_entities(text))
    text = LINK.sub("http", text)
    text = MENTION.sub("@user", text)
    # The encoders' tokenizers reject lone surrogates and NUL has no meaning in a text.
    text = text.replace("\x00", " ").encode("utf-8", errors="replace").decode("utf-8")
    return " ".join(text.split())


def clean_for_tweeteval(text: str) -> str:
    """Returns the text as TweetEval's own models read it (Barbieri et al. 2020).

    What is between two spaces becomes `@user` where it starts with an at sign, and `http` where it
    starts with that; nothing else changes.

    >>> clean_for_tweeteval("@ada_l: see  https://t.co/x1, (@bob) @")
    '@user see  http (@bob) @'
    """
    return TWEETEVAL_LINK.sub("http", TWEETEVAL_MENTION.sub("@user", text))


def describe_emoji(text: str, *, left_too: bool = False) -> str:
    """Returns the text with each emoji spelled as its English name.

    Args:
        text: as cleaned.
        left_too: whether what is left of an emoji becomes `emoji`, unless there is nothing else.

    >>> describe_emoji("so happy😂😂")
    'so happy face with tears of joy face with tears of joy'
    >>> describe_emoji("so happy \ufe0f", left_too=True)
    'so happy emoji'
    """
    if text.isascii():
        return text
    if left_too and text.strip(" \ufe0f"):
        text = LEFT_OF_EMOJI.sub(f" {LEFT} ", text)
    described = emoji.replace_emoji(text, lambda _, data: f" {_emoji_words(data.get('en', ''))} ")
    return " ".join(described.split())


def drop_emoji(text: str) -> str:
    """Returns the text without its emoji, and without what is left of emoji.

    >>> drop_emoji("so happy😂😂 \ufe0f today")
    'so happy today'
    """
    # The library takes each U+FE0F, too.
    return " ".join(emoji.replace_emoji(text, " ").split())


def _emoji_words(name: str) -> str:
    return name.strip(":").replace("_", " ").replace("-", " ")


def pad_windows(
    windows: Sequence[tuple[int, ...]],
    window_tokens: int,
    at_least: int = 0,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Returns token ids and mask, `[windows, length]`, padded with id 0 to one length.

    The length is a multiple of LENGTH_STEP, where window_tokens allows.

    Args:
        windows: token ids.
        window_tokens: the longest that a window may be: the encoder's positions end there.
        at_least: tokens that there is room for, however short the windows are.

    >>> ids, mask = pad_windows([(5, 6, 7), (8,)], window_tokens=512)
    >>> ids.shape, mask.sum(axis=1).tolist()
    ((2, 8), [3, 1])
    """
    lengths = np.array([len(window) for window in windows])
    longest = max(int(lengths.max()), at_least)
    width = min(-(-longest // LENGTH_STEP) * LENGTH_STEP, window_tokens)
    mask = np.arange(width) < lengths[:, None]
    token_ids = np.zeros(mask.shape, np.int32)
    token_ids[mask] = [token for window in windows for token in window]
    return token_ids, mask


def token_batches(lengths: Sequence[int], max_padded_tokens: int) -> Iterator[list[int]]:
    """Yields rows, sorted by length, in groups of a bounded number of padded tokens.

    >>> list(token_batches([3, 1, 2, 9], max_padded_tokens=6))
    [[1, 2], [0], [3]]
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > max_padded_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class TextPreprocessor:
    """Cleans a text, tokenizes it and cuts it into windows of the encoder's length.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers, processors
        >>> words = {"<s>": 0, "</s>": 1, "<unk>": 2, "so": 3, "good": 4}
        >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
        >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> tokenizer.post_processor = processors.BertProcessing(("</s>", 1), ("<s>", 0))
        >>> preprocess = TextPreprocessor(TextConfig(window_tokens=4), tokenizer)
        >>> preprocess("so so good")
        TokenWindows(windows=((0, 3, 3, 1), (0, 4, 1)), n_tokens=3, truncated=False)
    """

    def __init__(self, config: TextConfig, tokenizer: Tokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        # A tweet that spells out "[SEP]" or "</s>" is text, not a command to the encoder. A model
        # from elsewhere may have learned tokens of its own, such as "<url>", of the same kind.
        self.tokenizer.encode_special_tokens = config.cleaning == "full"
        self.prefix, self.suffix = _special_tokens(tokenizer)
        self.content_tokens = config.window_tokens - len(self.prefix) - len(self.suffix)
        if self.content_tokens < 1:
            raise ArtifactError(
                f"window_tokens is {config.window_tokens}; the special tokens leave no room in it"
            )

    def __call__(self, text: str) -> TokenWindows:
        """Returns the windows of one text.

        Raises:
            ItemError: empty_text, when nothing is left after cleaning.
        """
        return self.batch([text])[0]

    def batch(self, texts: Sequence[str]) -> list[TokenWindows]:
        """Returns the windows of each text.

        Raises:
            ItemError: empty_text, when nothing is left of one of them.
        """
        windows = []
        for outcome in self.try_batch(texts):
            if isinstance(outcome, ItemError):
                raise outcome
            windows.append(outcome)
        return windows

    def try_batch(self, texts: Sequence[str]) -> list[TokenWindows | ItemError]:
        """Returns the windows of each text, or the error empty_text where nothing is left of it."""
        outcomes = [self._try_prepare(text) for text in texts]
        prepared = [outcome for outcome in outcomes if isinstance(outcome, str)]
        encodings = iter(self.tokenizer.encode_batch_fast(prepared, add_special_tokens=False))
        return [
            outcome if isinstance(outcome, ItemError) else self._windows(text, next(encodings).ids)
            for text, outcome in zip(texts, outcomes, strict=True)
        ]

    def _try_prepare(self, text: str) -> str | ItemError:
        try:
            return self.prepare(text)
        except ItemError as error:
            return error

    def prepare(self, text: str) -> str:
        """Returns the text that goes to the tokenizer.

        Letters in a compatibility form, as 𝓯𝓪𝓷𝓬𝔂 ones, become plain letters (NFKC). Emoji are
        described first: some have such a form, too. Where `cleaning` is not `full`, neither is
        done.

        Raises:
            ItemError: empty_text, when nothing is left after cleaning.
        """
        cleaned = self._clean(text)
        if not cleaned.strip():
            raise ItemError(
                Reason.EMPTY_TEXT,
                f"text {text[:40]!r} is empty after cleaning; it needs a character",
            )
        return cleaned

    def _clean(self, text: str) -> str:
        if self.config.cleaning != "full":
            # Tokenizers reject lone surrogates.
            text = text.encode("utf-8", errors="replace").decode("utf-8")
            return clean_for_tweeteval(text) if self.config.cleaning == "tweeteval" else text
        cleaned = clean_text(text)
        if self.config.emoji != "keep":
            cleaned = describe_emoji(cleaned, left_too=self.config.emoji == "describe_all")
        if not cleaned.isascii():
            cleaned = " ".join(unicodedata.normalize("NFKC", cleaned).split())
        return cleaned

    def _windows(self, text: str, token_ids: list[int]) -> TokenWindows | ItemError:
        if not token_ids:
            # Invisible characters, say: special tokens alone would get a confident label.
            return ItemError(
                Reason.EMPTY_TEXT,
                f"text {text[:40]!a} holds nothing that the tokenizer reads; it needs a character",
            )
        kept = token_ids[: self.config.max_tokens]
        starts = range(0, len(kept), self.content_tokens)
        windows = tuple(
            (*self.prefix, *kept[start : start + self.content_tokens], *self.suffix)
            for start in starts
        )
        return TokenWindows(windows, len(token_ids), len(kept) < len(token_ids))


def _special_tokens(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the ids that the tokenizer puts before and after one sequence.

    Raises:
        ArtifactError: the tokenizer makes no token of a plain letter.
    """
    encoding = tokenizer.encode("a", add_special_tokens=True)
    mask = encoding.special_tokens_mask
    if 0 not in mask:
        raise ArtifactError(
            "the tokenizer drops the letter a; a text model needs one that keeps it"
        )
    first = mask.index(0)
    last = len(mask) - mask[::-1].index(0)
    return tuple(encoding.ids[:first]), tuple(encoding.ids[last:])
