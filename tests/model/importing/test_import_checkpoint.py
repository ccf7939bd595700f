"""Imported classifiers score as Transformers' pipeline said, from the golden files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.errors import ArtifactError, ConfigError
from model.network.backend import start_keras
from tests.peers.classifiers import PROBLEM_TYPES
from tests.support.reference_classifiers import (
    FAMILIES,
    LABELS,
    TEXTS,
    set_problem_type,
    write_golden_checkpoint,
)

start_keras()

from model.importing.import_checkpoint import import_checkpoint  # noqa: E402
from model.importing.sequence_classifier import SequenceClassifier  # noqa: E402
from model.scoring.artifact import Artifact  # noqa: E402
from model.scoring.engine import FLOAT32, EngineChoice  # noqa: E402
from model.scoring.scorer import EmotionScorer  # noqa: E402

TOLERANCE = 1e-4
OPENVINO = EngineChoice("openvino", "float32")


def import_(checkpoint: Path, out: Path, **settings: Any) -> Artifact:
    read = SequenceClassifier.read(str(checkpoint))
    return import_checkpoint(read, out, log=lambda line: None, **settings)


def scores_of(
    artifact: Artifact, texts: tuple[str, ...] = TEXTS, engine: EngineChoice = FLOAT32
) -> np.ndarray:
    scorer = EmotionScorer.load(artifact.path, engine)
    inputs = [scorer.preprocess(text, None) for text in texts]
    return np.stack([each.scores for each in scorer.score(inputs)])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_golden_checkpoint("roberta", tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def edit(checkpoint: Path, **changes: object) -> None:
    path = checkpoint / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | changes
    kept = {name: value for name, value in settings.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_the_pipeline_s(family: str, problem_type: str, tmp_path: Path) -> None:
    expected = write_golden_checkpoint(family, tmp_path / "checkpoint")[problem_type]
    set_problem_type(tmp_path / "checkpoint", PROBLEM_TYPES[problem_type])
    artifact = import_(tmp_path / "checkpoint", tmp_path / "model")
    assert artifact.config.emotions == LABELS
    for engine in (FLOAT32, OPENVINO):
        scores = scores_of(artifact, engine=engine)
        np.testing.assert_allclose(scores, expected, atol=TOLERANCE)
    # Else the agreement says little.
    assert np.ptp(expected, axis=0).max() > 0.2


def test_a_text_is_cut_as_transformers_cuts_it(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model")
    text = artifact.config.text
    assert text
    assert (text.window_tokens, text.max_tokens, text.cleaning) == (24, 22, "none")
    long = artifact.preprocessor()("no " * 40, None)
    assert (len(long.windows), len(long.windows[0]), long.truncated) == (1, 24, True)


def test_windows_of_a_longer_text_count_by_their_tokens(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model", max_tokens=100)
    scorer = EmotionScorer.load(artifact.path, FLOAT32)
    item = scorer.preprocess("a" * 30, None)
    assert [len(window) for window in item.windows] == [24, 10]
    classifier = artifact.classifier()
    assert classifier.text_encoder
    states = [
        np.asarray(
            classifier.text_encoder.backbone(
                np.array([window], np.int32), np.ones((1, len(window)), bool)
            )
        )[:, 0]
        for window in item.windows
    ]
    features = (24 * states[0] + 10 * states[1]) / 34
    expected = np.asarray(classifier.classify(features, None)["text"])[0]
    np.testing.assert_allclose(scorer.logits([item])[0]["text"], expected, atol=TOLERANCE)


def test_joined_labels_add_up(checkpoint: Path, tmp_path: Path) -> None:
    plain = scores_of(import_(checkpoint, tmp_path / "plain"))
    mapped = {"optimism": "joy", "LABEL_4": "fear"}
    artifact = import_(checkpoint, tmp_path / "joined", emotion_of=mapped)
    assert artifact.config.emotions == ("anger", "joy", "sadness", "fear")
    anger, joy, optimism, sadness, other = plain.T
    expected = np.stack([anger, joy + optimism, sadness, other], axis=1)
    for engine in (FLOAT32, OPENVINO):
        scores = scores_of(artifact, engine=engine)
        np.testing.assert_allclose(scores, expected, atol=TOLERANCE)


def test_several_labels_an_item(checkpoint: Path, tmp_path: Path) -> None:
    set_problem_type(checkpoint, PROBLEM_TYPES["multi"])
    plain = import_(checkpoint, tmp_path / "plain")
    assert plain.thresholds == {"text": (0.5,) * 5}
    mapped = {"optimism": "joy", "LABEL_4": ""}
    joined = import_(checkpoint, tmp_path / "joined", emotion_of=mapped)
    assert joined.thresholds == {"text": (0.5,) * 3}
    anger, joy, optimism, sadness, _ = scores_of(plain).T
    expected = np.stack([anger, np.maximum(joy, optimism), sadness], axis=1)
    for engine in (FLOAT32, OPENVINO):
        scores = scores_of(joined, engine=engine)
        np.testing.assert_allclose(scores, expected, atol=TOLERANCE)
    card = (joined.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "several labels an item, or none (sigmoid)" in card
    assert "- An emotion's probability is the highest of its labels'." in card


def test_dropped_labels_leave_their_share_to_the_others(checkpoint: Path, tmp_path: Path) -> None:
    plain = scores_of(import_(checkpoint, tmp_path / "plain"))
    artifact = import_(checkpoint, tmp_path / "model", emotion_of={"joy": "", "LABEL_4": ""})
    assert artifact.config.emotions == ("anger", "optimism", "sadness")
    left = plain[:, [0, 2, 3]]
    expected = left / left.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores_of(artifact), expected, atol=TOLERANCE)


def test_tweeteval_s_cleaning_is_before_the_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    raw, clean = "@ada see https://t.co/x1", "@user see http"
    cleaning = import_(checkpoint, tmp_path / "cleaning", cleaning="tweeteval")
    assert cleaning.preprocessor()(raw, None) == cleaning.preprocessor()(clean, None)
    as_it_is = import_(checkpoint, tmp_path / "none")
    assert as_it_is.preprocessor()(raw, None) != as_it_is.preprocessor()(clean, None)
    np.testing.assert_allclose(
        scores_of(cleaning, (raw,)), scores_of(as_it_is, (clean,)), atol=TOLERANCE
    )


def test_it_is_not_calibrated_and_its_card_says_so(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(
        checkpoint, tmp_path / "model", emotion_of={"optimism": "joy", "LABEL_4": ""}
    )
    assert artifact.calibrated is False
    settings = json.loads((artifact.path / "config.json").read_text(encoding="utf-8"))
    assert settings["calibrated"] is False
    assert artifact.temperatures == {"text": 1.0}
    card = (artifact.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    name = str(checkpoint)
    assert card.splitlines() == [
        f"# {name}, imported",
        "",
        f"A RoBERTa sequence classifier, made from `{name}` by `mm-emor import`: one label "
        "(softmax). What it learned from, how well it does, its licence and its limits: see the "
        "card that it was published with.",
        "",
        "| emotion | labels of the checkpoint |",
        "|---|---|",
        "| anger | anger |",
        "| joy | joy, optimism |",
        "| sadness | sadness |",
        "",
        "- An emotion's probability is the sum of its labels'. Dropped, as if the model did not "
        "know them: LABEL_4.",
        "- Texts go as they are posted, to its own tokenizer; 22 tokens of a text are read, 24 at "
        "a time with the special ones.",
        "- It reads and does not hear: a clip without a text is refused.",
        "",
        "## Confidence",
        "",
        "**Not calibrated.** `confidence` and `scores` are what the network says; nobody has "
        "compared them",
        "with how often it is right, and fine-tuned encoders are mostly too sure. With labelled "
        "items,",
        "`mm-emor calibrate` compares them, and changes them accordingly.",
    ]


def test_a_clip_alone_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model")
    (refused,) = artifact.preprocessor().batch([(None, lambda: b"")])
    assert str(refused) == "unsupported_modality: the item has audio; the model reads text only"


def test_spelled_special_tokens_are_as_in_transformers(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model")
    assert artifact.preprocessor()("so</s>", None).windows == ((0, 260, 2, 2),)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_is_left_of_an_empty_text(text: str, checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model")
    (refused,) = artifact.preprocessor().batch([(text, None)])
    assert str(refused) == (
        f"empty_text: text {text!r} is empty after cleaning; it needs a character"
    )


def test_a_lone_surrogate_is_read(checkpoint: Path, tmp_path: Path) -> None:
    artifact = import_(checkpoint, tmp_path / "model")
    read = artifact.preprocessor()
    assert read("so \ud83d", None) == read("so ?", None)


def test_labels_that_the_file_does_not_name(checkpoint: Path, tmp_path: Path) -> None:
    edit(checkpoint, id2label=None, num_labels=5)
    lines: list[str] = []
    read = SequenceClassifier.read(str(checkpoint))
    artifact = import_checkpoint(
        read, tmp_path / "model", emotion_of={"LABEL_0": "anger"}, log=lines.append
    )
    assert artifact.config.emotions == ("anger", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4")
    assert lines == [
        "the checkpoint does not name LABEL_1, LABEL_2, LABEL_3, LABEL_4; its card may, and "
        "--map LABEL_1=EMOTION names them here"
    ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "masked": (
        {"architectures": ["RobertaForMaskedLM"]},
        "{} is a RobertaForMaskedLM; mm-emor import takes a …ForSequenceClassification",
    ),
    "regression": (
        {"problem_type": "regression"},
        "{}: problem_type is 'regression'; supported are single_label_classification, "
        "multi_label_classification",
    ),
    "one label": (
        {"id2label": {"0": "toxicity"}},
        "{} has one label, toxicity: a regression or a yes and no; at least two are needed",
    ),
    "more names than labels": (
        {"id2label": {str(number): str(number) for number in range(6)}},
        "{}: classifier.out_proj.weight is of 5 labels; config.json names 6",
    ),
    "a gap": (
        {"id2label": {"0": "joy", "2": "anger"}},
        "{}: id2label is {{'0': 'joy', '2': 'anger'}}; it must name labels 0, 1, 2 …",
    ),
    "no name": (
        {"id2label": {"0": "joy", "1": " "}},
        "{}: id2label gives label 1 no name",
    ),
    "another family": (
        {"model_type": "gpt2"},
        "{}/config.json: model_type is 'gpt2'; supported are roberta, xlm-roberta, camembert, "
        "bert, distilbert",
    ),
    "tokens": (
        {"vocab_size": 200},
        "{}: the tokenizer has the token id 261; the encoder knows 200 tokens",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_refused(fault: str, checkpoint: Path, tmp_path: Path) -> None:
    changes, message = REFUSED[fault]
    edit(checkpoint, **changes)
    with pytest.raises(ArtifactError) as raised:
        import_(checkpoint, tmp_path / "model")
    assert str(raised.value) == message.format(checkpoint)
    assert not (tmp_path / "model").exists()


def test_weights_as_pickle_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(ArtifactError) as raised:
        import_(checkpoint, tmp_path / "model")
    assert str(raised.value) == (
        f"{checkpoint} has no *.safetensors file; weights as pickle are never loaded. If you trust "
        "them, convert them where PyTorch is, and import checkpoint-safe: python -c 'from "
        "transformers import pipeline; "
        f'pipeline("text-classification", "{checkpoint}").save_pretrained("checkpoint-safe")\''
    )


def test_a_checkpoint_without_a_tokenizer_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Transformers makes one for it, to which every word is unknown."""
    for file in ("tokenizer.json", "vocab.json", "merges.txt"):
        (checkpoint / file).unlink(missing_ok=True)
    with pytest.raises(ArtifactError) as raised:
        import_(checkpoint, tmp_path / "model")
    assert str(raised.value) == (
        f"{checkpoint} has no tokenizer: none of tokenizer.json, vocab.txt, vocab.json, *.model; "
        "save it there"
    )


