"""Which records are kept, which are duplicates, and which clips are whose."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs import join
from beam_jobs.elements import Location
from beam_jobs.inputs import JobInputs, match_files
from beam_jobs.join import (
    FileVerdicts,
    IndexItems,
    LoneClip,
    Sighting,
    Standing,
    clip_id,
    index_file,
    is_same_file,
    judge_partition,
    keep_first,
    merge_verdicts,
    partition_of,
)
from model.errors import UserError

FULL, EMPTY, REFUSED = Standing.FULL, Standing.EMPTY, Standing.REFUSED


def place(file: str, row: int, part: int = 0) -> Location:
    return Location(file, row, part)


def write_lines(path: Path, records: Sequence[object]) -> str:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return str(path)


class TestKeepFirst:
    A, B, C = place("a", 10), place("b", 2), place("b", 2, 1)

    @pytest.mark.parametrize(
        ("sightings", "has_clip", "expected"),
        [
            ([(C, FULL), (B, FULL), (A, FULL)], False, (A, [B, C])),
            ([(place("a", 9), FULL), (A, FULL)], False, (place("a", 9), [A])),
            ([(A, REFUSED), (B, FULL)], True, (B, [])),
            ([(A, EMPTY), (B, FULL), (C, FULL)], True, (B, [C])),
            ([(B, EMPTY), (A, EMPTY)], True, (A, [B])),
            ([(B, EMPTY), (A, EMPTY)], False, (None, [])),
            ([(A, REFUSED)], True, (None, [])),
        ],
    )
    def test_rules(
        self,
        sightings: list[tuple[Location, Standing]],
        has_clip: bool,
        expected: tuple[Location | None, list[Location]],
    ) -> None:
        seen = [Sighting(*sighting) for sighting in sightings]
        assert keep_first(seen, has_clip=has_clip) == expected
        assert keep_first(seen[::-1], has_clip=has_clip) == expected


@pytest.mark.parametrize(
    ("audio_uri", "clip", "roots", "same"),
    [
        ("/d/1.wav", "/d/1.wav", [], True),
        ("/d/x/../1.wav", "/d//1.wav", [], True),
        ("file:///d/1.wav", "/d/1.wav", [], True),
        ("1.wav", "/d/1.wav", ["/c", "/d/"], True),
        ("./d/1.wav", "d/1.wav", [], True),
        ("1.wav", "d/1.wav", ["d"], True),
        ("gs://b/1.wav", "gs://b/1.wav", [], True),
        ("1.wav", "gs://b/1.wav", ["gs://b"], True),
        ("1.wav", "/d/1.wav", [], False),
        ("/1.wav", "/d/1.wav", ["/d"], False),
        ("gs://a/1.wav", "gs://b/1.wav", ["gs://b"], False),
        ("1.mp3", "/d/1.wav", ["/d"], False),
    ],
)
def test_is_same_file(audio_uri: str, clip: str, roots: list[str], same: bool) -> None:
    assert is_same_file(audio_uri, clip, roots) is same


def test_clip_id() -> None:
    assert [clip_id(path) for path in ("/a.b/1.2.wav", "gs://b/x", ".wav")] == ["1.2", "x", ".wav"]


def test_index_file_packs_the_ids_and_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"id{n}" for n in range(50)]
    path = write_lines(tmp_path / "a.jsonl", [{"id": one, "text": "t"} for one in ids])

    def index() -> tuple[int, list[FileVerdicts | LoneClip]]:
        packs = list(index_file(path))
        verdicts = [
            verdict
            for partition in range(join.N_PARTITIONS)
            for verdict in judge_partition(
                partition,
                {
                    "packs": [pack for number, pack in packs if number == partition],
                    "clips": [f"{one}.wav" for one in ids if partition_of(one) == partition],
                },
            )
        ]
        return len(packs), verdicts

    n_packs, verdicts = index()
    assert n_packs == len({partition_of(one) for one in ids})
    merged = merge_verdicts(path, [one for one in verdicts if isinstance(one, FileVerdicts)])
    assert merged == FileVerdicts(path, {}, {(n + 1, 0): (f"id{n}.wav",) for n in range(50)})
    monkeypatch.setattr(join, "MAX_BUFFERED_IDS", 1)
    assert index() == (50, verdicts)


def test_index_items(tmp_path: Path) -> None:
    a = write_lines(
        tmp_path / "a.jsonl",
        [
            {"id": "once", "text": "t"},
            {"id": "twice", "text": "t"},
            {"id": "late", "text": "t", "created_at": "bad"},
            {"data": [{"id": "twice", "text": "u"}, {"id": "clip", "text": "t"}]},
            {"id": "empty"},
            {"id": "refused", "text": 5},
            "broken",
        ],
    )
    b = write_lines(
        tmp_path / "b.jsonl", [{"id": "late", "text": "t"}, {"id": "twice", "text": "v"}]
    )
    c = write_lines(tmp_path / "c.jsonl", [{"id": "alone", "text": "t"}])
    names = ["clip.mp3", "clip.wav", "empty.wav", "refused.wav", "solo.flac"]
    clips = (*(f"/clips/{name}" for name in names), "/other/pair.mp3", "/other/pair.wav")
    inputs = JobInputs((a, b, c), clips)
    with TestPipeline(runner=FnApiRunner()) as root:
        assert_that(
            root | IndexItems(inputs),
            equal_to(
                [
                    FileVerdicts(
                        a,
                        {(4, 1): place(a, 2)},
                        {
                            (4, 2): ("/clips/clip.mp3", "/clips/clip.wav"),
                            (5, 0): ("/clips/empty.wav",),
                        },
                    ),
                    FileVerdicts(b, {(2, 0): place(a, 2)}),
                    FileVerdicts(c),
                    LoneClip("solo", ("/clips/solo.flac",)),
                    LoneClip("pair", ("/other/pair.mp3", "/other/pair.wav")),
                ]
            ),
            label="Verdicts",
        )


def test_index_items_without_files() -> None:
    with TestPipeline(runner=FnApiRunner()) as root:
        assert_that(root | IndexItems(JobInputs()), equal_to([]), label="Verdicts")


class TestJobInputs:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"item_files": ("a.txt",)}, "a.txt is not an item file"),
            ({"clip_files": ("\udcff.wav",)}, "is not a file name in UTF-8"),
            ({"columns": (("tweet", "text"),)}, "--column tweet=…: the fields are item_id, text"),
            ({"columns": (("text", "a"), ("text", "b"))}, "renamed twice"),
        ],
    )
    def test_user_errors(self, arguments: dict[str, tuple[str, ...]], message: str) -> None:
        with pytest.raises(UserError, match=message):
            JobInputs(**arguments)  # type: ignore[arg-type]

    @pytest.mark.parametrize("paths", [("b.csv", "a.csv"), ("a.csv", "a.csv")])
    def test_order(self, paths: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="in order, each once"):
            JobInputs(item_files=paths)


class TestMatchFiles:
    def test_patterns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "sub").mkdir()
        for name, text in [("b.csv", "bb"), ("a.csv", "a"), ("sub/c.csv", "")]:
            (tmp_path / name).write_text(text)
        a, b, c = (str(tmp_path / name) for name in ("a.csv", "b.csv", "sub/c.csv"))
        matched = match_files(f"{tmp_path}/*.csv")
        assert [(file.path, file.size_in_bytes) for file in matched] == [(a, 1), (b, 2)]
        assert [file.path for file in match_files(f"{tmp_path}/**.csv")] == [a, b, c]
        assert match_files(f"{tmp_path}/*.tsv") == ()
        monkeypatch.chdir(tmp_path)
        assert [file.path for file in match_files("*.csv")] == ["a.csv", "b.csv"]
        assert [file.path for file in match_files("a.csv")] == ["a.csv"]

    def test_unknown_file_system(self) -> None:
        with pytest.raises(UserError, match=r"^nowhere://a cannot be looked up"):
            match_files("nowhere://a")
