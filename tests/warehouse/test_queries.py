"""The published queries run as they stand, and say what pandas says of the same rows."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import fisher_exact

from tests.warehouse.week import BEFORE, JOYLESS, SPAN, TOP, WEEK

PAGE = (Path(__file__).parents[2] / "docs" / "queries.sql").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^-- name: (\w+)\n(.*?;)\n", PAGE, re.MULTILINE | re.DOTALL))
Rows = list[tuple[Any, ...]]


@pytest.fixture
def ask(week: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Rows]:
    """Runs a query of the page from where its paths are right."""
    monkeypatch.chdir(week)

    def run(name: str) -> Rows:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(QUERIES[name]).fetchall()

    return run


@pytest.fixture(scope="module")
def labels(week: Path) -> pd.DataFrame:
    """All label rows, with `dt`."""
    return pq.read_table(week / "out" / "labels").to_pandas()


@pytest.fixture(scope="module")
def reported(labels: pd.DataFrame) -> pd.DataFrame:
    """The label rows of the report's dates."""
    return labels[labels["dt"].isin([str(day) for day in SPAN])]


@pytest.fixture(scope="module")
def letters(week: Path) -> pd.DataFrame:
    return pq.read_table(week / "out" / "dead_letters").to_pandas()


def tags(labels: pd.DataFrame) -> pd.DataFrame:
    """A row for each hashtag of each item, of the hashtags that a report holds."""
    every = labels.explode("hashtags").dropna(subset="hashtags").rename(columns={"hashtags": "tag"})
    counts = Counter(every["tag"])
    return every[every["tag"].isin(sorted(counts, key=lambda tag: (-counts[tag], tag))[:TOP])]


def test_every_query_has_a_name_and_a_question() -> None:
    assert len(QUERIES) == len(duckdb.extract_statements(PAGE)) == 12
    for text in QUERIES.values():
        assert re.match(r"-- [^\n]*\?\n", text)


def test_every_query_is_tested() -> None:
    assert {f"test_{name}" for name in QUERIES} <= globals().keys()


