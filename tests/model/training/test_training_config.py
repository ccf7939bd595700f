"""Training configs: a TOML file reads as its tables, and one line for each broken rule."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import model
from model.config import AudioConfig, HeadConfig, MobileNetConfig
from model.errors import ConfigError
from model.training.training_config import (
    AudioTraining,
    FitConfig,
    FusionTraining,
    TextTraining,
    TrainingConfig,
    read_training_config,
)
from tests.support.tiny_corpora import TINY_TOML, WORD_OF

CONFIGS = Path(model.__file__).with_name("configs")


def toml_error(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "run.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        read_training_config(file)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{file}")
    return message.removeprefix(str(file))


def test_the_shipped_config_is_found_by_its_name() -> None:
    config = read_training_config(Path("default.toml"))
    assert config.name == "default"
    assert config.text is not None
    assert config.audio is not None
    assert config.audio.mobilenet.batch_norm_momentum == 0.9


def test_a_path_that_is_not_there_is_not_looked_up(tmp_path: Path) -> None:
    """A mistyped directory must not train another config of the same name."""
    with pytest.raises(ConfigError, match=r"default\.toml is not readable: No such file"):
        read_training_config(tmp_path / "default.toml")


def test_a_toml_file_reads_as_its_tables(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(TINY_TOML, encoding="utf-8")
    assert read_training_config(tmp_path / "run.toml") == TrainingConfig(
        name="tiny",
        emotions=tuple(WORD_OF),
        head=HeadConfig(hidden_units=16),
        text=TextTraining(
            dataset="goemotions-ekman",
            fit=FitConfig(epochs=1),
            train_tokens=16,
            emoji="describe",
            trim_vocabulary=True,
        ),
        audio=AudioTraining(
            dataset="emodb",
            fit=FitConfig(epochs=1, keep="last"),
            features=AudioConfig(
                n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1
            ),
            mobilenet=MobileNetConfig(alpha=0.25, batch_norm_momentum=0.5),
        ),
        fusion=FusionTraining(fit=FitConfig(epochs=1, keep="last")),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha = 0.25", "alpha = 0", ": audio.mobilenet.alpha is 0; it must be above 0"),
        ("epochs = 1", "epochs = 0", ": text.fit.epochs is 0; it must be above 0"),
        ("epochs = 1", "epochs = 'two'", ": text.fit.epochs: Input should be a valid integer"),
        ("epochs = 1", "weight_decay = -1.0", ": text.fit.weight_decay is -1.0; it must be at"),
        ("epochs = 1", "warmup_share = 1.0", ": text.fit.warmup_share is 1.0; it must be below"),
        ("train_tokens = 16", "train_tokens = 2", ": text.train_tokens is 2; it must be at least"),
        ('"describe"', '"drop"', ": text.emoji: Input should be 'keep', 'describe' or"),
        ('"describe"', '"describe"\nemoji_dropout = 1.0', ": text.emoji_dropout is 1.0; it must"),
        ("image_width = 32", "image_width = 16", ": audio.features: the image is 32 × 16; Mobile"),
        ('"emodb"', '"emodb"\nspeeds = []', ": audio.speeds: Tuple should have at least 1 item"),
        ('"emodb"', '"emodb"\nspeeds = [1, 0]', ": audio.speeds.1 is 0; it must be above 0"),
        ('"emodb"', '"emodb"\nmixup = -0.1', ": audio.mixup is -0.1; it must be at least 0"),
        ('"emodb"', '"emodb"\nmax_masked_rows = -1', ": audio.max_masked_rows is -1; it must be"),
        ("[fusion.fit]", "[fusion]\ntext_dropout = 0.8\naudio_dropout = 0.3\n[fusion.fit]",
         ": fusion: text_dropout is 0.8 and audio_dropout 0.3; they must be together at"),
        ("[fusion.fit]\nepochs = 1\nkeep = \"last\"", "[fusion.fit]",
         ": fusion.fit.keep is 'best'; texts and clips of two data sets make no validation"),
        ("[fusion.fit]\nepochs = 1\nkeep = \"last\"", "", ": [fusion] goes with [text] and"),
        ('name = "tiny"', 'name = "tiny"\nseed = -1', ": seed is -1; it must be at least 0"),
        ('name = "tiny"', 'name = "tiny"\nvalidation_share = 1.0', ": validation_share is 1.0; it"),
        ('name = "tiny"', 'name = "tiny"\nvalidation_share = 0.0', ": validation_share is 0.0; it"),
        ('name = "tiny"', 'name = "tiny"\ntrain_split = "test"', ": train_split: Input should be"),
        ("epochs = 1", "patience = -1", ": text.fit.patience is -1; it must be at least 0"),
        ("epochs = 1", 'patience = 2\nkeep = "last"', ": text.fit: patience is 2 and keep 'last';"),
        ("epochs = 1", "accumulate_batches = 0", ": text.fit.accumulate_batches is 0; it must"),
        ("epochs = 1", "label_smoothing = 1.0", ": text.fit.label_smoothing is 1.0; it must be"),
        ("epochs = 1", "class_weights = 'rare'", ": text.fit.class_weights: Input should be"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_in_one_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TINY_TOML
    assert toml_error(tmp_path, TINY_TOML.replace(old, new, 1)).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[head]", "[heads]", ": unknown setting 'heads'; did you mean 'head'?"),
        ("train_tokens", "train_token",
         ": text: unknown setting 'train_token'; did you mean 'train_tokens'?"),
        ("epochs", "epoch", ": text.fit: unknown setting 'epoch'; did you mean 'epochs'?"),
        # The field is also missing; what was written is told.
        ("dataset", "data_set", ": text: unknown setting 'data_set'; did you mean 'dataset'?"),
        ("[fusion.fit]", "[fusion.fits]", ": fusion: unknown setting 'fits'; did you mean 'fit'?"),
        ("alpha = 0.25", "width = 0.25", ": audio.mobilenet: unknown setting 'width'; the settings "
         "are alpha, batch_norm_momentum"),
        # Two in one file: the first.
        ("epochs = 1\n\n[audio]", "epoch = 1\n\n[sound]",
         ": text.fit: unknown setting 'epoch'; did you mean 'epochs'?"),
    ],
)  # fmt: skip
def test_a_setting_that_there_is_not_is_told_with_the_nearest(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TINY_TOML
    assert toml_error(tmp_path, TINY_TOML.replace(old, new, 1)) == message


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.toml")))
def test_shipped_configs_keep_the_rules(name: str) -> None:
    assert read_training_config(Path(name)).name == name.removesuffix(".toml")


TABLES = {
    "": TrainingConfig,
    "head": HeadConfig,
    "text": TextTraining,
    "audio": AudioTraining,
    "audio.features": AudioConfig,
    "audio.mobilenet": MobileNetConfig,
    "fusion": FusionTraining,
}
FITS = ("text.fit", "audio.fit", "fusion.fit")


def uncommented(content: str) -> str:
    """The content with the fields that are commented out, such as `# seed = 1 # why`."""
    return re.sub(r"^# (\w+ = )", r"\1", content, flags=re.MULTILINE)


def table_of(settings: dict[str, Any], name: str) -> dict[str, Any]:
    for key in name.split(".") if name else ():
        settings = settings[key]
    return settings


def test_own_data_has_every_field_there_is(tmp_path: Path) -> None:
    content = (CONFIGS / "own-data.toml").read_text(encoding="utf-8")
    everything = uncommented(content)
    assert everything != content
    settings = tomllib.loads(everything)
    for name, kind in TABLES.items():
        known = {field.name for field in fields(kind)} - {"joined"}  # of imported models
        assert set(table_of(settings, name)) == known, name
    in_fits = {field for name in FITS for field in table_of(settings, name)}
    assert in_fits == {field.name for field in fields(FitConfig)}
    # Those that are commented out are of the right kind, too.
    (tmp_path / "all.toml").write_text(everything, encoding="utf-8")
    config = read_training_config(tmp_path / "all.toml")
    assert config.is_paired
    assert config.text is not None
    assert config.text.window_tokens is not None


def test_own_data_explains_each_field_or_its_table() -> None:
    """What has no comment has its unit or its rule in its name."""
    content = (CONFIGS / "own-data.toml").read_text(encoding="utf-8")
    plain = {"name", "batch_size", "epochs", "learning_rate", "optimizer", "label_smoothing"}
    plain |= {"sample_rate_hz", "n_fft", "max_clip_bytes", "audio_dropout", "dropout"}
    seen: dict[str, bool] = {}
    for line in uncommented(content).splitlines():
        if match := re.match(r"(\w+) = [^#]*(# .+)?$", line):
            seen[match[1]] = seen.get(match[1], False) or bool(match[2])
    assert {name for name, is_explained in seen.items() if not is_explained} <= plain


def test_texts_and_clips_of_one_data_set_are_paired(tmp_path: Path) -> None:
    """Then there are validation pairs, and the fused head may keep its best epoch."""
    path = tmp_path / "paired.toml"
    one = TINY_TOML.replace("goemotions-ekman", "meld").replace("emodb", "meld")
    path.write_text(one.replace('keep = "last"', 'keep = "best"'), encoding="utf-8")
    config = read_training_config(path)
    assert config.is_paired
    assert config.fusion is not None
    assert config.fusion.fit.keep == "best"
    path.write_text(TINY_TOML, encoding="utf-8")
    assert not read_training_config(path).is_paired


def test_neither_text_nor_audio(tmp_path: Path) -> None:
    message = toml_error(tmp_path, 'name = "x"\nemotions = ["a", "b"]\n[head]\n')
    assert message == ": a [text] or an [audio] table is needed"


@pytest.mark.parametrize("content", ["name = ", b"name = '\xff'", "name = 'x'\nname = 'y'"])
def test_files_that_are_not_toml(tmp_path: Path, content: str | bytes) -> None:
    assert toml_error(tmp_path, content).startswith(" is not TOML: ")


MULTI_LABEL = """
name = "several"
problem_type = "multi_label"

