"""What the scorer asks of an engine: equal texts once, batches in order, halves for want of memory.

The engine is one whose answers can be told beforehand.
"""

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.preprocessing.emotion_preprocessor import ModelInput
from model.preprocessing.text_preprocessor import token_batches
from model.scoring.artifact import Artifact
from model.scoring.scorer import EmotionScorer

FloatArray = npt.NDArray[np.float32]


class CountingEngine:
    """Sums token ids and averages pixels, and notes how many rows each call has.

    Args:
        n_parallel: batches at a time.
        max_rows: with more rows, memory is out.
        error: what is raised then.
    """

    max_padded_tokens = 64
    max_images = 4

    def __init__(
        self, n_parallel: int = 1, max_rows: int = 1000, error: Exception | None = None
    ) -> None:
        self.n_parallel = n_parallel
        self.max_rows = max_rows
        self.error = error or MemoryError()
        self.windows: list[int] = []
        self.images: list[int] = []

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        self.windows.append(len(token_ids))
        if len(token_ids) > self.max_rows:
            raise self.error
        assert token_ids.shape == token_mask.shape
        sums = np.stack([(token_ids * token_mask).sum(axis=1), token_mask.sum(axis=1)], axis=1)
        return sums.astype(np.float32)

    def encode_images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        self.images.append(len(images))
        if len(images) > self.max_rows:
            raise self.error
        return images.mean(axis=(1, 2), dtype=np.float32)[:, None]

    def classify(self, text: FloatArray | None, audio: FloatArray | None) -> dict[str, FloatArray]:
        logits = {}
        if text is not None:
            # Of a text's features, the second is 1: its windows' tokens by their number.
            np.testing.assert_array_equal(text[:, 1], 1)
            logits["text"] = text[:, :1] * np.arange(7, dtype=np.float32)
        if audio is not None:
            logits["audio"] = audio * np.arange(7, dtype=np.float32)
        if text is not None and audio is not None:
            logits["text+audio"] = logits["text"] + logits["audio"]
        return logits

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, MemoryError)


def text(*windows: tuple[int, ...]) -> ModelInput:
    return ModelInput(windows=windows, n_tokens=sum(map(len, windows)))


def clip(*brightness: int) -> ModelInput:
    return ModelInput(images=np.stack([np.full((2, 3), each, np.uint8) for each in brightness]))


def means(scorer: EmotionScorer, inputs: list[ModelInput]) -> list[dict[str, float]]:
    """The mean token id and mean brightness of each input, as the logits of class 1 tell them."""
    return [
        {head: float(values[1]) for head, values in logits.items()}
        for logits in scorer.logits(inputs)
    ]


@pytest.fixture
def artifact(tiny_artifact: Path) -> Artifact:
    return Artifact.load(tiny_artifact)


def test_features_are_means_over_all_windows_and_images(artifact: Artifact) -> None:
    scorer = EmotionScorer(artifact, CountingEngine())
    both = ModelInput(windows=((5, 7),), images=clip(10, 20, 60).images)
    items = [text((2, 4, 9), (9,)), clip(40), both, text((5, 7)), clip(1, 2, 3, 4, 5)]
    assert means(scorer, items) == [
        {"text": 6},
        {"audio": 40},
        {"text": 6, "audio": 30, "text+audio": 36},
        {"text": 6},
        {"audio": 3},
    ]


def test_equal_texts_are_encoded_once(artifact: Artifact) -> None:
    engine = CountingEngine()
    scorer = EmotionScorer(artifact, engine)
    items = [text((2, 4)), text((8,)), text((2, 4)), text((2,), (4,)), text((2, 4))]
    assert means(scorer, items) == [{"text": 3}, {"text": 8}, {"text": 3}, {"text": 3}, {"text": 3}]
    # Two texts of one window, and one of two.
    assert engine.windows == [4]
    assert means(scorer, [text((8,)), text((6,)), text((2, 4))]) == [
        {"text": 8},
        {"text": 6},
        {"text": 3},
    ]
    assert engine.windows == [4, 1]
    scorer.logits(items)
    assert engine.windows == [4, 1]
    scorer.forget_texts()
    assert means(scorer, [text((8,))]) == [{"text": 8}]
    assert engine.windows == [4, 1, 1]


def test_equal_clips_are_encoded_each_time(artifact: Artifact) -> None:
    engine = CountingEngine()
    scorer = EmotionScorer(artifact, engine)
    scorer.score([clip(3, 4, 5), clip(3, 4, 5)])
    assert engine.images == [4, 2]


