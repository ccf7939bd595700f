"""A suite: each data set that is there in a row of one table, and the others told."""

import json
from pathlib import Path

import pytest

from model.datasets import DATASETS, Dataset, Example, load_dataset
from model.evaluation.evaluate import evaluate_model
from model.evaluation.suite import SUITES, of_modality, with_at_most_one
from model.scoring.scorer import EmotionScorer
from schemas.emotions import Modality
from tests.support.command_line import Run
from tests.support.tiny_corpora import write_goemotions

BRIGHTER = "id,text,anger,joy\n1,so happy,0,1\n2,the rain,0,0\n3,angry and happy,1,1\n4,no,1,0\n"
TWEETS = {"anger": "angry", "joy": "happy", "optimism": "the sun", "sadness": "sad"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_goemotions(tmp_path)
    path = tmp_path / "brighter" / "track_a" / "test" / "deu.csv"
    path.parent.mkdir(parents=True)
    path.write_text(BRIGHTER, encoding="utf-8")
    folder = tmp_path / "tweeteval" / "emotion"
    folder.mkdir(parents=True)
    mapping = "".join(f"{number}\t{name}\n" for number, name in enumerate(TWEETS))
    (folder / "mapping.txt").write_text(mapping, encoding="utf-8")
    for split in ("train", "val", "test"):
        texts = "".join(f"{text}\n" for text in TWEETS.values())
        (folder / f"{split}_text.txt").write_text(texts, encoding="utf-8")
        (folder / f"{split}_labels.txt").write_text("0\n1\n2\n3\n", encoding="utf-8")
    return tmp_path


def test_suites_name_data_sets() -> None:
    for tests in SUITES.values():
        assert {each.dataset for each in tests} <= DATASETS.keys()
        assert len({each.title for each in tests}) == len(tests)


def test_what_is_there_is_measured(
    mm_emor: Run, data: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    out = tmp_path / "measured"
    arguments = ("--suite", "default", "--data-dir", str(data), "--model", str(tiny_artifact))
    code, printed, err = mm_emor("evaluate", *arguments, "--out", str(out))
    assert (code, err) == (0, "")
    results = json.loads((out / "suite.json").read_text(encoding="utf-8"))["results"]
    assert [(each["dataset"], each["n"]) for each in results] == [
        ("goemotions-ekman", 28),
        ("tweeteval/emotion", 4),
        ("tweeteval/emotion", 4),
        ("brighter-de", 3),
    ]
    assert "EmoEvent, English: left out: " in printed
    table = (out / "suite.md").read_text(encoding="utf-8")
    assert printed.endswith(f"\n\n{table}")
    assert table.count("\n") == 2 + len(results)

    # A row is what the model is worth on its data set by itself.
    scorer = EmotionScorer.load(tiny_artifact)
    measured = evaluate_model(scorer, load_dataset("goemotions-ekman", data), "test", print)
    assert results[0]["accuracy"] == measured.metrics.accuracy
    assert results[0]["mean_class_recall"] == measured.metrics.mean_class_recall
    neutral = scorer.emotions.index("neutral")
    assert results[0]["neutral"] == 4 / 28
    assert results[0]["predicted_neutral"] == (measured.predictions == neutral).mean()
    # TweetEval's has no neutral tweet; among its own emotions none is called so.
    assert results[1]["neutral"] == 0
    assert results[2]["neutral"] is results[2]["predicted_neutral"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "defualt"), "--suite is 'defualt'; did you mean 'default'?"),
        (("--suite", "default", "--split", "test"), "--suite and --split exclude each other"),
        (("--suite", "default", "--dataset", "meld"), "--suite and --dataset exclude each other"),
        ((), "there is nothing to measure on: give --dataset, or --suite default"),
        (
            ("--suite", "default"),
            ". holds no data set of --suite default that can be measured",
        ),
    ],
)
def test_a_mistake_is_one_line(
    mm_emor: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_artifact: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = ("--data-dir", ".", "--model", str(tiny_artifact))
    code, _, err = mm_emor("evaluate", *model, *arguments)
    assert (code, err) == (2, f"mm-emor: {message}\n")


def test_items_of_several_emotions_are_left_out() -> None:
    rows = [Example.of_several(names, "so") for names in (["joy"], [], ["anger", "joy"])]
    dataset = Dataset("x", ("anger", "joy"), {"test": rows}, problem_type="multi_label")
    single = with_at_most_one(dataset)
    assert (single.emotions, single.problem_type) == (("anger", "joy", "neutral"), "single_label")
    assert single.splits == {"test": [Example("joy", "so"), Example("neutral", "so")]}


def test_a_modality_alone(tmp_path: Path) -> None:
    both = Dataset("x", ("anger", "joy"), {"test": [Example("joy", "so", tmp_path / "1.wav")]})
    assert of_modality(both, Modality.TEXT).splits == {"test": [Example("joy", "so")]}
    assert of_modality(both, Modality.AUDIO).splits == {
        "test": [Example("joy", None, tmp_path / "1.wav")]
    }
