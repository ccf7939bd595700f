"""With a key in the environment, an author's id stands in nothing that a run writes or says."""

import gzip
import hashlib
import hmac
import io
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, key_fingerprint, pseudonym
from beam_jobs.joining.file_check import FileCheck, RecordState
from beam_jobs.joining.index_items import index_file, partition_of
from beam_jobs.joining.read_items import ReadItems
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.reading.item_files import read_records
from beam_jobs.reading.record_layout import RecordLayout
from beam_jobs.reading.records import parse_record
from model.errors import UserError
from schemas.dead_letters import Reason
from tests.support.author_key import AUTHOR, KEY
from tests.support.item_reading import PLAIN, V1, V2, parquet

LEFT_OUT = "; the payload is left out, as it may hold an author's id"


def read(path: str, data: bytes, privacy: Privacy, **columns: str) -> list[Item | DeadLetter]:
    return list(read_records(io.BytesIO(data), path, tuple(columns.items()), privacy))


@pytest.mark.usefixtures("privacy")
def test_a_token_is_an_hmac_that_the_key_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hmac.digest(KEY.encode(), b"author:" + AUTHOR.encode(), hashlib.sha256).hex()[:32]
    assert pseudonym(AUTHOR) == expected
    assert pseudonym("8675309424243") != expected
    fingerprint = key_fingerprint()
    assert len(fingerprint) == 8
    monkeypatch.setenv(KEY_VARIABLE, KEY + "!")
    assert pseudonym(AUTHOR) != expected
    assert key_fingerprint() != fingerprint


@pytest.mark.parametrize(
    ("key", "found"),
    [(None, "is not set"), ("", "is not set"), ("s3cr3t-key-15by", "has 15 bytes")],
)
def test_a_key_that_is_missing_or_short_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str | None, found: str
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    if key is not None:
        monkeypatch.setenv(KEY_VARIABLE, key)
    for use in (key_fingerprint, lambda: pseudonym(AUTHOR)):
        with pytest.raises(UserError) as caught:
            use()
        assert str(caught.value) == (
            f"MM_EMOR_AUTHOR_KEY {found}; a key of at least 16 bytes is needed in it, on each "
            "worker too"
        )


@pytest.mark.parametrize(
    "record",
    [
        {**PLAIN, "author_id": AUTHOR},
        {**V2, "author_id": AUTHOR},
        {**V1, "user": {"id": int(AUTHOR), "id_str": AUTHOR}},
        {"id": 1, "text": "a", "author_id": int(AUTHOR)},
    ],
)
def test_items_carry_the_token(privacy: Privacy, record: dict[str, Any]) -> None:
    [item] = read("t.jsonl", json.dumps(record).encode(), privacy)
    assert isinstance(item, Item)
    assert item.author_id == pseudonym(AUTHOR)
    assert AUTHOR not in repr(item)


def test_an_item_without_an_author_stays_without(privacy: Privacy) -> None:
    [item] = read("t.jsonl", b'{"id": 1, "text": "a"}', privacy)
    assert item == Item("1", Location("t.jsonl", 1), text="a")


def test_a_refused_record_keeps_its_known_fields_and_the_token(privacy: Privacy) -> None:
    record = {
        "id": 7,
        "text": ["rain"],
        "user": {"id_str": AUTHOR, "screen_name": "jane"},
        "in_reply_to_user_id": int(AUTHOR),
        "retweeted_status": {"user": {"id": int(AUTHOR)}},
        "lang": "en",
        "entities": {"hashtags": [{"text": AUTHOR}]},
        "created_at": f"by {AUTHOR}",
    }
    [letter] = read("t.jsonl", json.dumps(record).encode(), privacy)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.item_id) == (Reason.WRONG_TYPE, "7")
    assert letter.message == "text is a list, not a string"
    del record["created_at"]
    record["text"] = 5
    [letter] = read("t.jsonl", json.dumps(record).encode(), privacy)
    assert isinstance(letter, DeadLetter)
    assert letter.message == "text is a number, not a string"
    assert json.loads(letter.payload or "") == {
        "item_id": 7,
        "text": 5,
        "author_id": pseudonym(AUTHOR),
        "lang": "en",
    }


