"""Settings of the model's parts, as they stand in an artifact's `config.json`."""

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from model.errors import ConfigError
from model.nearest_name import known_names

STRICT = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)
T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=1)]
PartialShare = Annotated[float, Field(ge=0, lt=1)]
"""A share of what must not be lost whole."""
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""ISO 639-1, or 639-3 where that has none."""
EmojiReading = Literal["keep", "describe", "describe_all"]
Cleaning = Literal["full", "tweeteval", "none"]
ProblemType = Literal["single_label", "multi_label"]
"""Whether an item has one emotion (softmax), or any number of them, none too (a sigmoid each)."""
N_CHROMA = 12
"""Pitch classes of the equal-tempered octave."""


@dataclass(frozen=True, config=STRICT)
class TextConfig:
    """How a text becomes windows of token ids.

    Attributes:
        window_tokens: tokens of one window, special tokens included; the encoder's own length.
        max_tokens: content tokens read of one text (1000 in the paper, section 3.1).
        emoji: `keep` them for a tokenizer that knows them (RoBERTa's bytes), or `describe` them
            in words for one that does not (BERT's word pieces); `describe_all` also says `emoji`
            for the selector U+FE0F that is left where one was taken out.
        cleaning: what is done before the tokenizer. `full` is that of models trained here;
            `tweeteval` writes handles and links as TweetEval's models read them, and `none` leaves
            the text as it is: both for models that came with a tokenizer of their own, which then
            also reads special tokens that are spelled out, as in Transformers.
    """

    window_tokens: Annotated[int, Field(ge=3)] = 512
    max_tokens: PositiveInt = 1000
    emoji: EmojiReading = "keep"
    cleaning: Cleaning = "full"

    def __post_init__(self) -> None:
        if self.cleaning != "full" and self.emoji != "keep":
            raise ValueError(
                f"cleaning is {self.cleaning!r} and emoji {self.emoji!r}; emoji are described in "
                "full cleaning only"
            )


@dataclass(frozen=True, config=STRICT)
class AudioConfig:
    """How a clip becomes images.

    One column of an image is one frame and one row one feature, so that nothing is resized: an
    image spans `image_width * hop_length / sample_rate_hz` seconds (2.56 s by default).

    Attributes:
        features: what the rows hold: mel bands, chroma, or both (the paper's ablation).
        sample_rate_hz: clips are resampled to it.
        n_fft: samples of one Hann-windowed frame, also the FFT's length.
        hop_length: samples between two frames.
        image_height: rows of an image.
        image_width: columns of an image.
        chroma_repeats: rows that each of the 12 chroma bins takes in a mel+chroma image.
        top_db: range of the log-mel spectrogram below the clip's loudest cell.
        max_clip_seconds: longer clips are refused.
        max_clip_bytes: larger files are refused.
    """

    features: Literal["mel", "chroma", "mel+chroma"] = "mel+chroma"
    sample_rate_hz: PositiveInt = 16_000
    n_fft: PositiveInt = 1024
    hop_length: PositiveInt = 320
    image_height: PositiveInt = 128
    image_width: PositiveInt = 128
    chroma_repeats: PositiveInt = 2
    top_db: PositiveFloat = 80.0
    max_clip_seconds: PositiveFloat = 300.0
    max_clip_bytes: PositiveInt = 50 * 2**20

    def __post_init__(self) -> None:
        if min(self.image_height, self.image_width) < 32:
            raise ValueError(
                f"the image is {self.image_height} × {self.image_width}; MobileNet needs 32 × 32"
            )
        if self.features == "mel+chroma" and self.n_mels < 1:
            raise ValueError(
                f"image_height is {self.image_height}; {N_CHROMA * self.chroma_repeats} rows of "
                "chroma leave none for the mel bands"
            )

    @property
    def n_mels(self) -> int:
        """Mel bands: the rows that the chroma leaves free; 0 for chroma alone."""
        if self.features == "chroma":
            return 0
        chroma_rows = N_CHROMA * self.chroma_repeats if self.features == "mel+chroma" else 0
        return self.image_height - chroma_rows

    @property
    def image_seconds(self) -> float:
        """Seconds of sound that one image spans."""
        return self.image_width * self.hop_length / self.sample_rate_hz


@dataclass(frozen=True, config=STRICT)
class EncoderConfig:
    """Shape of a RoBERTa or BERT encoder; the names are Hugging Face's.

    Attributes:
        position_offset: the first position's row in the table: 0 for BERT, `pad_token_id + 1` for
            RoBERTa.
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish"]
    layer_norm_eps: float
    max_position_embeddings: int
    type_vocab_size: int
    position_offset: int
    pad_token_id: int
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size is {self.hidden_size}; it must be a multiple of "
                f"num_attention_heads, {self.num_attention_heads}"
            )

    @property
    def max_window_tokens(self) -> int:
        """The longest window that the position table reaches."""
        return self.max_position_embeddings - self.position_offset


@dataclass(frozen=True, config=STRICT)
class MobileNetConfig:
    """Size of the MobileNet (Howard et al. 2017).

    Attributes:
        alpha: width multiplier: 0.25, 0.5, 0.75 or 1.0 have ImageNet weights.
        batch_norm_momentum: 0.99 is Keras's own; trained from scratch on a few hundred clips the
            moving statistics then lag behind the weights, and 0.9 mends it.
    """

    alpha: Annotated[float, Field(gt=0, le=2)] = 1.0
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)] = 0.99


