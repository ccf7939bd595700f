"""Ids and clips of all files, by partition."""

from collections.abc import Sequence
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
    check_partition,
    merge_checks,
)
from beam_jobs.joining.index_items import (
    IndexItems,
    index_file,
    index_labels,
    is_same_file,
    partition_of,
)
from beam_jobs.reading.inputs import JobInputs


def place(file: str, row: int, part: int = 0) -> Location:
    return Location(file, row, part)


def write_lines(path: Path, records: Sequence[object]) -> str:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return str(path)


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
            for verdict in check_partition(
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


@pytest.mark.job
def test_index_items(tmp_path: Path) -> None:
    a = write_lines(
        tmp_path / "a.jsonl",
        [
            {"id": "once", "text": "t"},
            {"id": "twice", "text": "t"},
            {"id": "late", "text": ["t"]},
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


@pytest.mark.job
def test_index_items_without_files() -> None:
    with TestPipeline(runner=FnApiRunner()) as root:
        assert_that(root | IndexItems(JobInputs()), equal_to([]), label="Verdicts")


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
        found = list(check_partition(number, groups))
        assert found == [
            LoneClip(item_id, (f"{item_id}.wav",), already_scored=True)
            for item_id in sorted(ids)
            if partition_of(item_id) == number
        ]
        groups["labelled"] = []
        assert not any(verdict.already_scored for verdict in check_partition(number, groups))
