"""Where texts are hidden, no dead letter, report or log has them; no file names the machine."""

import base64
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.items.elements import DeadLetter, Features, Item, Location
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, key_fingerprint
from beam_jobs.joining.file_check import FileCheck
from beam_jobs.joining.read_items import apply_check, read_checked_items
from beam_jobs.reading.inputs import read_item_file
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.preprocess import preprocess_batch
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.score_batches import score_batch
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.artifact import Artifact
from model.scoring.scorer import EmotionScorer
from model.scoring.scores import EmotionScores
from schemas.dead_letters import REASON_MEANINGS, Reason, Stage
from schemas.reports import REPORT_SCHEMAS
from tests.support.item_reading import parquet

REDACT = Privacy(redact_text=True)
SAID = "zanzibar"


class FailingScorer(EmotionScorer):
    """Fails on every batch, and quotes what it was given, as a backend may."""

    def __init__(self) -> None:
        pass

    def score(self, inputs: Sequence[ModelInput]) -> list[EmotionScores]:
        raise ValueError(f"cannot score {SAID}: {inputs}")


def read(path: Path, data: bytes, privacy: Privacy = REDACT) -> list[Item | DeadLetter]:
    path.write_bytes(data)
    n_records = len([*read_checked_items_of(path, privacy, n_records=None)])
    return list(read_checked_items_of(path, privacy, n_records))


def read_checked_items_of(
    path: Path, privacy: Privacy, n_records: int | None
) -> Iterator[Item | DeadLetter]:
    if n_records is None:
        return read_item_file(str(path), (), privacy)
    return read_checked_items(FileCheck(str(path), n_records=n_records), privacy=privacy)


@pytest.mark.parametrize(
    ("name", "data", "payload"),
    [
        ("t.jsonl", f'{{"id": 1, "text": "{SAID}', "[27 characters]"),
        ("t.jsonl", f'"{SAID}"', "[10 characters]"),
        ("t.jsonl", f'{{"id": 1, "text": ["{SAID}"]}}', "[31 characters]"),
        ("t.jsonl", f'{{"data": [{{"id": 1, "text": "{SAID}"}}, {{"id": 2, "te', None),
        ("t.jsonl", f'{{"id": "1", "body": "[deleted]", "author": "{SAID}"}}', "[54 characters]"),
        ("t.jsonl", f'{{"text": "é {SAID}"}}', "[22 characters]"),
        ("t.jsonl", f'{{"id": 1, "text": "{SAID}\udcff"}}', "[30 characters]"),
        ("t.json", f'[{{"id": 1, "text": "{SAID}\\ud800"}}]', "[35 characters]"),
        ("t.csv", f"{SAID},a\n{SAID} and no header,b\n", None),
        ("t.csv", f'{SAID}"a,"a"b\n', "[15 characters]"),
        ("t.csv", f"id,text\n1,{SAID},2\n", "[12 characters]"),
        ("t.csv", f'id,text\n1,"{SAID}"x,y\n', "[15 characters]"),
    ],
)
def test_a_refused_record_keeps_its_length_only(
    tmp_path: Path, name: str, data: str, payload: str | None
) -> None:
    letters = read(tmp_path / name, data.encode("utf-8", errors="surrogateescape"))
    assert letters
    for letter in letters:
        assert isinstance(letter, DeadLetter)
        assert SAID not in repr(letter)
        assert payload is None or letter.payload == payload


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({SAID: ["1"], "text": [SAID]})
    [letter] = read(tmp_path / "t.parquet", parquet(table))
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.payload) == (Reason.MISSING_ID, "[20 characters]")
    assert SAID not in letter.message


def test_what_the_join_refuses(tmp_path: Path) -> None:
    item = Item("1", Location("t.jsonl", 2), text=f"{SAID}!", audio_uri="b.wav")
    for verdicts, reason in (
        (FileCheck("t.jsonl", {(2, 0): Location("t.jsonl", 1)}), Reason.DUPLICATE_ID),
        (FileCheck("t.jsonl", clips={(2, 0): ("a.wav", "c.wav")}), Reason.TWO_CLIPS),
        (FileCheck("t.jsonl", clips={(2, 0): ("a.wav",)}), Reason.TWO_CLIPS),
    ):
        letter = apply_check(item, verdicts, privacy=REDACT)
        assert isinstance(letter, DeadLetter)
        assert (letter.reason, letter.payload) == (reason, "[9 characters]")
        assert SAID not in letter.message
    bare = Item("1", Location("t.jsonl", 2), hashtags=(SAID,))
    letter = apply_check(bare, FileCheck("t.jsonl"), privacy=REDACT)
    assert isinstance(letter, DeadLetter)
    assert letter.payload == "[42 characters]"