@dataclass(frozen=True, config=STRICT)
class HeadConfig:
    """The layers after the concatenation (paper, section 3.3).

    Attributes:
        hidden_units: units of the hidden Dense layer.
        dropout: share of its outputs that training drops (0.3 in the paper).
        l2: weight of the L2 penalty on its kernel.
        activation: of the hidden layer: the paper's ReLU, or the tanh of BERT's pooler.
        joined: how many labels, side by side in the last layer, each emotion joins; empty where
            each emotion is a label of its own. Of a single label, the probabilities are added; of
            several labels an item, the highest counts.
    """

    hidden_units: PositiveInt = 256
    dropout: PartialShare = 0.3
    l2: NonNegativeFloat = 1e-4
    activation: Literal["relu", "tanh"] = "relu"
    joined: tuple[PositiveInt, ...] = ()


@dataclass(frozen=True, config=STRICT)
class ClassifierConfig:
    """The whole network: emotions in head order, and the parts it has.

    A model of text alone has no audio parts, and one of audio alone no text parts.

    Attributes:
        pooling: what stands for a text: the `mean` over all its tokens, or the state of the `first`
            token, as in classifiers of BERT's kind.
        problem_type: what the heads' logits mean; it changes no weight.
    """

    emotions: tuple[str, ...]
    head: HeadConfig
    text: TextConfig | None = None
    encoder: EncoderConfig | None = None
    audio: AudioConfig | None = None
    mobilenet: MobileNetConfig | None = None
    pooling: Literal["mean", "first"] = "mean"
    problem_type: ProblemType = "single_label"

    def __post_init__(self) -> None:
        if len(set(self.emotions)) != len(self.emotions) or len(self.emotions) < 2:
            raise ValueError(f"emotions are {self.emotions}; at least two different are needed")
        if self.head.joined and len(self.head.joined) != len(self.emotions):
            raise ValueError(
                f"joined is {self.head.joined}; it must have a number for each of "
                f"{len(self.emotions)} emotions"
            )
        if (self.text is None) != (self.encoder is None):
            raise ValueError("text and encoder settings come together")
        if (self.audio is None) != (self.mobilenet is None):
            raise ValueError("audio and mobilenet settings come together")
        if self.text is None and self.audio is None:
            raise ValueError("a model needs text or audio settings")
        if self.text and self.encoder and self.text.window_tokens > self.encoder.max_window_tokens:
            raise ValueError(
                f"window_tokens is {self.text.window_tokens}; the encoder's positions reach "
                f"{self.encoder.max_window_tokens}"
            )

    @property
    def is_multi_label(self) -> bool:
        """Whether an item has any number of emotions."""
        return self.problem_type == "multi_label"


LATER_SETTINGS = {
    "head.activation": "relu",
    "head.joined": [],
    "text.cleaning": "full",
    "pooling": "mean",
    "problem_type": "single_label",
}
"""Settings that older artifacts lack, and their hashes with them: left out where they are these."""


def dump_config(config: ClassifierConfig) -> dict[str, Any]:
    """Returns the settings as they stand in an artifact's `config.json`, which is hashed."""
    settings: dict[str, Any] = TypeAdapter(ClassifierConfig).dump_python(config, mode="json")
    for path, default in LATER_SETTINGS.items():
        *tables, name = path.split(".")
        table: Any = settings
        for each in tables:
            table = table[each] or {}
        if table.get(name) == default:
            del table[name]
    return settings


def parse_config(type_: type[T], value: Any, source: str) -> T:
    """Returns `value` (from JSON or TOML) as a `type_`, or raises ConfigError with one line.

    >>> parse_config(HeadConfig, {"dropout": 2}, "head.toml")
    Traceback (most recent call last):
    model.errors.ConfigError: head.toml: dropout is 2; it must be below 1
    >>> parse_config(HeadConfig, {"drop_out": 0.2}, "head.toml")
    Traceback (most recent call last):
    model.errors.ConfigError: head.toml: unknown setting 'drop_out'; did you mean 'dropout'?
    """
    try:
        return TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        fault = _unknown_setting(error, type_) or first_fault(error)
        raise ConfigError(f"{source}: {fault}") from None


BROKEN_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "enum": "{expected}",
}
"""Pydantic's names of faults: the rule that a value breaks, in words."""


def first_fault(error: ValidationError) -> str:
    """Returns in one line what is wrong first: its place, the rule, and the value, if one is."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] in BROKEN_BOUNDS:
        return f"{where} is {first['input']}; it must be {_rule_of(first)}"
    message = first["msg"].removeprefix("Value error, ")
    has_value = first["type"] not in ("value_error", "missing", "json_invalid")
    shown = f" (it is {first['input']!r:.80})" if has_value else ""
    return f"{where + ': ' if where else ''}{message}{shown}"


def _unknown_setting(error: ValidationError, type_: Any) -> str | None:
    """Returns in one line which setting there is not; None where all are known.

    It goes before what is missing: a setting with a letter too few is missing, too.
    """
    for fault in error.errors():
        if fault["type"] == "unexpected_keyword_argument":
            *tables, name = map(str, fault["loc"])
            known = _settings_of(type_, tables)
            if known:
                where = f"{'.'.join(tables)}: " if tables else ""
                return f"{where}unknown setting {name!r}; " + known_names(
                    name, known, "the settings are"
                )
    return None


def _settings_of(type_: Any, tables: list[str]) -> list[str]:
    """Returns the names of the settings in a table inside a table of a config's class."""
    for table in tables:
        type_ = get_type_hints(type_).get(table)
        # Of a table that may be left out, the class beside None.
        type_ = next(filter(is_dataclass, get_args(type_)), type_)
        if not is_dataclass(type_):
            return []
    return [field.name for field in fields(type_)] if is_dataclass(type_) else []


def _rule_of(fault: Any) -> str:
    bounds = {
        name: f"{bound:g}" if isinstance(bound, float) else bound
        for name, bound in fault.get("ctx", {}).items()
    }
    return BROKEN_BOUNDS[fault["type"]].format_map(bounds)
