"""The scorer: batches equal single items, and its parts equal the network called as trained."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import ItemError
from model.preprocessing.emotion_preprocessor import ModelInput
from model.preprocessing.text_preprocessor import pad_windows
from model.scoring.artifact import Artifact
from model.scoring.calibration import softmax
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from model.scoring.scores import EmotionScores
from schemas.dead_letters import Reason
from schemas.emotions import Modality
from tests.support.clips import encode, speech_like
from tests.support.tiny_models import save_tiny_artifact

TEXTS = [
    "the rain",
    "a",
    "happy " * 90,
    "😂",
    "sad user http",
    "angry #train, again and again!",
    "the rain",
]


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, FLOAT32)


@pytest.fixture(scope="module")
def clips() -> list[bytes]:
    return [encode(speech_like(seconds), 16_000, "wav") for seconds in (0.5, 2.0, 9.0)]


@pytest.fixture(scope="module")
def inputs(scorer: EmotionScorer, clips: list[bytes]) -> list[ModelInput]:
    """Texts, clips and both, mixed."""
    return [
        *(scorer.preprocess(text, None) for text in TEXTS),
        *(scorer.preprocess(None, clip) for clip in clips),
        *(scorer.preprocess(text, clip) for text, clip in zip(TEXTS, clips, strict=False)),
    ]


@pytest.mark.tensorflow
def test_modalities_and_what_each_carries(scorer: EmotionScorer, inputs: list[ModelInput]) -> None:
    for item, scores in zip(inputs, scorer.score(inputs), strict=True):
        assert scores.modality == item.modality
        assert scores.scores.shape == (7,)
        assert scores.scores.sum() == pytest.approx(1, abs=1e-6)
        both = item.modality == Modality.TEXT_AUDIO
        assert (scores.text_scores is not None) is both
        assert (scores.audio_scores is not None) is both
        assert (scores.disagreement is not None) is both
        if scores.disagreement is not None:
            assert 0 <= scores.disagreement <= 1


@pytest.mark.tensorflow
@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_batches_equal_single_items(
    scorer: EmotionScorer, inputs: list[ModelInput], batch_size: int
) -> None:
    scorer.forget_texts()
    whole = scorer.score(inputs)
    parts = []
    for start in range(0, len(inputs), batch_size):
        scorer.forget_texts()
        parts += scorer.score(inputs[start : start + batch_size])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.tensorflow
def test_order_leaves_no_trace(scorer: EmotionScorer, inputs: list[ModelInput]) -> None:
    scorer.forget_texts()
    backwards = scorer.score(inputs[::-1])[::-1]
    scorer.forget_texts()
    for one, other in zip(scorer.score(inputs), backwards, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.tensorflow
def test_small_micro_batches_change_nothing(
    scorer: EmotionScorer, inputs: list[ModelInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer.forget_texts()
    whole = scorer.score(inputs)
    monkeypatch.setattr(scorer._engine, "max_padded_tokens", 40)
    monkeypatch.setattr(scorer._engine, "max_images", 2)
    scorer.forget_texts()
    for one, other in zip(whole, scorer.score(inputs), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.tensorflow
def test_logits_equal_the_network_as_trained(
    tiny_artifact: Path, scorer: EmotionScorer, clips: list[bytes]
) -> None:
    """The scorer pools windows and images by itself; the network does it in one call."""
    item = scorer.preprocess("rain " * 80, clips[2])
    assert len(item.windows) == 3
    assert item.images is not None
    assert len(item.images) == 9
    token_ids, mask = pad_windows(item.windows, 512)
    outputs = Artifact.load(tiny_artifact).classifier()(
        {
            "token_ids": token_ids[None],
            "token_mask": mask[None],
            "images": item.images[None],
            "image_mask": np.ones((1, 9), bool),
        }
    )
    [ours] = scorer.logits([item])
    assert set(ours) == set(outputs) == {"text", "audio", "text+audio"}
    for head, values in outputs.items():
        np.testing.assert_allclose(ours[head], np.asarray(values)[0], atol=1e-5)


@pytest.mark.tensorflow
def test_temperature_divides_the_logits(scorer: EmotionScorer, inputs: list[ModelInput]) -> None:
    [logits] = scorer.logits(inputs[:1])
    [scores] = scorer.score(inputs[:1])
    np.testing.assert_allclose(scores.scores, softmax(logits["text"] / 1.5), atol=1e-6)


@pytest.mark.tensorflow
def test_no_items(scorer: EmotionScorer) -> None:
    assert scorer.score([]) == []


@pytest.mark.tensorflow
def test_an_item_runs_only_the_encoders_that_it_needs(
    tiny_artifact: Path, inputs: list[ModelInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = EmotionScorer.load(tiny_artifact, FLOAT32)
    monkeypatch.delattr(scorer._engine, "_encode_images")
    assert scorer.score(inputs[: len(TEXTS)])
    scorer.forget_texts()
    monkeypatch.delattr(scorer._engine, "_sum_windows")
    with pytest.raises(AttributeError):
        scorer.score(inputs[:1])


@pytest.mark.tensorflow
def test_text_that_cleaning_empties_counts_as_none_beside_a_clip(
    scorer: EmotionScorer, clips: list[bytes]
) -> None:
    assert scorer.preprocess("  ", clips[0]).modality == Modality.AUDIO
    with pytest.raises(ItemError) as caught:
        scorer.preprocess("  ", None)
    assert caught.value.reason == Reason.EMPTY_TEXT


@pytest.mark.tensorflow
def test_a_model_of_text_ignores_clips(tmp_path: Path, clips: list[bytes]) -> None:
    scorer = EmotionScorer.load(save_tiny_artifact(tmp_path / "text", audio=False).path, FLOAT32)
    assert scorer.preprocess("rain", clips[0]).modality == Modality.TEXT
    with pytest.raises(ItemError, match="the item has audio; the model reads text only") as caught:
        scorer.preprocess(None, clips[0])
    assert caught.value.reason == Reason.UNSUPPORTED_MODALITY


@pytest.mark.tensorflow
def test_one_bad_item_costs_no_other(scorer: EmotionScorer, inputs: list[ModelInput]) -> None:
    """The encoder has no such token, and fails on the batch."""
    poisoned = ModelInput(windows=((2, 99_999, 3),))
    first, refused, *rest = scorer.try_score([inputs[0], poisoned, *inputs[1:]])
    assert isinstance(refused, ItemError)
    assert refused.reason == Reason.SCORING_FAILED
    assert refused.message.startswith("the model failed: InvalidArgumentError: ")
    assert type(refused.__cause__).__name__ == "InvalidArgumentError"
    for outcome, expected in zip([first, *rest], scorer.score(inputs), strict=True):
        assert isinstance(outcome, EmotionScores)
        np.testing.assert_allclose(outcome.scores, expected.scores, atol=1e-5)


@pytest.mark.tensorflow
def test_an_item_without_anything(scorer: EmotionScorer) -> None:
    with pytest.raises(ItemError) as caught:
        scorer.preprocess(None, None)
    assert str(caught.value) == "no_content: there is neither a text nor a clip"


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=30).map(tuple), min_size=1))
def test_padding_keeps_every_token(windows: list[tuple[int, ...]]) -> None:
    token_ids, mask = pad_windows(windows, 512)
    assert [tuple(row[kept]) for row, kept in zip(token_ids, mask, strict=True)] == windows
