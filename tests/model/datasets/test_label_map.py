"""Labels read as emotions: every example keeps its text, in its split, or is left out."""

import numpy as np

from model.datasets import Dataset, Example
from model.datasets.label_map import LabelMap
from model.evaluation.evaluate import Evaluation
from schemas.emotions import EKMAN_AND_NEUTRAL

TWEETS = Dataset(
    "tweeteval/stance",
    ("none", "against", "favor"),
    {
        "train": [Example("favor", text="a"), Example("none", text="b")],
        "test": [Example("against", text="c", part="x"), Example("favor", text="d")],
    },
    remarks=("as read",),
)
MAP = LabelMap({"favor": "joy", "against": "anger"}, ("none",))


def test_examples_keep_all_but_their_label() -> None:
    mapped = MAP.apply(TWEETS, EKMAN_AND_NEUTRAL)
    assert mapped == Dataset(
        "tweeteval/stance",
        ("anger", "joy"),
        {
            "train": [Example("joy", text="a")],
            "test": [Example("anger", text="c", part="x"), Example("joy", text="d")],
        },
        remarks=("as read",),
        is_relabelled=True,
    )
    assert MAP.lines(TWEETS) == [
        "tweeteval/stance: items of favor, read as joy: 2",
        "tweeteval/stance: items of against, read as anger: 1",
        "tweeteval/stance: items of none, left out: 1",
    ]


def test_two_labels_may_be_one_emotion() -> None:
    mapped = LabelMap({"favor": "joy", "none": "joy", "against": "joy"}, ()).apply(TWEETS, ["joy"])
    assert mapped.emotions == ("joy",)
    assert {each.emotion for each in mapped.examples()} == {"joy"}


def test_without_flags_nothing_changes() -> None:
    assert LabelMap({}, ()).apply(TWEETS, TWEETS.emotions) is TWEETS
    assert LabelMap({}, ()).lines(TWEETS) == []


def test_the_benchmark_has_no_score_of_other_labels() -> None:
    """TweetEval's of stance is over `against` and `favor`."""
    for dataset, has_score in ((TWEETS, True), (MAP.apply(TWEETS, EKMAN_AND_NEUTRAL), False)):
        examples = dataset.split("test")
        labels = [dataset.emotions.index(example.emotion) for example in examples]
        official = Evaluation.of(dataset, examples, np.array(labels)).metrics.official
        assert (official is not None) == has_score


def test_of_several_labels_each_is_read() -> None:
    """An item with a label that is ignored is left out, whichever others it has."""
    several = Dataset(
        "mine",
        ("fear", "joy", "optimism", "trust"),
        {
            "test": [
                Example.of_several(["joy", "optimism"], "a"),
                Example.of_several(["optimism", "fear"], "b", part="x"),
                Example.of_several(["joy", "trust"], "c"),
                Example.of_several([], "d"),
            ]
        },
        problem_type="multi_label",
    )
    label_map = LabelMap({"optimism": "joy"}, ("trust",))
    mapped = label_map.apply(several, EKMAN_AND_NEUTRAL)
    assert mapped.emotions == ("fear", "joy")
    assert mapped.split("test") == [
        Example.of_several(["joy"], "a"),
        Example.of_several(["joy", "fear"], "b", part="x"),
        Example.of_several([], "d"),
    ]
    assert label_map.lines(several) == [
        "mine: items of optimism, read as joy: 2",
        "mine: items of trust, left out: 1",
    ]