@pytest.mark.parametrize(
    "author",
    [f"{AUTHOR}.5", f'["{AUTHOR}"]', f'{{"id": "{AUTHOR}"}}', f'"{AUTHOR}", "x": NaN'],
)
def test_an_author_that_cannot_be_read_is_shown_nowhere(privacy: Privacy, author: str) -> None:
    line = f'{{"id": 1, "text": "a", "created_at": "{AUTHOR}x", "author_id": {author}}}'
    [item] = read("t.jsonl", line.encode(), privacy)
    assert isinstance(item, Item)
    assert item.author_id in (None, pseudonym(AUTHOR))
    assert "created_at_unread" in item.warnings
    assert AUTHOR not in repr(item)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("t.jsonl", f'{{"id": 1, "author_id": "{AUTHOR}", "text": "cut'),
        ("t.jsonl", f'{{"id": 1, "author_id": "{AUTHOR}", "text": "\udcff"}}'),
        ("t.jsonl", f'"{AUTHOR}"'),
        ("t.jsonl", f"[{AUTHOR}]"),
        ("t.jsonl", AUTHOR),
        ("t.json", f'{{"data": ["{AUTHOR}"]}}'),
        ("t.json", f'[{{"id": 1, "author_id": "{AUTHOR}", "text": "\\ud800"}}]'),
        ("t.jsonl", f'{{"author_id": "{AUTHOR}", "text": "a"}}'),
        ("t.csv", f"id,author_id,text\n1,{AUTHOR}\n"),
        ("t.csv", f'id,author_id,text\n1,{AUTHOR},"a"b,c\n'),
        ("t.csv", f"1,{AUTHOR},the first item\n2,{AUTHOR},and no header\n"),
        ("t.csv", f'1,{AUTHOR},"a"b,c\n'),
        ("t.jsonl", f'{{"data": [{{"id": 1, "author_id": {AUTHOR}}}, {{"id": 2'),
        ("t.jsonl", f'{{"id": "1", "body": "[deleted]", "author": "{AUTHOR}"}}'),
        ("t.jsonl", f'{{"id": "a", "delete": {{"status": {{"user_id_str": "{AUTHOR}"}}}}}}'),
        (
            "t.jsonl",
            f'{{"uri": "at://a", "record": {{"text": 5}}, "author": {{"did": "{AUTHOR}"}}}}',
        ),
    ],
)
def test_no_refused_record_shows_an_author(privacy: Privacy, path: str, data: str) -> None:
    raw = data.encode("utf-8", errors="surrogateescape")
    for name, content in ((path, raw), (f"{path}.gz", gzip.compress(raw))):
        outcomes = read(name, content, privacy)
        assert outcomes
        for outcome in outcomes:
            assert isinstance(outcome, DeadLetter)
            assert AUTHOR not in repr(outcome)


def test_an_unparsed_line_has_no_payload_and_says_so(privacy: Privacy) -> None:
    [letter] = read("t.jsonl", b'{"id": 1, "author_id": "9', privacy)
    assert isinstance(letter, DeadLetter)
    assert letter.payload is None
    assert letter.message.startswith("the line is not JSON: ")
    assert letter.message.endswith(LEFT_OUT)


def test_parquet_and_renamed_columns(privacy: Privacy) -> None:
    table = pa.table({"id": ["1", None], "handle": [AUTHOR, AUTHOR], "text": ["a", "b"]})
    item, letter = read("t.parquet", parquet(table), privacy, author_id="handle")
    assert isinstance(item, Item)
    assert item.author_id == pseudonym(AUTHOR)
    assert isinstance(letter, DeadLetter)
    assert json.loads(letter.payload or "") == {"text": "b", "author_id": pseudonym(AUTHOR)}


def test_a_column_that_is_not_the_authors_hides_the_usual_one(privacy: Privacy) -> None:
    layout = RecordLayout((("author_id", "handle"),), privacy=privacy)
    record = {"handle": "jane", "author_id": AUTHOR}
    letter = parse_record(record, Location("t.jsonl", 1), layout)
    assert isinstance(letter, DeadLetter)
    assert json.loads(letter.payload or "") == {"author_id": pseudonym("jane")}


DID, OTHER_DID = "did:plc:z72i7hdynmk6r22z27h6tvur", "did:web:jane.example"
POST = "app.bsky.feed.post"


def test_the_author_in_an_address_is_a_token(privacy: Privacy) -> None:
    assert PUBLIC.item(f"at://{DID}/{POST}/3k") == f"at://{DID}/{POST}/3k"
    token = pseudonym(DID)
    assert privacy.item(f"at://{DID}/{POST}/3k") == f"at://{token}/{POST}/3k"
    by_handle = f"at://{pseudonym('jane.bsky.social')}/{POST}/3k"
    assert privacy.item(f"at://jane.bsky.social/{POST}/3k") == by_handle
    marked = f"at://{token}/{POST}/3k#{pseudonym(OTHER_DID)}"
    assert privacy.item(f"at://{DID}/{POST}/3k#{OTHER_DID}") == marked
    status = "https://mastodon.example/users/jane/statuses/1"
    expected = hmac.digest(KEY.encode(), b"uri:" + status.encode(), hashlib.sha256).hex()[:32]
    assert privacy.item(status) == f"uri:{expected}"
    assert privacy.item("https://mastodon.example/users/jane/statuses/2") != f"uri:{expected}"
    assert privacy.item("1294030472427835393") == "1294030472427835393"
    assert privacy.item("t3_7jane") == "t3_7jane"