[text]
dataset = "goemotions-28"

[text.fit]
"""


def test_several_labels_an_item(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(MULTI_LABEL, encoding="utf-8")
    assert read_training_config(tmp_path / "run.toml").problem_type == "multi_label"
    assert read_training_config(Path("default.toml")).problem_type == "single_label"
    shipped = read_training_config(Path("goemotions-28.toml"))
    assert shipped.problem_type == "multi_label"
    assert shipped.text is not None
    assert shipped.text.dataset == "goemotions-28"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'class_weights = "balanced"',
            ": text.fit.class_weights is 'balanced'; a multi_label item has no one class to weigh "
            "by, so it must be 'none'",
        ),
        (
            "label_smoothing = 0.1",
            ": text.fit.label_smoothing is 0.1; multi_label classes share no weight to spread, so "
            "it must be 0",
        ),
    ],
)
def test_what_several_labels_an_item_exclude(tmp_path: Path, line: str, message: str) -> None:
    assert toml_error(tmp_path, MULTI_LABEL + line) == message


def test_two_data_sets_cannot_be_paired_by_several_labels(tmp_path: Path) -> None:
    content = TINY_TOML.replace('name = "tiny"', 'name = "tiny"\nproblem_type = "multi_label"')
    assert toml_error(tmp_path, content) == (
        ": problem_type is 'multi_label'; texts and clips of two data sets are paired by their one "
        "label, so [text] and [audio] must name one data set"
    )
