"""Which records are kept, which are duplicates, and which clips are whose."""

import zlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import Location
from beam_jobs.joining import index_items as join
from beam_jobs.joining.file_check import (
    FileCheck,
    LoneClip,
    RecordState,
    Sighting,
    clip_id,
    judge_partition,
    keep_first,
    merge_checks,
)
from beam_jobs.joining.index_items import (
    IndexItems,
    index_file,
    index_labels,
    is_same_file,
    partition_of,
)
from beam_jobs.reading.inputs import JobInputs, match_files
from beam_jobs.scoring.prepared_job import _matched
from model.errors import UserError

DAY = date(2026, 11, 22)
FULL, EMPTY, REFUSED = RecordState.FULL, RecordState.EMPTY, RecordState.REFUSED


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
        sightings: list[tuple[Location, RecordState]],
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


class TestIsSameFileHoweverSpelled:
    @pytest.fixture(autouse=True)
    def in_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "clips").mkdir()
        (tmp_path / "clips" / "7.wav").write_bytes(b"clip")
        (tmp_path / "linked").symlink_to(tmp_path / "clips")
        (tmp_path / "clips" / "alias.wav").symlink_to("7.wav")
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize(
        ("audio_uri", "clip", "roots", "same"),
        [
            ("7.wav", "{here}/clips/7.wav", ["clips"], True),
            ("{here}/clips/7.wav", "clips/7.wav", [], True),
            ("file://{here}/clips/7.wav", "./clips/7.wav", [], True),
            ("7.wav", "{here}/clips/7.wav", ["linked"], True),
            ("{here}/linked/7.wav", "clips/7.wav", [], True),
            ("alias.wav", "linked/7.wav", ["{here}/clips"], True),
            ("8.wav", "{here}/clips/7.wav", ["clips"], False),
            ("7.wav\x00", "{here}/clips/7.wav", ["clips"], False),
        ],
    )
    def test_paths(
        self, tmp_path: Path, audio_uri: str, clip: str, roots: list[str], same: bool
    ) -> None:
        audio_uri, clip, *roots = (one.format(here=tmp_path) for one in (audio_uri, clip, *roots))
        assert is_same_file(audio_uri, clip, roots) is same


def test_clip_id() -> None:
    assert [clip_id(path) for path in ("/a.b/1.2.wav", "gs://b/x", ".wav")] == ["1.2", "x", ".wav"]