def bluesky_post(did: str, key: str, text: Any = "the rain") -> dict[str, Any]:
    author = {"did": did, "handle": "jane.bsky.social"}
    return {"uri": f"at://{did}/{POST}/{key}", "author": author, "record": {"text": text}}


def test_bluesky_shows_no_author_and_reposts_still_match(privacy: Privacy) -> None:
    original = bluesky_post(DID, "3k")
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": {"did": OTHER_DID}}
    records = [
        *(original, {"post": original, "reason": reason}, bluesky_post(DID, "4k", 5)),
        {"uri": f"at://{DID}/{POST}/5k", "notFound": True},
        {"did": DID, "kind": "commit", "commit": {"collection": POST, "rkey": "6k",
         "operation": "delete"}},
        {"did": DID, "kind": "commit", "commit": {"collection": "app.bsky.feed.repost", "rkey": "7",
         "operation": "create", "record": {"subject": {"uri": f"at://{OTHER_DID}/{POST}/8k"}}}},
        {"uri": f"at://{DID}/{POST}/9k", "value": {"text": 5, "langs": ["en"]}},
    ]  # fmt: skip
    data = "\n".join(map(json.dumps, records)).encode()
    first, repost, *letters = read("t.jsonl", data, privacy)
    home = f"at://{pseudonym(DID)}/{POST}"
    assert isinstance(first, Item)
    assert isinstance(repost, Item)
    assert (first.item_id, first.author_id) == (f"{home}/3k", pseudonym(DID))
    assert repost.item_id == f"{home}/3k#{pseudonym(OTHER_DID)}"
    assert (repost.repost_of, repost.author_id) == (first.item_id, pseudonym(OTHER_DID))
    assert [(one.item_id, str(one.reason)) for one in letters if isinstance(one, DeadLetter)] == [
        (f"{home}/4k", "wrong_type"),
        (f"{home}/5k", "deleted_post"),
        (f"{home}/6k", "deleted_post"),
        (None, "not_a_post"),
        (f"{home}/9k", "wrong_type"),
    ]
    shown = repr([first, repost, *letters])
    assert DID not in shown
    assert OTHER_DID not in shown
    assert "jane" not in shown


def test_activity_pub_shows_no_author_and_boosts_still_match(privacy: Privacy) -> None:
    actor = "https://social.example/users/jane"
    note = {
        "id": f"{actor}/statuses/1", "type": "Note", "content": "<p>the rain</p>",
        "attributedTo": actor, "published": "2026-11-01T10:00:00Z", "contentMap": {"en": "x"},
    }  # fmt: skip
    boost = {"type": "Announce", "actor": "https://social.example/users/joe"}
    boost["published"] = "2026-11-02T10:00:00Z"
    boost["id"] = f"{boost['actor']}/statuses/2/activity"
    records = [note, boost | {"object": note}, boost | {"object": note["id"]}]
    first, second, letter = read("t.jsonl", "\n".join(map(json.dumps, records)).encode(), privacy)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert isinstance(letter, DeadLetter)
    assert first.item_id == privacy.item(note["id"])
    assert second.repost_of == first.item_id
    assert second.item_id == letter.item_id == privacy.item(boost["id"])
    shown = repr([first, second, letter])
    assert "jane" not in shown
    assert "joe" not in shown


def test_the_index_has_the_ids_of_the_labels(privacy: Privacy, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(bluesky_post(DID, "3k")) + "\n", encoding="utf-8")
    (number, pack), _ = index_file(str(path), privacy=privacy)
    token = f"at://{pseudonym(DID)}/{POST}/3k"
    entries = [str(path), [[token, 1, 0, int(RecordState.FULL)]]]
    assert (number, json.loads(zlib.decompress(pack))) == (partition_of(token), entries)


@pytest.mark.job
@pytest.mark.parametrize("key", [None, "another key of some length"])
def test_a_worker_without_the_jobs_key_stops_the_job(
    privacy: Privacy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key:
        monkeypatch.setenv(KEY_VARIABLE, key)
    else:
        monkeypatch.delenv(KEY_VARIABLE)
    path = str(tmp_path / "t.jsonl")
    Path(path).write_text('{"id": 1, "text": "a"}\n')
    message = "is not set" if key is None else f"the job was started with {privacy.author_key}"
    with pytest.raises(Exception, match=message), TestPipeline(runner=FnApiRunner()) as root:
        root | beam.Create([FileCheck(path, n_records=1)]) | ReadItems(JobInputs(), privacy)


def test_the_key_is_in_no_pickle(privacy: Privacy) -> None:
    step = ReadItems(JobInputs(), privacy)
    assert KEY.encode() not in pickle.dumps(step)
    assert KEY not in repr(step)
