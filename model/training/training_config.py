"""Settings of a training run, as they stand in a TOML file of `model/configs/`."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from model.config import (
    STRICT,
    AudioConfig,
    EmojiReading,
    HeadConfig,
    LanguageCode,
    MobileNetConfig,
    PartialShare,
    ProblemType,
    Share,
    parse_config,
)
from model.errors import ConfigError

DtypePolicy = Literal["float32", "mixed_bfloat16"]


@dataclass(frozen=True, config=STRICT)
class FitConfig:
    """How weights are fitted; the defaults are the paper's where it names a value (section 4.3).

    Attributes:
        epochs: at most 30 in the paper.
        batch_size: examples of one step.
        learning_rate: the highest; it falls to zero along a cosine.
        warmup_share: share of all steps over which the rate rises from zero.
        optimizer: `adam` is the paper's; `sgd`, with Nesterov's momentum of 0.9, trains a MobileNet
            from scratch in fewer steps.
        weight_decay: decoupled from the gradient (AdamW, SGDW).
        label_smoothing: share of a label's weight that is spread over all classes.
        class_weights: `balanced` multiplies a class's loss by its rarity, n / (classes · n of the
            class), scikit-learn's rule; `none` counts every example alike.
        accumulate_batches: batches whose gradients are averaged into one step, which may reach into
            the next epoch; what the last epoch leaves over is not used.
        keep: weights of the `best` epoch by validation macro-F1, or of the `last`, where the
            validation data are too few to choose by.
        patience: end after this many epochs without a better one; 0 for never.
    """

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-4
    warmup_share: PartialShare = 0.1
    optimizer: Literal["adam", "sgd"] = "adam"
    weight_decay: NonNegativeFloat = 0.0
    label_smoothing: PartialShare = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    accumulate_batches: PositiveInt = 1
    keep: Literal["best", "last"] = "best"
    patience: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if self.patience and self.keep == "last":
            raise ValueError(
                f"patience is {self.patience} and keep 'last'; patience waits for a better epoch, "
                "so keep must be 'best'"
            )


@dataclass(frozen=True, config=STRICT)
class TextTraining:
    """The text encoder and head.

    Attributes:
        dataset: name of a data set with texts.
        fit: how to fit.
        window_tokens: tokens of one window; the encoder's own length where left out.
        max_tokens: content tokens read of one text.
        train_tokens: longer texts are cut to this many tokens in training only, to save time.
        emoji: see `model.config.TextConfig`.
        emoji_dropout: share of the texts with emoji that are read without them, drawn anew in each
            epoch, so that labels are learned from the words, too.
        trim_vocabulary: drop the word pieces that the training texts do not use.
        precision: Keras's dtype policy of the encoder in training.
        languages: of the texts; `score` warns of those in others. Empty: it warns of none.
    """

    dataset: str
    fit: FitConfig
    window_tokens: int | None = None
    max_tokens: PositiveInt = 1000
    train_tokens: Annotated[int, Field(ge=3)] = 128
    emoji: EmojiReading = "keep"
    emoji_dropout: PartialShare = 0.0
    trim_vocabulary: bool = False
    precision: DtypePolicy = "float32"
    languages: tuple[LanguageCode, ...] = ()


@dataclass(frozen=True, config=STRICT)
class AudioTraining:
    """The audio encoder and head.

    Attributes:
        dataset: name of a data set with clips.
        fit: how to fit.
        features: see `model.config.AudioConfig`.
        mobilenet: the network's size.
        mobilenet_weights: file of weights that MobileNet starts from, without its top: Keras's own
            for ImageNet (`mobilenet_1_0_128_tf_no_top.h5` for alpha 1) or any `.weights.h5`; from
            scratch where left out.
        speeds: each clip is also heard at these speeds (pitch moves along).
        max_masked_frames: widest stripe of time that is blanked (SpecAugment, Park et al. 2019).
        max_masked_rows: highest stripe of rows that is blanked.
        standardise_rows: scale each row of the images by its mean and deviation in the training
            clips; not for ImageNet weights, which expect -1 to 1.
        mixup: strength (the Beta distribution's parameter) of mixing two images; 0 for none.
        precision: Keras's dtype policy of the encoder in training; on a CPU, MobileNet is slower in
            bfloat16 than in float32.
    """

    dataset: str
    fit: FitConfig
    features: AudioConfig
    mobilenet: MobileNetConfig
    mobilenet_weights: str | None = None
    speeds: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1.0,)
    max_masked_frames: NonNegativeInt = 0
    max_masked_rows: NonNegativeInt = 0
    standardise_rows: bool = False
    mixup: NonNegativeFloat = 0.0
    precision: DtypePolicy = "float32"


@dataclass(frozen=True, config=STRICT)
class FusionTraining:
    """The fused head, on the features of encoders that stand still.

    Where texts and clips are of one data set, a text's own clip is its pair. Those of two data sets
    are paired by label: the head learns how far to trust each modality, and nothing of how a
    sentence's words and its sound belong together.

    Attributes:
        fit: how to fit; of two data sets there are no validation pairs, so it keeps the `last`
            epoch.
        text_dropout: share of pairs whose text features are blanked.
        audio_dropout: share of pairs whose audio features are blanked.
    """

    fit: FitConfig
    text_dropout: Share = 0.1
    audio_dropout: Share = 0.1

    def __post_init__(self) -> None:
        if self.text_dropout + self.audio_dropout > 1:
            raise ValueError(
                f"text_dropout is {self.text_dropout} and audio_dropout {self.audio_dropout}; "
                "they must be together at most 1"
            )


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """A whole run: what is trained, in which order, from which seed.

    Attributes:
        name: the experiment's.
        emotions: classes in head order; those of the data sets where left out.
        problem_type: `multi_label` where an item has any number of the classes: each has a sigmoid,
            a binary cross-entropy, and a threshold that is tuned on the validation data.
        head: the layers after each encoder and after the concatenation.
        seed: repeats the run exactly on one machine.
        train_split: the split that is trained on; `validation` for a data set whose training texts
            are missing.
        validation_share: share of each class of that split that is held out, where the data set
            has no other examples to validate on.
    """

    name: str
    head: HeadConfig = HeadConfig()
    emotions: tuple[str, ...] = ()
    problem_type: ProblemType = "single_label"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    train_split: Literal["train", "validation"] = "train"
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    text: TextTraining | None = None
    audio: AudioTraining | None = None
    fusion: FusionTraining | None = None

    def __post_init__(self) -> None:
        if self.text is None and self.audio is None:
            raise ValueError("a [text] or an [audio] table is needed")
        both = self.text is not None and self.audio is not None
        if both != (self.fusion is not None):
            raise ValueError("[fusion] goes with [text] and [audio], and both need it")
        if self.fusion and self.fusion.fit.keep == "best" and not self.is_paired:
            raise ValueError(
                "fusion.fit.keep is 'best'; texts and clips of two data sets make no validation "
                "pairs to choose an epoch by, so it must be 'last'"
            )
        if self.head.joined:
            raise ValueError("head.joined is of imported models; in training, --map joins nothing")
        if self.problem_type == "multi_label":
            self._check_multi_label()

    def _check_multi_label(self) -> None:
        if self.fusion and not self.is_paired:
            raise ValueError(
                "problem_type is 'multi_label'; texts and clips of two data sets are paired by "
                "their one label, so [text] and [audio] must name one data set"
            )
        for name, part in (("text", self.text), ("audio", self.audio), ("fusion", self.fusion)):
            if part and part.fit.class_weights != "none":
                raise ValueError(
                    f"{name}.fit.class_weights is {part.fit.class_weights!r}; a multi_label item "
                    "has no one class to weigh by, so it must be 'none'"
                )
            if part and part.fit.label_smoothing:
                raise ValueError(
                    f"{name}.fit.label_smoothing is {part.fit.label_smoothing:g}; multi_label "
                    "classes share no weight to spread, so it must be 0"
                )

    @property
    def is_paired(self) -> bool:
        """Whether texts and clips are of one data set."""
        return bool(self.text and self.audio and self.text.dataset == self.audio.dataset)


def read_training_config(path: Path) -> TrainingConfig:
    """Reads a TOML file; a bare name that is not there is looked up in `model/configs/`.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown, or a value breaks a rule.
    """
    shipped = Path(__file__).parents[1] / "configs" / path.name
    is_name = str(path) == path.name
    found = shipped if is_name and not path.is_file() else path
    try:
        settings = tomllib.loads(found.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} is not readable: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return parse_config(TrainingConfig, settings, str(path))
