"""Texts and clips of one data set: each part learns from what it can use, and pairs are real."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.datasets import Dataset, Example, load_dataset
from model.errors import ConfigError, DatasetError
from model.evaluation.evaluate import Evaluation, evaluate_model
from model.network.backend import start_keras
from model.scoring.calibration import fit_temperature
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from model.training.fitting import read_history
from model.training.training_config import TrainingConfig
from tests.support.tiny_corpora import SPOKEN, own_training, write_own_data
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.training.fusion_training  # noqa: E402
import model.training.train  # noqa: E402
from model.training.train import TrainedModel, train  # noqa: E402
from model.training.training_data import TrainingData, config_for_data  # noqa: E402


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each 12 rows, 6 have both, 3 a text and 3 a clip."""
    return write_own_data(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture(scope="module")
def data(table: Path) -> TrainingData:
    return TrainingData.load(own_training(), table)


@pytest.fixture(scope="module")
def trained(
    data: TrainingData, checkpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    return train(own_training(), data, checkpoint, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def evaluation(trained: TrainedModel, table: Path) -> Evaluation:
    scorer = EmotionScorer.load(trained.artifact.path, FLOAT32)
    return evaluate_model(scorer, load_dataset("manifest", table), "test")


def quick(config: TrainingConfig) -> TrainingConfig:
    """The config with one epoch a part."""

    def one(part: Any) -> Any:
        return part and replace(part, fit=replace(part.fit, epochs=1))

    return replace(
        config, text=one(config.text), audio=one(config.audio), fusion=one(config.fusion)
    )


def kinds(examples: Sequence[Example]) -> dict[str, int]:
    """How many of the examples have a text only, a clip only, and both."""
    counts = {"text": 0, "audio": 0, "both": 0}
    for example in examples:
        kind = "both" if example.text and example.clip else "text" if example.text else "audio"
        counts[kind] += 1
    return counts


def test_each_part_has_the_examples_that_it_can_use(data: TrainingData) -> None:
    assert data.text is not None
    assert data.audio is not None
    texts, clips = data.pairs()
    assert texts is clips
    for dataset, expected in (
        (data.text, {"text": 9, "audio": 0, "both": 18}),
        (data.audio, {"text": 0, "audio": 9, "both": 18}),
        (texts, {"text": 0, "audio": 0, "both": 18}),
    ):
        assert kinds(dataset.split("train")) == expected
        assert len(dataset.split("validation")) == sum(expected.values()) / 3


def test_the_artifact_has_three_heads_and_the_data_sets_classes(trained: TrainedModel) -> None:
    assert list(trained.artifact.temperatures) == ["text", "audio", "text+audio"]
    assert all(0 < value != 1.0 for value in trained.artifact.temperatures.values())
    assert trained.artifact.config.emotions == tuple(SPOKEN)
    assert list(trained.parts) == ["text", "audio", "text+audio"]
    assert all((folder / "curves.png").is_file() for folder in trained.parts.values())


def test_seconds_are_those_of_all_epochs(trained: TrainedModel) -> None:
    epochs = [epoch for folder in trained.parts.values() for epoch in read_history(folder)]
    assert len(epochs) == 20 + 40 + 4
    assert trained.seconds == pytest.approx(sum(epoch["seconds"] for epoch in epochs))


def test_the_fused_head_keeps_its_best_epoch_by_real_pairs(trained: TrainedModel) -> None:
    for epoch in read_history(trained.parts["text+audio"]):
        assert {"val_loss", "val_macro_f1"} <= epoch.keys()


def test_the_model_and_each_of_its_parts_are_measured(evaluation: Evaluation) -> None:
    assert evaluation.metrics.n == 12
    assert evaluation.metrics.accuracy >= 0.9
    assert {head: metrics.n for head, metrics in evaluation.by_head.items()} == {
        "text": 9,
        "audio": 9,
    }
    assert all(metrics.accuracy >= 0.6 for metrics in evaluation.by_head.values())


def test_a_text_stands_beside_its_own_clip(
    data: TrainingData, checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoders that tell each example apart show which clip's features its text is fed with."""
    texts, _ = data.pairs()
    n_examples = len(texts.split("train"))
    fed: dict[int, set[int]] = {}

    def tell_texts(encoder: Any, preprocessor: Any, examples: Sequence[Example]) -> Any:
        numbers = [train_examples.index(each) if each in train_examples else 0 for each in examples]
        return np.repeat(np.array(numbers, np.float32)[:, None] + 1, 16, axis=1)

    def tell_crops(encoder: Any, strips: Any, settings: Any, seed: int) -> Any:
        width = encoder.n_features
        owners = np.tile(np.arange(len(strips)), 3)
        of_clip = [clip_numbers[strips[index][0].tobytes()] for index in owners]
        return np.repeat(np.array(of_clip, np.float32)[:, None] + 1, width, axis=1), owners

    class Seen(model.training.fusion_training.PairBatches):
        def __getitem__(self, index: int) -> Any:
            features, targets = super().__getitem__(index)
            for row in features:
                fed.setdefault(int(row[0]), set()).add(int(row[-1]))
            return features, targets

    train_examples = texts.split("train")
    config = quick(own_training())
    classifier, preprocessor = model.training.train.build_classifier(
        replace(config, emotions=tuple(SPOKEN)), data, checkpoint
    )
    assert preprocessor.audio is not None
    assert config.audio is not None
    clip_numbers = {
        strip.tobytes(): number
        for number, example in enumerate(train_examples)
        for strip in [
            model.training.fusion_training.StripStore(
                [example], preprocessor.audio, (1.0,), tmp_path
            )[0][0]
        ]
    }
    assert len(clip_numbers) == n_examples, "two clips are alike"
    assert config.fusion is not None
    never_blank = replace(config.fusion, text_dropout=0.0, audio_dropout=0.0)
    config = replace(config, fusion=never_blank, emotions=tuple(SPOKEN))
    monkeypatch.setattr(model.training.fusion_training, "text_features", tell_texts)
    monkeypatch.setattr(model.training.fusion_training, "crop_features", tell_crops)
    monkeypatch.setattr(model.training.fusion_training, "PairBatches", Seen)
    model.training.fusion_training.fit_fusion(
        classifier, preprocessor, config, texts, texts, tmp_path / "fit", tmp_path
    )
    assert fed == {number: {number} for number in range(1, n_examples + 1)}


def test_validation_pairs_are_an_examples_own_text_and_clip(
    data: TrainingData, trained: TrainedModel
) -> None:
    """The fused temperature is that of real pairs, scored one by one."""
    scorer = EmotionScorer.load(trained.artifact.path, FLOAT32)
    texts, _ = data.pairs()
    items = [
        scorer.preprocess(example.text, example.read_clip())
        for example in texts.split("validation")
    ]
    labels = np.array([list(SPOKEN).index(each.emotion) for each in texts.split("validation")])
    logits = np.stack([scorer.logits([item])[0]["text+audio"] for item in items])
    expected = fit_temperature(logits, labels)
    assert trained.artifact.temperatures["text+audio"] == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("kind", "heads", "told"),
    [
        ("text", ["text"], "manifest has no clips: the other part alone is trained"),
        ("audio", ["audio"], "manifest has no texts: the other part alone is trained"),
    ],
)
def test_a_part_without_examples_is_left_out_and_told(
    tmp_path: Path, checkpoint: str, kind: str, heads: list[str], told: str
) -> None:
    config = quick(own_training())
    table = write_own_data(tmp_path / "own", (kind,), {"train": 4, "validation": 2})
    lines: list[str] = []
    data = TrainingData.load(config, table, lines.append)
    encoder = checkpoint if kind == "text" else None
    done = train(config, data, encoder, tmp_path / "out", log=lines.append)
    assert list(done.artifact.temperatures) == list(done.parts) == heads
    assert lines == [
        "manifest, train: 12 items",
        "manifest, validation: 6 items",
        "manifest, test: 0 items",
        told,
    ]


def test_a_config_that_is_not_paired_needs_its_clips(tmp_path: Path) -> None:
    config = quick(own_training(text=None, fusion=None))
    table = write_own_data(tmp_path / "own", ("text",), {"train": 4, "validation": 2})
    data = TrainingData.load(config, table)
    with pytest.raises(DatasetError, match=r"^manifest has no clips to train on$"):
        train(config, data, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("empty", ["&nbsp;", "\u200b"])
def test_texts_without_anything_to_see_are_left_out_and_told(tmp_path: Path, empty: str) -> None:
    table = write_own_data(tmp_path, ("text",), {"train": 4, "validation": 2})
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("angry 0", empty)
    table.write_text("\n".join(lines), encoding="utf-8")
    told: list[str] = []
    data = TrainingData.load(own_training(), table, told.append)
    assert told[-1] == "manifest: left out, as nothing is left of the text: 1"
    assert data.text is not None
    assert data.audio is None
    assert len(data.text.split("train")) == 11


def test_examples_are_held_out_where_there_are_none_to_validate_on(
    tmp_path: Path,
) -> None:
    config = replace(own_training(), validation_share=0.25)
    table = write_own_data(tmp_path, sizes={"train": 8, "test": 4})
    data = TrainingData.load(config, table, lambda _: None)
    assert data.text is not None
    assert data.audio is not None
    # The same examples for both parts: none is trained on by one and held out by the other.
    held_out = [*data.text.split("validation"), *data.audio.split("validation")]
    trained_on = [*data.text.split("train"), *data.audio.split("train")]
    assert not {repr(each) for each in held_out} & {repr(each) for each in trained_on}
    assert len({repr(each) for each in held_out}) == 6


@pytest.mark.parametrize("lacking", ["train", "validation"])
def test_a_split_without_pairs_is_told_before_any_fit(lacking: str) -> None:
    """The fused head is trained on examples that have both, and its best epoch chosen by them."""
    both = [Example(name, text=name, clip=Path("x.wav")) for name in SPOKEN]
    apart = [replace(each, clip=None) for each in both] + [
        replace(each, text=None) for each in both
    ]
    splits = {name: apart if name == lacking else both for name in ("train", "validation")}
    dataset = Dataset("manifest", tuple(SPOKEN), splits)
    data = TrainingData.of_parts(dataset, dataset)
    config = own_training()
    with pytest.raises(DatasetError) as caught:
        config_for_data(config, data, lambda _: None)
    assert str(caught.value) == (
        f"manifest, {lacking}: no example has both a text and a clip; the fused head needs those"
    )
    assert config.fusion is not None
    last = replace(config.fusion, fit=replace(config.fusion.fit, keep="last"))
    if lacking == "validation":  # It then is needed to calibrate by only, where it is there.
        assert config_for_data(replace(config, fusion=last), data, lambda _: None).fusion == last


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("text", "manifest, validation: no example has a clip; the audio part needs those"),
        ("audio", "manifest, validation: no example has a text; the text part needs those"),
    ],
)
def test_a_validation_split_without_a_modality_is_told_before_any_fit(kind: str, told: str) -> None:
    both = [Example(name, text=name, clip=Path("x.wav")) for name in SPOKEN]
    one = [
        replace(each, clip=None) if kind == "text" else replace(each, text=None) for each in both
    ]
    dataset = Dataset("manifest", tuple(SPOKEN), {"train": both, "validation": one})
    config = own_training()
    assert config.audio is not None
    config = replace(
        config, audio=replace(config.audio, fit=replace(config.audio.fit, keep="best"))
    )
    data = TrainingData.of_parts(dataset, dataset)
    with pytest.raises(DatasetError) as caught:
        config_for_data(config, data, lambda _: None)
    assert str(caught.value) == told


@pytest.mark.parametrize("part", ["text part", "audio part", "fused head"])
def test_a_fit_has_as_many_batches_as_a_step_takes(part: str) -> None:
    """With fewer it would learn nothing."""
    both = [Example(name, text=name, clip=Path("x.wav")) for name in SPOKEN]
    dataset = Dataset("manifest", tuple(SPOKEN), {"train": both, "validation": both})
    data = TrainingData.of_parts(dataset, dataset)
    config = own_training()

    def accumulating(settings: Any, n_batches: int) -> Any:
        fit = replace(settings.fit, epochs=3, batch_size=2, accumulate_batches=n_batches)
        return replace(settings, fit=fit)

    name = {"text part": "text", "audio part": "audio", "fused head": "fusion"}[part]
    settings = getattr(config, name)
    config_for_data(replace(config, **{name: accumulating(settings, 6)}), data, lambda _: None)
    with pytest.raises(ConfigError) as caught:
        config_for_data(replace(config, **{name: accumulating(settings, 7)}), data, lambda _: None)
    impatient = accumulating(settings, 5)
    impatient = replace(impatient, fit=replace(impatient.fit, keep="best", patience=1))
    with pytest.raises(ConfigError, match=rf"; 2 epochs of the {part} have 4 batches, "):
        config_for_data(replace(config, **{name: impatient}), data, lambda _: None)
    assert str(caught.value) == (
        f"own: accumulate_batches is 7; 3 epochs of the {part} have 6 batches, less than a step "
        "takes"
    )


def test_pairs_of_two_data_sets_are_those_data_sets() -> None:
    one, other = (
        Dataset(name, ("a", "b"), {"train": [Example("a", text="x", clip=Path("x"))]})
        for name in ("one", "other")
    )
    assert TrainingData(one, other).pairs() == (one, other)
    with pytest.raises(ValueError, match="pairs need texts and clips"):
        TrainingData(one, None).pairs()