def test_what_preprocessing_refuses(tiny_artifact: Path) -> None:
    source = Location("t.jsonl", 1)
    items = [
        Item("empty", source, text="\u200b" * 5),
        Item("outside", source, text=SAID, audio_uri="/etc/passwd"),
        Item("clip", source, audio_uri="/etc/passwd"),
    ]
    preprocessor = Artifact.load(tiny_artifact).preprocessor()
    letters = preprocess_batch(items, preprocessor, (), privacy=REDACT)
    outside = "audio_uri '/etc/passwd' lies under no --audio-root; none was given"
    stage, reason = Stage.PREPROCESS, Reason.CLIP_OUTSIDE_ROOTS
    meaning = REASON_MEANINGS[Reason.EMPTY_TEXT]
    assert letters == [
        DeadLetter("empty", stage, Reason.EMPTY_TEXT, meaning, "t.jsonl:1", "[5 characters]"),
        DeadLetter("outside", stage, reason, outside, "t.jsonl:1", "[8 characters]"),
        DeadLetter("clip", stage, reason, outside, "t.jsonl:1", "/etc/passwd"),
    ]


def test_what_the_model_fails_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="beam_jobs.scoring.score_batches")
    features = Features(Item("1", Location("t.jsonl", 1), text=SAID), ModelInput())
    [letter] = score_batch([features], FailingScorer(), REDACT)
    meaning = REASON_MEANINGS[Reason.SCORING_FAILED]
    assert letter == DeadLetter(
        "1", Stage.SCORE, Reason.SCORING_FAILED, meaning, "t.jsonl:1", "[8 characters]"
    )
    assert SAID not in caplog.text
    [letter] = score_batch([features], FailingScorer())
    assert isinstance(letter, DeadLetter)
    assert (SAID in letter.message, letter.payload) == (True, SAID)
    assert SAID in caplog.text


@pytest.fixture(scope="module")
def out(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with texts hidden: labels, and dead letters of each stage before the model."""
    directory = tmp_path_factory.mktemp("somewhere")
    records = [
        {"id": "1", "text": f"the rain {SAID}", "lang": "en"},
        {"id": "1", "text": f"{SAID} again"},
        {"id": "2", "text": [SAID], "created_at": SAID},
        {"id": "3", "text": f"{SAID}", "audio_uri": "../gone.wav"},
    ]
    lines = [*map(json.dumps, records), f'{{"text": "{SAID}']
    (directory / "tweets.jsonl").write_text("\n".join(lines), encoding="utf-8")
    request = ScoringRequest(
        items=(f"{directory}/tweets.jsonl",),
        clips=(),
        audio_roots=(str(directory),),
        out=str(directory / "out"),
        model=str(tiny_artifact),
        run_date=date(2026, 11, 14),
        max_bad_fraction=1.0,
        redact_text=True,
    )
    result = score_corpus(request)
    assert (result.manifest.counts.n_labels, result.manifest.counts.n_dead) == (1, 4)
    assert result.manifest.settings["redact_text"] is True
    return directory / "out"


@pytest.mark.job
def test_a_run_writes_no_text(out: Path) -> None:
    for path in out.rglob("*"):
        if path.suffix == ".parquet":
            assert SAID not in repr(pq.read_table(path, partitioning=None).to_pylist()), path
        elif path.is_file():
            assert SAID not in path.read_text(encoding="utf-8"), path


@pytest.mark.job
def test_no_footer_names_the_machine(out: Path) -> None:
    paths = sorted(out.rglob("*.parquet"))
    assert len(paths) == 2 + len(REPORT_SCHEMAS)
    places = {str(out), str(out.parent), os.getcwd(), str(Path.home()), os.uname().nodename}
    for path in paths:
        data = path.read_bytes()
        footer = data[-8 - int.from_bytes(data[-8:-4], "little") :]
        metadata = pq.read_metadata(path)
        assert metadata.created_by.encode() in footer  # it is the footer that was looked at
        schema = base64.b64decode(metadata.metadata[b"ARROW:schema"])
        if path.parts[-3] == "dead_letters":
            # A `source` is a path by its meaning, and stands in the column's statistics too.
            footer = b"".join(metadata.metadata) + metadata.created_by.encode()
        for place in places - {"/"}:
            assert place.encode() not in footer + schema, (path, place)


class TestContentKeys:
    """What tells a refused input from another, and tells nobody what it says."""

    LINES = (b'{"id": 1, "text": 5}', b'{"id": 1, "text": 6}', b"zanzibar" * 1_000, b"zanzibar")

    def keys(self, path: Path, privacy: Privacy) -> list[str | None]:
        letters = read(path, b"\n".join(self.LINES), privacy)
        return [letter.content_key for letter in letters if isinstance(letter, DeadLetter)]

    def test_each_input_has_its_own(self, tmp_path: Path) -> None:
        keys = self.keys(tmp_path / "t.jsonl", PUBLIC)
        expected = [
            hashlib.blake2b(line, digest_size=16, person=b"mm-emor content").hexdigest()
            for line in self.LINES
        ]
        assert keys == expected

    def test_where_texts_are_hidden_there_is_none_without_a_key(self, tmp_path: Path) -> None:
        assert self.keys(tmp_path / "t.jsonl", REDACT) == [None] * 4

    def test_with_a_key_only_its_holder_can_make_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = []
        for key in ("k" * 16, "l" * 16):
            monkeypatch.setenv(KEY_VARIABLE, key)
            privacy = Privacy(redact_text=True, content_key=key_fingerprint())
            found.append(self.keys(tmp_path / "t.jsonl", privacy))
            expected = hmac.digest(key.encode(), b"content:" + self.LINES[0], "sha256")
            assert found[-1][0] == expected[:16].hex()
        assert len({*found[0], *found[1]}) == 8