def test_a_tokenizer_without_a_limit_reads_what_the_encoder_does(
    checkpoint: Path, tmp_path: Path
) -> None:
    settings = json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
    for limit in (float("inf"), 1e30):
        (checkpoint / "tokenizer_config.json").write_text(
            json.dumps(settings | {"model_max_length": limit}), encoding="utf-8"
        )
        assert SequenceClassifier.read(str(checkpoint)).window_tokens == 38


def test_a_missing_weight_is_named(checkpoint: Path, tmp_path: Path) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    del tensors["classifier.dense.weight"]
    save_file(tensors, checkpoint / "model.safetensors")
    with pytest.raises(ArtifactError, match=r"has no weight classifier\.dense\.weight$"):
        import_(checkpoint, tmp_path / "model")


@pytest.mark.parametrize(
    ("emotion_of", "message"),
    [
        (
            {"happy": "joy"},
            "--map names the label 'happy'; the checkpoint's are anger, joy, optimism, sadness, "
            "LABEL_4",
        ),
        (
            dict.fromkeys(LABELS, "joy"),
            "the emotions left are joy; at least two are needed",
        ),
        (
            dict.fromkeys(LABELS, ""),
            "the emotions left are none; at least two are needed",
        ),
        (
            {"LABEL_4": "no_emotion"},
            "an emotion is called 'no_emotion', as items without any emotion are; --map gives it "
            "another name",
        ),
        (
            {"LABEL_4": "uncertain"},
            "an emotion is called 'uncertain', as items below --min-confidence are; --map gives it "
            "another name",
        ),
    ],
)
def test_maps_that_are_refused(
    emotion_of: dict[str, str], message: str, checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as raised:
        import_(checkpoint, tmp_path / "model", emotion_of=emotion_of)
    assert str(raised.value) == message