def test_index_file_packs_the_ids_and_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"id{n}" for n in range(50)]
    path = write_lines(tmp_path / "a.jsonl", [{"id": one, "text": "t"} for one in ids])

    def index() -> tuple[int, list[FileCheck | LoneClip]]:
        *packs, counted = index_file(path)
        assert counted == FileCheck(path, n_records=50)
        verdicts = [
            verdict
            for partition in range(join.N_PARTITIONS)
            for verdict in judge_partition(
                partition,
                {
                    "packs": [pack[1] for pack in packs if pack[0] == partition],  # type: ignore[index]
                    "clips": [f"{one}.wav" for one in ids if partition_of(one) == partition],
                },
            )
        ]
        return len(packs), verdicts

    n_packs, verdicts = index()
    assert n_packs == len({partition_of(one) for one in ids})
    merged = merge_checks(path, [one for one in verdicts if isinstance(one, FileCheck)])
    assert merged == FileCheck(path, {}, {(n + 1, 0): (f"id{n}.wav",) for n in range(50)})
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
                    FileCheck(
                        a,
                        {(4, 1): place(a, 2)},
                        {
                            (4, 2): ("/clips/clip.mp3", "/clips/clip.wav"),
                            (5, 0): ("/clips/empty.wav",),
                        },
                        n_records=8,
                    ),
                    FileCheck(b, {(2, 0): place(a, 2)}, n_records=2),
                    FileCheck(c, n_records=1),
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
            ({"audio_roots": ("",)}, "--audio-root '' is not a directory"),
            ({"audio_roots": ("/no/such/place",)}, "--audio-root '/no/such/place' is not a dir"),
            ({"audio_roots": (__file__,)}, "is not a directory"),
            ({"audio_roots": ("gs://",)}, "--audio-root 'gs://' names no bucket or host"),
            ({"audio_roots": ("gs:///clips",)}, "--audio-root 'gs:///clips' names no bucket"),
            ({"audio_roots": ("/", "://clips")}, "--audio-root '://clips' names no bucket"),
            ({"columns": (("tweet", "text"),)}, "--column tweet=…: the fields are item_id, text"),
            ({"columns": (("text", "a"), ("text", "b"))}, "renamed twice"),
        ],
    )
    def test_user_errors(self, arguments: dict[str, tuple[str, ...]], message: str) -> None:
        with pytest.raises(UserError, match=message):
            JobInputs(**arguments)  # type: ignore[arg-type]

    def test_good_audio_roots(self, tmp_path: Path) -> None:
        JobInputs(audio_roots=("/", str(tmp_path), "gs://clips", "gs://clips/2026/"))

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
        assert [(file.path, file.size_bytes) for file in matched] == [(a, 1), (b, 2)]
        assert [file.path for file in match_files(f"{tmp_path}/**.csv")] == [a, b, c]
        assert match_files(f"{tmp_path}/*.tsv") == ()
        monkeypatch.chdir(tmp_path)
        assert [file.path for file in match_files("*.csv")] == ["a.csv", "b.csv"]
        assert [file.path for file in match_files("a.csv")] == ["a.csv"]

    def test_unknown_file_system(self) -> None:
        with pytest.raises(UserError, match=r"^nowhere://a cannot be looked up"):
            match_files("nowhere://a")

    def test_a_file_spelled_twice_is_one_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "data").mkdir()
        for name in ("t.jsonl", "7.wav"):
            (tmp_path / "data" / name).write_text("x")
        (tmp_path / "linked").symlink_to("data")
        monkeypatch.chdir(tmp_path / "data")
        for patterns, expected in [
            (["t.jsonl", "./t.jsonl"], ["t.jsonl"]),
            (["./t.jsonl", "t.jsonl"], ["./t.jsonl"]),
            ([f"{tmp_path}/linked/*", "*", f"{tmp_path}/data/*"], ["7.wav", "t.jsonl"]),
        ]:
            matched = [file.path for file in _matched(patterns, DAY)]
            prefix = f"{tmp_path}/linked/" if len(patterns) == 3 else ""
            assert matched == [prefix + path for path in expected]

    def test_a_clip_linked_under_another_id_is_a_clip_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "7.wav").write_text("x")
        for alias in ("7.mp3", "8.wav"):
            (tmp_path / alias).symlink_to("7.wav")
        matched = [Path(file.path).name for file in _matched([f"{tmp_path}/*"], DAY)]
        assert matched == ["7.mp3", "8.wav"]


def test_published_ids_go_to_their_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beam_jobs.joining.index_items.MAX_BUFFERED_IDS", 7)
    path = tmp_path / "labels.parquet"
    ids = [f"id{number}" for number in range(50)]
    pq.write_table(pa.table({"item_id": ids, "emotion": ["joy"] * 50}), path)
    packs = list(index_labels(str(path)))
    for number in {partition_of(item_id) for item_id in ids}:
        groups = {
            "packs": [],
            "clips": [f"{item_id}.wav" for item_id in ids if partition_of(item_id) == number],
            "labelled": [pack for partition, pack in packs if partition == number],
        }
        found = list(judge_partition(number, groups))
        assert found == [
            LoneClip(item_id, (f"{item_id}.wav",), already_scored=True)
            for item_id in sorted(ids)
            if partition_of(item_id) == number
        ]
        groups["labelled"] = []
        assert not any(verdict.already_scored for verdict in judge_partition(number, groups))


def test_a_partition_takes_only_the_published_ids_that_it_reads() -> None:
    def pack(content: object) -> bytes:
        return zlib.compress(orjson.dumps(content))

    groups = {
        "packs": [
            pack(["a.jsonl", [["1", 1, 0, RecordState.FULL], ["2", 2, 0, RecordState.FULL]]])
        ],
        "clips": ["3.wav"],
        "labelled": [pack(["2", "3", "of last year"])],
    }
    assert list(judge_partition(0, groups)) == [
        FileCheck("a.jsonl", already_scored=frozenset({(2, 0)})),
        LoneClip("3", ("3.wav",), already_scored=True),
    ]