def test_the_texts_asked_for_longest_ago_are_forgotten(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.scoring.scorer.MAX_CACHED_TEXTS", 3)
    engine = CountingEngine()
    scorer = EmotionScorer(artifact, engine)

    def encoded(*tokens: int) -> int:
        """How many texts of these are encoded anew."""
        engine.windows.clear()
        expected = [{"text": float(token)} for token in tokens]
        assert means(scorer, [text((token,)) for token in tokens]) == expected
        return sum(engine.windows)

    assert encoded(1, 2, 3) == 3
    assert encoded(1) == 0
    assert encoded(4) == 1
    assert encoded(1, 3, 4) == 0
    assert encoded(2) == 1
    assert encoded(1) == 1
    # More than are kept: all are scored, and the last three remembered.
    assert encoded(5, 6, 7, 8, 9) == 5
    assert encoded(7, 8, 9) == 0
    assert encoded(5, 6) == 2


def test_a_text_that_is_kept_keeps_no_others_of_its_batch(artifact: Artifact) -> None:
    scorer = EmotionScorer(artifact, CountingEngine())
    scorer.logits([text((token,)) for token in range(50)])
    assert {len(each) for each in scorer._texts._features.values()} == {2}
    for each in scorer._texts._features.values():
        assert each.base is None or each.base.size == 2


def mixture() -> list[ModelInput]:
    random = np.random.default_rng(1)
    return [
        *(text(tuple(random.integers(1, 90, length))) for length in random.integers(1, 32, 40)),
        *(clip(*random.integers(0, 256, n_images)) for n_images in random.integers(1, 6, 9)),
        ModelInput(windows=((3, 4), (5,)), images=clip(7, 8).images),
    ]


@pytest.mark.parametrize("max_rows", [1, 2, 3])
def test_a_batch_that_memory_does_not_hold_is_halved(artifact: Artifact, max_rows: int) -> None:
    small, large = CountingEngine(max_rows=max_rows), CountingEngine()
    whole = means(EmotionScorer(artifact, large), mixture())
    assert means(EmotionScorer(artifact, small), mixture()) == whole
    assert max(large.windows) > 2 * max_rows
    assert max(small.windows) == max(large.windows)
    for counts, needed in ((small.windows, large.windows), (small.images, large.images)):
        assert sum(count for count in counts if count <= max_rows) == sum(needed)


def test_a_batch_is_halved_as_often_as_needed(artifact: Artifact) -> None:
    engine = CountingEngine(max_rows=2)
    EmotionScorer(artifact, engine).logits([text((token,)) for token in range(1, 8)])
    assert engine.windows == [7, 3, 1, 2, 2, 2]  # four at once are not tried: three were too many


def test_a_size_that_memory_did_not_hold_is_not_tried_again(artifact: Artifact) -> None:
    engine = CountingEngine(max_rows=3)
    scorer = EmotionScorer(artifact, engine)
    scorer.logits([text((token,)) for token in range(1, 9)])
    assert engine.windows == [8, 4, 2, 2, 2, 2]
    scorer.logits([text((token,)) for token in range(11, 19)])
    assert engine.windows[6:] == [2, 2, 2, 2]
    # Of longer texts fewer; of images nothing is known yet.
    scorer.logits([text(tuple(range(start, start + 16))) for start in (20, 50)])
    assert engine.windows[10:] == [1, 1]
    scorer.logits([clip(1, 2, 3, 4)])
    assert engine.images == [4, 2, 2]
    engine.images.clear()
    scorer.logits([clip(1, 2, 3, 4)])
    assert engine.images == [2, 2]


def test_a_single_item_that_memory_does_not_hold_fails(artifact: Artifact) -> None:
    engine = CountingEngine(max_rows=0)
    scorer = EmotionScorer(artifact, engine)
    with pytest.raises(MemoryError):
        scorer.score([text((1, 2)), text((3,))])
    assert engine.windows == [2, 1]
    with pytest.raises(MemoryError):
        scorer.score([clip(1)])
    assert engine.images == [1]
    # Nothing of it is remembered.
    engine.max_rows = 2
    assert means(scorer, [text((1, 2)), text((3,))]) == [{"text": 1.5}, {"text": 3}]


def test_other_errors_are_not_answered_with_smaller_batches(artifact: Artifact) -> None:
    engine = CountingEngine(max_rows=0, error=ValueError("no such token"))
    with pytest.raises(ValueError, match="no such token"):
        EmotionScorer(artifact, engine).score([text((1, 2)), text((3,))])
    assert engine.windows == [2]


class WaitingEngine(CountingEngine):
    """Ends no batch before four of them run; then those that began last end first."""

    max_padded_tokens = 8

    def __init__(self) -> None:
        super().__init__(n_parallel=4)
        self.all_run = threading.Barrier(4, timeout=20)
        self.turns = [threading.Event() for _ in range(5)]
        self.turns[4].set()

    def sum_windows(
        self, token_ids: npt.NDArray[np.int32], token_mask: npt.NDArray[np.bool_]
    ) -> FloatArray:
        self.all_run.wait()
        turn = int(token_ids[0, 0])
        assert self.turns[turn + 1].wait(timeout=20)
        try:
            return super().sum_windows(token_ids, token_mask)
        finally:
            self.turns[turn].set()


def test_batches_that_run_at_a_time_keep_their_order(artifact: Artifact) -> None:
    scorer = EmotionScorer(artifact, WaitingEngine())
    items = [text((turn, *range(5, 10 + turn))) for turn in (2, 0, 3, 1)]
    expected = [{"text": float(np.mean(item.windows[0], dtype=np.float32))} for item in items]
    assert means(scorer, items) == expected


def test_four_at_a_time_score_as_one(artifact: Artifact) -> None:
    one, four = (EmotionScorer(artifact, CountingEngine(n_parallel=n)) for n in (1, 4))
    assert means(four, mixture()) == means(one, mixture())


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(1, 64))
def test_batches_hold_each_row_once_and_no_more_tokens_than_allowed(
    lengths: list[int], max_padded_tokens: int
) -> None:
    batches = list(token_batches(lengths, max_padded_tokens))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= max_padded_tokens


def test_no_more_images_at_a_time_than_the_engine_takes(artifact: Artifact) -> None:
    engine = CountingEngine()
    scorer = EmotionScorer(artifact, engine)
    assert means(scorer, [clip(*range(1, 10)), clip(30)]) == [{"audio": 5}, {"audio": 30}]
    assert engine.images == [4, 4, 2]
