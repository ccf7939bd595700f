"""What is spoilt is whole before: each original of a network gives exactly these items."""

import io

from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.item_files import read_records
from beam_jobs.reading.source_name import SourceName
from tests.faults import posts
from tests.faults.fuzz import originals
from tests.faults.posts import network_originals

BLUESKY = "at://did:plc:a/app.bsky.feed.post/3k"
PAGES = [
    [f"{BLUESKY}#did:plc:b", BLUESKY],
    [BLUESKY, "at://did:plc:b/app.bsky.feed.post/3l", "deleted_post"],
    ["https://m.example/users/a/statuses/1", "b"],
    ["x", "abd", "abc2"],
    ["Ug1", "Ug1.1"],
    ["7168"],
    ["21"],
]
READ = [
    ("t.jsonl", [[BLUESKY], [BLUESKY], [BLUESKY]]),
    ("t.jsonl", [["109"], ["110"], ["https://m.example/users/a/statuses/1"]]),
    ("t.jsonl", [["x"], ["abd"]]),
    ("t.jsonl", [["Ug1"], ["Ug1.2"]]),
    ("t.jsonl", [["7168"], ["9"], ["7169"]]),
    ("tweets.js", [["1594279000000000000"]]),
    ("t.json", PAGES),
    ("t.jsonl", PAGES),
    ("t.json", PAGES),
    ("RC_2022-11.zst", [["x"], ["abd"]]),
    ("t.json.bz2", PAGES),
    ("t.jsonl", [["1", "2"]]),
    ("t.tsv", [["1", "2"]]),
]
"""Ids of the items, and reasons of the dead letters, of each file."""


def read(name: str, data: bytes) -> list[str | None]:
    records = read_records(io.BytesIO(data), name)
    return [str(one.reason) if isinstance(one, DeadLetter) else one.item_id for one in records]


def test_the_originals_of_networks_are_read() -> None:
    found = [
        (name, [read(name, head + line) for line in lines])
        for name, head, lines in network_originals()
    ]
    assert found == READ


def test_posts_of_every_network_are_spoilt() -> None:
    networks = {one for one in SourceName if hasattr(posts, one.name)}
    # Those are the sample corpus.
    assert networks == {*SourceName} - {SourceName.AUTO, SourceName.PLAIN, SourceName.X}
    assert originals().lines[-len(READ) :] == network_originals()
