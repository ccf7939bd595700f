"""Write a week of tweets from TweetEval's test sets, for a report over several days.

    MM_EMOR_DATA=DATA python tests/corpus/make_week.py --out /tmp/week [--clips 400]
    mm-emor score --items '/tmp/week/tweets-{date}.jsonl' --audio-root DATA/emodb \\
        --from 2026-11-16 --to 2026-11-22 --out /tmp/week-out
    mm-emor report --labels /tmp/week-out --out /tmp/week-report

The texts are third-party: write them outside the repository. Texts and hashtags are the tweets'
own. Everything else is made up, the same on every run: ids, authors, and times, of which there are
more in the evening. The sets are mixed so that the week's mood shifts: what was collected as
offensive and hateful comes mostly on Thursday and Friday, irony on Monday, emotions at the weekend.

`--clips N` gives N tweets a clip of EmoDB, which says another sentence, in German, and mostly in
another mood: what their text and voice say is for the tables of disagreement alone. One item in a
hundred is spoilt (a broken line, an id used before, no text, no such clip), more of them on Sunday.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
HASHTAG = re.compile(r"#(\w+)")
# How much of each set falls on which day, Monday first.
DAYS = {
    "emotion": (1, 1, 1, 1, 2, 4, 4),
    "irony": (4, 2, 1, 1, 1, 1, 1),
    "offensive": (1, 1, 1, 4, 4, 1, 1),
    "hate": (1, 1, 1, 5, 4, 1, 1),
    "stance": (1, 3, 3, 1, 1, 1, 1),
    "sentiment": (3, 3, 3, 3, 3, 2, 2),
}
HOURS = (2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 6, 6, 7, 7, 6, 6, 7, 8, 9, 10, 11, 10, 7, 4)
"""How many tweets fall into each hour of a day."""
SPOILT = (0.007, 0.007, 0.008, 0.008, 0.009, 0.01, 0.03)
"""Part of each day's items that cannot be labelled."""
N_AUTHORS = 4000


def read_texts(data: Path) -> Iterator[tuple[str, str]]:
    """Yields (set, text) of all test sets, in order; a set's texts stand one a line."""
    for name in DAYS:
        for path in sorted((data / "tweeteval" / name).glob("**/test_text.txt")):
            for text in path.read_text(encoding="utf-8").split("\n"):
                if text.strip():
                    yield name, text


def make_items(data: Path, n_clips: int) -> list[list[dict[str, Any]]]:
    """Returns the items of each day, in the order of their times."""
    rng = np.random.default_rng(20261116)
    weights = 1 / np.arange(20, N_AUTHORS + 20)
    days: list[list[dict[str, Any]]] = [[] for _ in range(7)]
    for name, text in read_texts(data):
        day = int(rng.choice(7, p=np.divide(DAYS[name], sum(DAYS[name]))))
        hour = int(rng.choice(24, p=np.divide(HOURS, sum(HOURS))))
        when = MONDAY + timedelta(days=day, hours=hour, seconds=int(rng.integers(3600)))
        author = int(rng.choice(N_AUTHORS, p=weights / weights.sum()))
        days[day].append(
            {
                "text": text,
                "created_at": when.isoformat(),
                "author_id": f"{author:06d}",
                "lang": "en",
                "hashtags": list(dict.fromkeys(tag.lower() for tag in HASHTAG.findall(text))),
            }
        )
    for items in days:
        items.sort(key=lambda item: (item["created_at"], item["text"]))
    every = [item for items in days for item in items]
    for number, item in enumerate(every):
        item["item_id"] = str(1_990_000_000_000_000_000 + number * 4_000_037)
    if n_clips:
        clips = sorted((data / "emodb" / "wav").glob("*.wav"))
        chosen = rng.choice(len(every), n_clips, replace=False)
        for number, index in enumerate(sorted(chosen)):
            every[index]["audio_uri"] = str(clips[number % len(clips)].resolve())
    return days


def to_lines(items: list[dict[str, Any]], day: int) -> Iterator[str]:
    """Yields a day's lines; some are spoilt."""
    rng = np.random.default_rng([20261116, day])
    for number, item in enumerate(items):
        line = json.dumps(item, ensure_ascii=False)
        if rng.random() < SPOILT[day]:
            fault = rng.choice(["cut", "again", "empty", "clip"], p=[0.2, 0.4, 0.3, 0.1])
            if fault == "cut":
                line = line[: len(line) // 2]
            elif fault == "again":
                line = json.dumps({**item, "item_id": items[number // 2]["item_id"]})
            elif fault == "empty":
                line = json.dumps({**item, "text": " "})
            else:
                missing = f"{item.get('audio_uri', 'clip.wav')}.gone"
                line = json.dumps({**item, "audio_uri": missing})
        yield line


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a directory that is no checkout's")
    parser.add_argument("--clips", type=int, default=0, help="tweets that get a clip; 0 by default")
    arguments = parser.parse_args()
    if "MM_EMOR_DATA" not in os.environ:
        parser.error("MM_EMOR_DATA names no directory of real data")
    if arguments.out.resolve().is_relative_to(Path(__file__).resolve().parents[2]):
        parser.error(f"{arguments.out} lies in the repository, where no third-party text may")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for day, items in enumerate(make_items(Path(os.environ["MM_EMOR_DATA"]), arguments.clips)):
        path = arguments.out / f"tweets-{MONDAY + timedelta(days=day):%Y-%m-%d}.jsonl"
        lines = list(to_lines(items, day))
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{path}: {len(lines)} items")
    return 0


if __name__ == "__main__":
    sys.exit(main())
