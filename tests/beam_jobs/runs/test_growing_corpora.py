"""Corpora that grow by any batches: no item is labelled twice, and none is lost."""

import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.items.elements import DeadLetter, Features, Item, ScoredItem
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.runs.earlier_letters import key_letter, leave_out
from beam_jobs.runs.manifest import read_manifest
from beam_jobs.scoring.preprocess import preprocess_batch
from beam_jobs.scoring.score_batches import score_batch
from model.scoring.scorer import EmotionScorer
from tests.support.growing_corpus import (
    DAY,
    NEXT_DAY,
    Batch,
    Corpus,
    write_batches,
)
from tests.support.item_reading import read_without_beam
from tests.support.make_tiny_artifact import OPENVINO, TINY_ARTIFACT

RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "c", "d", None])},
        optional={"text": st.sampled_from(["rain", " ", 5, "sad"])},
    ),
    max_size=6,
)


def score_new(
    file: Path, labelled: set[str], refused: list[bytes], scorer: EmotionScorer
) -> tuple[list[str], list[DeadLetter], int]:
    """What a run does with a file that is new; returns labels, dead letters and how many are known.

    Args:
        file: the file.
        labelled: ids that published runs have labelled.
        refused: what is the same of each dead letter of the date, which a run extends.
        scorer: the model.
    """
    read = read_without_beam(JobInputs((str(file),)), labelled)
    features = preprocess_batch(
        [one for one in read if isinstance(one, Item)], scorer.preprocess, ()
    )
    scored = score_batch([one for one in features if isinstance(one, Features)], scorer)
    keyed: dict[bytes, list[DeadLetter]] = {}
    for one in [*read, *features, *scored]:
        if isinstance(one, DeadLetter):
            identity, letter = key_letter(one)
            keyed.setdefault(identity, []).append(letter)
    letters, n_known = [], 0
    for identity, found in keyed.items():
        earlier = [1] * refused.count(identity)
        for outcome in leave_out(identity, {"found": found, "earlier": earlier}):
            if isinstance(outcome, DeadLetter):
                letters.append(outcome)
            else:
                n_known += outcome.value
    return [one.item.item_id for one in scored if isinstance(one, ScoredItem)], letters, n_known


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, OPENVINO)


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(
        st.tuples(RECORDS, st.sampled_from([DAY, NEXT_DAY]), st.booleans()), max_size=4
    )
)
def test_no_item_is_labelled_twice_and_none_is_lost(
    scorer: EmotionScorer, batches: list[Batch]
) -> None:
    labelled: list[str] = []
    letters: dict[date, list[DeadLetter]] = {DAY: [], NEXT_DAY: []}
    expected: set[str] = set()
    with tempfile.TemporaryDirectory() as directory:
        corpus = Corpus(Path(directory), TINY_ARTIFACT)
        for file, records, day, ids in write_batches(corpus, batches):
            refused = [key_letter(letter)[0] for letter in letters[day]]
            n_scored = sum(record["id"] in labelled for record in records if is_whole(record))
            new, new_letters, n_known = score_new(file, set(labelled), refused, scorer)
            assert len(new) + len(new_letters) + n_known + n_scored == len(records)
            labelled += new
            letters[day] += new_letters
            expected |= ids
    assert sorted(labelled) == sorted(expected)
    if len({day for _, day, _ in batches}) == 1:  # lines are only appended: none is refused twice
        for found in letters.values():
            assert len({letter.source for letter in found}) == len(found)


def is_whole(record: dict[str, Any]) -> bool:
    """Whether a record has an id and is not refused when it is read."""
    return record["id"] is not None and record.get("text") != 5


@pytest.mark.job
@pytest.mark.parametrize(
    "batches",
    [
        [
            ([{"id": "a", "text": "rain"}, {"id": None, "text": "sad"}, {"id": "b"}], DAY, False),
            ([{"id": "b", "text": "sad"}, {"id": "a", "text": " "}], DAY, True),
            ([], DAY, True),
        ],
        [
            ([{"id": "a", "text": "rain"}, {"id": "a", "text": "sad"}], DAY, False),
            ([{"id": "a"}, {"id": "c", "text": 5}, {"id": "d", "text": " "}], NEXT_DAY, False),
            ([{"id": "c", "text": "rain"}, {"id": "d", "text": "sad"}], DAY, True),
        ],
    ],
)
def test_jobs_label_no_item_twice_and_lose_none(corpus: Corpus, batches: list[Batch]) -> None:
    n_records = dict.fromkeys((DAY, NEXT_DAY), 0)
    expected: set[str] = set()
    for _, records, day, ids in write_batches(corpus, batches):
        corpus.add(run_date=day)  # finds every file, of which only this one is new
        n_records[day] += len(records)
        expected |= ids
    labelled: list[str] = []
    refused: Counter[str] = Counter()
    days = {day for _, day, _ in batches}
    for day in days:
        published = read_manifest(f"{corpus.directory}/out")
        assert published is not None
        entry = published.runs[day]
        labelled += corpus.ids(day)
        n_left_out = entry.already_scored + entry.already_refused
        assert entry.counts.n_items + n_left_out == n_records[day]
        refused.update(row["source"] for row in corpus.rows("dead_letters", day))
        assert (entry.counts.n_labels, entry.counts.n_dead) == (
            len(corpus.ids(day)),
            len(corpus.rows("dead_letters", day)),
        )
    assert sorted(labelled) == sorted(set(labelled))
    if len(days) == 1:  # lines are only appended: none moves, and none is refused twice
        assert set(refused.values()) <= {1}
    assert set(labelled) == expected
