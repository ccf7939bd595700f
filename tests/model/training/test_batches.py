"""Batches hold every example once an epoch, and repeat from their seed."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.config import AudioConfig, MobileNetConfig
from model.network.backend import start_keras
from model.training.training_config import AudioTraining, FitConfig, FusionTraining

start_keras()
from model.training.batches import ClipBatches, PairBatches, TextBatches  # noqa: E402

FloatArray = npt.NDArray[np.float32]
WIDTH = 32


def numbered(n_examples: int) -> FloatArray:
    """Targets that tell which example they belong to."""
    return np.arange(n_examples, dtype=np.float32)[:, None]


def text_batches(lengths: list[int], batch_size: int = 4, seed: int = 1) -> TextBatches:
    """The window of example i is i, i, i, …, which shows whether targets stay with their text."""
    windows = [(index + 1,) * length for index, length in enumerate(lengths)]
    return TextBatches(windows, numbered(len(lengths)), batch_size, seed)


def epoch_of(batches: Any) -> list[tuple[Any, FloatArray]]:
    return [batches[index] for index in range(len(batches))]


def order_of(batches: Any) -> list[int]:
    return [int(row) for _, targets in epoch_of(batches) for row in targets[:, 0]]


def clip_batches(
    frames: list[int], batch_size: int = 4, seed: int = 1, **changes: Any
) -> ClipBatches:
    """Clips of two speeds, whose pixels are 100 + i."""
    fields: dict[str, Any] = {
        "dataset": "emodb",
        "fit": FitConfig(),
        "features": AudioConfig(image_height=WIDTH, image_width=WIDTH, chroma_repeats=1),
        "mobilenet": MobileNetConfig(),
    }
    strips = [
        [np.full((WIDTH, n_frames + extra), 100 + index, np.uint8) for extra in (0, 3)]
        for index, n_frames in enumerate(frames)
    ]
    settings_ = AudioTraining(**(fields | changes))
    return ClipBatches(strips, numbered(len(frames)), settings_, batch_size, seed)


def pair_batches(
    text_labels: list[int],
    audio_labels: list[int],
    seed: int = 1,
    batch_size: int = 16,
    **dropout: float,
) -> PairBatches:
    """Features whose first digit is the label; the second tells text (1) from audio (2)."""
    settings_ = FusionTraining(fit=FitConfig(batch_size=batch_size, keep="last"), **dropout)
    text, audio = (
        np.array([[10 + label, side] for label in labels], np.float32)
        for side, labels in ((1, text_labels), (2, audio_labels))
    )
    crops_for = [np.flatnonzero(np.array(audio_labels) == label) for label in text_labels]
    targets = np.eye(3, dtype=np.float32)[text_labels]
    return PairBatches(text, audio, crops_for, targets, settings_, seed)


def test_emoji_are_dropped_anew_in_each_epoch() -> None:
    """From texts that have some; what is dropped depends on seed and epoch alone."""
    windows = [(1, 1, 9), (2, 2), (3, 3, 9), (4, 4, 9)] * 50
    plain = {row: window[:2] for row, window in enumerate(windows) if 9 in window}

    def read(share: float, epoch: int) -> dict[int, bool]:
        batches = TextBatches(
            windows, numbered(200), 8, 1, without_emoji=plain, emoji_dropout=share
        )
        batches.start_epoch(epoch)
        return {
            int(row): 9 in window
            for inputs, targets in epoch_of(batches)
            for row, window in zip(targets[:, 0], inputs["token_ids"][:, 0], strict=True)
        }

    assert read(0.0, 0) == {row: row in plain for row in range(200)}
    first = read(0.8, 0)
    assert 0.1 < sum(first.values()) / len(plain) < 0.3
    assert not any(first[row] for row in range(200) if row not in plain)
    assert first == read(0.8, 0) != read(0.8, 1)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_longest_and_the_shortest_batch_come_first_without_emoji_too(seed: int) -> None:
    windows = [(1,) * length for length in (6,) * 8 + (14,) * 8 + (96,)]
    batches = TextBatches(
        windows, numbered(17), 8, seed, without_emoji={16: (1,) * 5, 0: (1,) * 9}, emoji_dropout=0.9
    )
    widths = [inputs["token_ids"].shape[-1] for inputs, _ in epoch_of(batches)]
    assert widths[0] == max(widths)
    assert widths[1] == min(widths[1:])


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_a_text_may_be_longer_without_its_emoji(seed: int) -> None:
    """`rain😂` is one unknown word, and `rain` several pieces."""
    plain = {3: (1,) * 9, 17: (1,) * 9}
    batches = TextBatches(
        [(1,) * 8] * 24, numbered(24), 8, seed, without_emoji=plain, emoji_dropout=0.5
    )
    widths = [inputs["token_ids"].shape[-1] for inputs, _ in epoch_of(batches)]
    assert widths[0] == max(widths) == 16
    assert widths[1] == min(widths) == 8


# All of them


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 2**31)
)
def test_every_text_once_an_epoch(lengths: list[int], batch_size: int, seed: int) -> None:
    batches = text_batches(lengths, batch_size, seed)
    for _ in range(2):
        assert len(batches) == -(-len(lengths) // batch_size)
        assert sorted(order_of(batches)) == list(range(len(lengths)))
        batches.on_epoch_end()


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: text_batches([7] * 50, seed=seed),
        lambda seed: clip_batches([40] * 50, seed=seed, max_masked_frames=8, mixup=0.0),
    ],
    ids=["text", "clips"],
)
def test_orders_change_with_the_epoch_and_repeat_from_the_seed(make: Any) -> None:
    batches, again, other = make(1), make(1), make(2)
    first = order_of(batches)
    assert sorted(first) == list(range(50))
    assert order_of(batches) == first == order_of(again)
    assert order_of(other) != first
    batches.on_epoch_end()
    again.on_epoch_end()
    second = order_of(batches)
    assert sorted(second) == list(range(50))
    assert second != first
    assert order_of(again) == second


@pytest.mark.parametrize(
    "make",
    [
        lambda: text_batches(list(range(1, 41))),
        lambda: clip_batches([20, 60] * 20, max_masked_frames=8, max_masked_rows=8, mixup=0.3),
        lambda: pair_batches([0, 1, 2] * 30, [0, 1, 0, 1], text_dropout=0.2, audio_dropout=0.3),
    ],
    ids=["text", "clips", "pairs"],
)
def test_the_same_seed_gives_the_same_batches(make: Any) -> None:
    """Whatever order they are asked for in: Keras may read them ahead."""
    one, other = make(), make()
    one.on_epoch_end()
    other.on_epoch_end()
    backwards = [other[index] for index in reversed(range(len(other)))][::-1]
    for (inputs, targets), (inputs_again, targets_again) in zip(
        epoch_of(one), backwards, strict=True
    ):
        np.testing.assert_equal(inputs, inputs_again)
        np.testing.assert_array_equal(targets, targets_again)


# Texts


@pytest.mark.parametrize(
    "make",
    [
        lambda: text_batches(list(range(1, 41))),
        lambda: clip_batches([20, 60] * 20, max_masked_frames=8, mixup=0.3),
    ],
    ids=["text", "clips"],
)
def test_batches_that_do_not_move_on_are_the_same_in_every_epoch(make: Any) -> None:
    batches = make()
    batches.moves_on = False
    first = epoch_of(batches)
    batches.on_epoch_end()
    for (inputs, targets), (inputs_again, targets_again) in zip(
        first, epoch_of(batches), strict=True
    ):
        np.testing.assert_equal(inputs, inputs_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_windows_keep_their_targets() -> None:
    for inputs, targets in epoch_of(text_batches(list(range(1, 30)))):
        token_ids, mask = inputs["token_ids"], inputs["token_mask"]
        assert token_ids.shape == mask.shape == (len(targets), 1, token_ids.shape[2])
        assert (token_ids.dtype, mask.dtype) == (np.int32, bool)
        for row, window_mask, example in zip(
            token_ids[:, 0], mask[:, 0], targets[:, 0], strict=True
        ):
            assert row[window_mask].tolist() == [example + 1] * int(example + 1)
            assert not row[~window_mask].any()


def test_sorting_by_length_saves_most_of_the_padding() -> None:
    lengths = np.random.default_rng(4).integers(3, 97, 800).tolist()
    batches = text_batches(lengths, batch_size=16)
    padded = sum(inputs["token_ids"].size for inputs, _ in epoch_of(batches))
    order = np.random.default_rng(0).permutation(800).reshape(-1, 16)
    shuffled = sum(16 * max(lengths[row] for row in rows) for rows in order)
    assert sum(lengths) <= padded < 1.15 * sum(lengths)
    assert shuffled > 1.7 * sum(lengths)


def test_the_longest_batch_comes_first_and_the_shortest_second() -> None:
    batches = text_batches(list(range(1, 81)), batch_size=8)
    for _ in range(3):
        longest = [int(inputs["token_mask"].sum(axis=2).max()) for inputs, _ in epoch_of(batches)]
        assert longest[0] == max(longest) == 80
        assert longest[1] == min(longest) == 8
        # The others are in no order of length.
        assert longest[2:] not in (sorted(longest[2:]), sorted(longest[2:], reverse=True))
        batches.on_epoch_end()


# Clips


def test_shapes_and_types_of_clips() -> None:
    batches = clip_batches([5, 32, 50, 90, 31], batch_size=2, max_masked_frames=4)
    sizes = []
    for inputs, targets in epoch_of(batches):
        sizes.append(len(targets))
        assert inputs["images"].shape == (len(targets), 1, WIDTH, WIDTH)
        assert inputs["images"].dtype == np.uint8
        assert inputs["image_mask"].tolist() == [[True]] * len(targets)
        assert targets.dtype == np.float32
    assert sizes == [2, 2, 1]


def test_images_keep_their_targets_and_short_clips_are_padded_on_the_right() -> None:
    for inputs, targets in epoch_of(clip_batches([5, 20, 32, 90])):
        for image, example in zip(inputs["images"][:, 0], targets[:, 0], strict=True):
            width = {0: (5, 8), 1: (20, 23)}.get(int(example), (WIDTH,))
            filled = int((image[0] > 0).sum())
            assert filled in width
            assert (image[:, :filled] == 100 + example).all()
            assert not image[:, filled:].any()


def test_stripes_are_bounded_and_inside_the_clip() -> None:
    batches = clip_batches([40] * 64, batch_size=64, max_masked_frames=6, max_masked_rows=4)
    [(inputs, _)] = epoch_of(batches)
    dark = inputs["images"][:, 0] == 0
    columns, rows = dark.all(axis=1), dark.all(axis=2)
    assert set(columns.sum(axis=1)) == set(range(7))
    assert set(rows.sum(axis=1)) == set(range(5))
    for stripes in (columns, rows):
        # One stripe at most: it starts once.
        starts = np.diff(stripes.astype(int), axis=1, prepend=0) == 1
        assert starts.sum(axis=1).max() == 1
    # Nothing else is dark.
    np.testing.assert_array_equal(dark, columns[:, None, :] | rows[:, :, None])


def test_a_stripe_never_covers_a_whole_clip() -> None:
    batches = clip_batches([1, 2, 3] * 10, max_masked_frames=99, max_masked_rows=99)
    for inputs, _ in epoch_of(batches):
        assert inputs["images"].any(axis=(1, 2, 3)).all()


def test_crops_move_over_long_clips() -> None:
    strip = np.tile(np.arange(1, 101, dtype=np.uint8), (WIDTH, 1))
    batches = clip_batches([40] * 50, batch_size=50)
    batches.strips = [[strip]] * 50
    [(inputs, _)] = epoch_of(batches)
    starts = inputs["images"][:, 0, 0, 0].astype(int) - 1
    assert starts.min() >= 0
    assert starts.max() <= 100 - WIDTH
    assert len(set(starts)) > 20
    assert (np.diff(inputs["images"][:, 0].astype(int), axis=2) == 1).all()


def test_mixed_targets_are_shares_of_two_labels() -> None:
    batches = clip_batches([40] * 40, batch_size=20, mixup=0.5)
    batches.targets = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
    n_mixed = 0
    for inputs, targets in epoch_of(batches):
        assert targets.dtype == np.float32
        assert inputs["images"].dtype == np.uint8
        np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
        assert (targets >= 0).all()
        assert ((targets > 0).sum(axis=1) <= 2).all()
        n_mixed += int(((targets > 0.02) & (targets < 0.98)).any(axis=1).sum())
        assert (inputs["images"] >= 100).all()
        assert (inputs["images"] < 140).all()
    assert n_mixed > 10


# Pairs


def test_both_sides_of_a_pair_have_its_label() -> None:
    batches = pair_batches([0, 1, 2] * 20, [0, 0, 1], text_dropout=0.0, audio_dropout=0.0)
    for features, targets in epoch_of(batches):
        assert features.dtype == targets.dtype == np.float32
        assert features.shape == (len(targets), 4)
        for row, target in zip(features, targets, strict=True):
            label = int(target.argmax())
            assert target.tolist() == np.eye(3)[label].tolist()
            # Emotion 2 has no clips: its audio side is blank.
            audio = [10 + label, 2] if label < 2 else [0, 0]
            assert row.tolist() == [10 + label, 1, *audio]


@pytest.mark.parametrize(("text_dropout", "audio_dropout"), [(0.1, 0.3), (0.5, 0.5), (1.0, 0.0)])
def test_blanks_come_at_the_stated_rates_and_never_on_both_sides(
    text_dropout: float, audio_dropout: float
) -> None:
    batches = pair_batches(
        [0, 1, 2] * 2000,
        [0, 1, 1],
        batch_size=64,
        text_dropout=text_dropout,
        audio_dropout=audio_dropout,
    )
    features, targets = (np.concatenate(side) for side in zip(*epoch_of(batches), strict=True))
    no_text, no_audio = ~features[:, :2].any(axis=1), ~features[:, 2:].any(axis=1)
    assert not (no_text & no_audio).any()
    with_clips = targets[:, 2] == 0
    # 4000 pairs: a standard error of 0.008 at most.
    assert no_text[with_clips].mean() == pytest.approx(text_dropout, abs=0.03)
    assert no_audio[with_clips].mean() == pytest.approx(audio_dropout, abs=0.03)
    assert no_audio[~with_clips].all()


def test_a_pair_has_one_of_its_own_crops_and_all_of_them_in_turn() -> None:
    settings_ = FusionTraining(fit=FitConfig(batch_size=2, keep="last"), audio_dropout=0.0)
    audio = np.arange(1, 7, dtype=np.float32)[:, None]
    own = [np.array([0, 4]), np.array([], np.int64), np.array([1, 2, 3, 5])]
    batches = PairBatches(np.ones((3, 1), np.float32), audio, own, numbered(3), settings_, 1)
    heard: dict[int, set[float]] = {0: set(), 1: set(), 2: set()}
    for _ in range(40):
        for features, targets in epoch_of(batches):
            for row, target in zip(features, targets[:, 0], strict=True):
                heard[int(target)].add(float(row[1]))
        batches.on_epoch_end()
    assert heard == {0: {1, 5}, 1: {0}, 2: {2, 3, 4, 6}}


def test_blanking_leaves_the_features_as_they_were() -> None:
    batches = pair_batches([0] * 50, [0], text_dropout=0.5, audio_dropout=0.5)
    epoch_of(batches)
    assert batches.text_features.all()
    assert batches.audio_features.all()