def test_angry_hashtags(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    by_tag = tags(reported)
    n_all = Counter(reported["emotion"])
    p_values = {}
    for tag, rows in by_tag.groupby("tag"):
        for emotion, n_emotion in n_all.items():
            k, n = int((rows["emotion"] == emotion).sum()), len(rows)
            square = [[k, n - k], [n_emotion - k, len(reported) - n - n_emotion + k]]
            sides = [fisher_exact(square, alternative=side).pvalue for side in ("less", "greater")]
            p_values[tag, emotion] = min(1, 2 * min(sides))
    ranked = sorted(p_values, key=p_values.__getitem__)
    q_values = {
        key: min(
            p_values[other] * len(ranked) / (ranked.index(other) + 1) for other in ranked[place:]
        )
        for place, key in enumerate(ranked)
    }
    expected = []
    share_of_all = n_all["anger"] / len(reported)
    for tag, rows in by_tag.groupby("tag"):
        k, n = int((rows["emotion"] == "anger").sum()), len(rows)
        if k / n > share_of_all and q_values[tag, "anger"] <= 0.05:
            lift = k / n / share_of_all
            row = (tag, k, n, k / n, lift, q_values[tag, "anger"])
            expected.append((-lift, tag, row))
    rows = ask("angry_hashtags")
    ordered = [row for *_, row in sorted(expected)]
    assert [row[:3] for row in rows] == [row[:3] for row in ordered]
    for row, expected_row in zip(rows, ordered, strict=True):
        assert row[3:5] == pytest.approx(expected_row[3:5], abs=0.005)
        assert row[5] == pytest.approx(expected_row[5])
    assert "étiquette0" in {row[0] for row in rows}  # which the corpus makes angry


def test_joy_by_day(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    known = reported.dropna(subset="created_at")
    by_day = known.groupby(known["created_at"].dt.date)["emotion"]
    expected = [(day, int((of == "joy").sum()), len(of)) for day, of in by_day]
    rows = ask("joy_by_day")
    assert (JOYLESS, 0) in [row[:2] for row in rows]
    assert [row[:3] for row in rows] == expected
    assert [row[0] for row in rows] == list(SPAN)
    for before, row in zip([None, *rows], rows, strict=False):
        assert row[3] == pytest.approx(row[1] / row[2], abs=5e-5)
        assert row[4] <= row[3] < row[5]
        moved = None if before is None else row[4] > before[5] or row[5] < before[4]
        assert row[6] is moved


def test_text_against_voice(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    both = reported.dropna(subset="disagreement")
    grouped = both.astype({"disagreement": float}).groupby(["text_emotion", "audio_emotion"])
    expected = [
        (*pair, len(of), of["disagreement"].mean())
        for pair, of in grouped
        if pair[0] != pair[1] and len(of) >= 10
    ]
    expected.sort(key=lambda row: -row[3])
    rows = ask("text_against_voice")
    assert [row[:3] for row in rows] == [row[:3] for row in expected[:10]]
    assert [row[3] for row in rows] == [round(row[2] / len(both), 3) for row in rows]
    assert [row[4] for row in rows] == [round(row[3], 3) for row in expected[:10]]


def test_ironic_items(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    most = reported.nlargest(20, "disagreement")
    expected = [
        (
            *(row["item_id"], row["dt"], list(row["hashtags"])),
            *(row["text_emotion"], row["audio_emotion"]),
        )
        for row in most.to_dict("records")
    ]
    rows = ask("ironic_items")
    assert [(row[0], str(row[1]), *row[2:5]) for row in rows] == [
        (item, str(day), *rest) for item, day, *rest in expected
    ]
    assert [row[5] for row in rows] == pytest.approx(most["disagreement"].tolist(), abs=5e-4)
    joy = [scores["joy"] for scores in most["scores"]]
    assert [row[6] for row in rows] == pytest.approx(joy, abs=5e-4)


def test_what_changed(ask: Callable[[str], Rows], labels: pd.DataFrame, week: Path) -> None:
    change = pq.read_table(week / "report" / "change.parquet").to_pylist()
    alerts = {(row["measure"], row["emotion"]) for row in change if row["alert"]}
    rows = ask("what_changed")
    assert {row[:2] for row in rows} == alerts
    assert [abs(row[4]) for row in rows] == sorted((abs(row[4]) for row in rows), reverse=True)
    shares = [row for row in rows if row[0] == "share"]
    assert shares
    for _, emotion, before, now, shift, low, high, q_value in shares:
        spans = [labels[labels["dt"].isin(list(map(str, days)))] for days in (BEFORE, SPAN)]
        expected = [(span["emotion"] == emotion).mean() for span in spans]
        assert [before, now] == pytest.approx(expected, abs=6e-5)
        assert low < shift < high
        assert q_value <= 0.05


def test_who_moved_it(ask: Callable[[str], Rows], labels: pd.DataFrame, week: Path) -> None:
    change = pq.read_table(week / "report" / "change.parquet").to_pandas()
    shares = change[change["measure"] == "share"]
    moved = shares.loc[shares["shift"].abs().idxmax(), "emotion"]
    rows = ask("who_moved_it")
    assert len(rows) == 10
    assert {row[2] for row in rows} == {moved}
    assert [abs(row[5]) for row in rows] == sorted((abs(row[5]) for row in rows), reverse=True)
    modalities = [row for row in rows if row[0] == "by_modality"]
    assert modalities
    for _, group, _, n_before, n_now, contribution in modalities:
        spans = [labels[labels["dt"].isin(list(map(str, days)))] for days in (BEFORE, SPAN)]
        of_group = [span[span["modality"] == group] for span in spans]
        assert [n_before, n_now] == [(each["emotion"] == moved).sum() for each in of_group]
        parts = [n / len(span) for n, span in zip((n_before, n_now), spans, strict=True)]
        assert contribution == pytest.approx(parts[1] - parts[0], abs=6e-5)


def test_kept_by_min_confidence(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    assert ask("kept_by_min_confidence") == [
        (emotion, int((of >= 0.5).sum()), len(of))
        for emotion, of in reported.groupby("emotion")["confidence"]
    ]


def test_refusals_by_day(
    ask: Callable[[str], Rows], labels: pd.DataFrame, letters: pd.DataFrame
) -> None:
    expected = []
    for day, of in letters.groupby("dt", observed=True)["reason"]:
        n_items = len(of) + int((labels["dt"] == day).sum())
        counts = Counter(of)
        commonest = max(counts, key=lambda reason: (counts[reason], reason))
        expected.append((str(day), n_items, len(of), round(len(of) / n_items, 4), commonest))
    assert [(str(row[0]), *row[1:]) for row in ask("refusals_by_day")] == expected


def test_refused_and_labelled(ask: Callable[[str], Rows], labels: pd.DataFrame) -> None:
    [(item_id, refused_on, reason, labelled_on, emotion)] = ask("refused_and_labelled")
    assert (refused_on, reason, labelled_on) == (WEEK.days[2], "two_clips", WEEK.days[1])
    assert labels.set_index("item_id").loc[item_id, "emotion"] == emotion


def test_fear_by_language_and_week(ask: Callable[[str], Rows], labels: pd.DataFrame) -> None:
    fear = labels["scores"].str["fear"].astype(float)
    weekend = pd.to_datetime(labels["dt"].astype(str)).dt.dayofweek >= 5
    known = labels.assign(fear=fear, weekend=weekend, lang=labels["lang"].fillna("~"))
    expected = [
        (None if lang == "~" else lang, bool(late), len(of), int((of["emotion"] == "fear").sum()))
        for (lang, late), of in known.groupby(["lang", "weekend"])
    ]
    rows = ask("fear_by_language_and_week")
    assert [row[:4] for row in rows] == expected
    means = known.groupby(["lang", "weekend"])["fear"].mean().tolist()
    assert [row[4] for row in rows] == pytest.approx(means, abs=6e-5)


def test_hashtags_together(ask: Callable[[str], Rows], labels: pd.DataFrame) -> None:
    pairs: Counter[tuple[str, str]] = Counter()
    joyful: Counter[tuple[str, str]] = Counter()
    for row in labels[["hashtags", "emotion"]].to_dict("records"):
        for pair in combinations(sorted(row["hashtags"]), 2):
            pairs[pair] += 1
            joyful[pair] += row["emotion"] == "joy"
    best = sorted(pairs, key=lambda pair: (-pairs[pair], *pair))[:10]
    assert ask("hashtags_together") == [(*pair, pairs[pair], joyful[pair]) for pair in best]


def test_how_much_is_counted(ask: Callable[[str], Rows], reported: pd.DataFrame) -> None:
    expected = []
    for report, groups in (
        ("by_author", reported["author_id"].fillna("~")),  # null is a group, too, and the last one
        ("by_hashtag", reported["hashtags"].explode().dropna()),
    ):
        counts = Counter(groups)
        kept = sorted(counts, key=lambda group: (-counts[group], group))[:TOP]
        n_kept = sum(counts[group] for group in kept)
        row = (report, TOP, n_kept, len(groups) - n_kept, round(n_kept / len(groups), 4))
        expected.append(row)
    assert ask("how_much_is_counted") == expected
