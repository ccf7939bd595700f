"""The items that the job goes on with, and the dead letters of reading and joining."""

import gzip
import json
import os
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

import beam_jobs
from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.joining.file_check import FileCheck, LoneClip, clip_id
from beam_jobs.joining.index_items import IndexItems, index_file
from beam_jobs.joining.read_items import ReadItems, apply_check, read_checked_items
from beam_jobs.reading.inputs import JobInputs, match_files
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason, Stage
from tests.beam_jobs.joining.test_index_items import write_lines
from tests.support.item_reading import Outcome, read_without_beam

SAMPLE_CORPUS = Path(beam_jobs.__file__).parent / "sample_corpus"


@pytest.mark.job
def test_exact_outputs(tmp_path: Path) -> None:
    c = f"{tmp_path}/c"
    Path(c).mkdir()
    a = write_lines(
        tmp_path / "a.jsonl",
        [
            {"id": "joined", "text": "t", "lang": "en"},
            {"id": "same", "text": "t", "audio_uri": "same.wav"},
            {"id": "other", "text": "t", "audio_uri": "elsewhere.wav"},
            {"id": "two", "text": "t"},
            {"id": "own", "audio_uri": "own.wav"},
            {"id": "clip", "lang": "en"},
            {"id": "nothing", "lang": "en", "created_at": "2018-10-10T12:00:00Z"},
            {"id": "refused", "text": 5},
        ],
    )
    b = write_lines(
        tmp_path / "b.jsonl",
        [{"id": "joined", "text": "again"}, {"id": "refused", "text": "good"}, {"text": "lost"}],
    )
    names = ["joined.wav", "same.wav", "other.wav", "two.mp3", "two.wav", "clip.wav", "solo.wav"]
    clips = [f"{c}/{name}" for name in [*names, "pair.mp3", "pair.wav", "refused.wav"]]
    inputs = JobInputs((a, b), tuple(sorted(clips)), (c,))
    expected_ok = [
        Item("joined", Location(a, 1), text="t", lang="en", clip=f"{c}/joined.wav"),
        Item("same", Location(a, 2), text="t", audio_uri="same.wav", clip=f"{c}/same.wav"),
        Item("own", Location(a, 5), audio_uri="own.wav"),
        Item("clip", Location(a, 6), lang="en", clip=f"{c}/clip.wav"),
        Item("refused", Location(b, 2), text="good", clip=f"{c}/refused.wav"),
        Item("solo", Location(f"{c}/solo.wav"), clip=f"{c}/solo.wav"),
    ]
    expected_dead = [
        DeadLetter(
            "other",
            Stage.JOIN,
            Reason.TWO_CLIPS,
            f"audio_uri is elsewhere.wav, and the clip {c}/other.wav carries the id",
            f"{a}:3",
            "t",
        ),
        DeadLetter(
            "two",
            Stage.JOIN,
            Reason.TWO_CLIPS,
            f"2 clips carry the id, among them {c}/two.mp3 and {c}/two.wav",
            f"{a}:4",
            "t",
        ),
        DeadLetter(
            "nothing",
            Stage.READ,
            Reason.NO_CONTENT,
            "there is no text, no audio_uri, and no clip that carries the id",
            f"{a}:7",
            '{"item_id": "nothing", "created_at": "2018-10-10 12:00:00+00:00", "lang": "en"}',
        ),
        DeadLetter(
            "refused",
            Stage.READ,
            Reason.WRONG_TYPE,
            "text is the number 5, not a string",
            f"{a}:8",
            '{"id":"refused","text":5}',
        ),
        DeadLetter(
            "joined",
            Stage.JOIN,
            Reason.DUPLICATE_ID,
            f"the id stands earlier, at {a}:1, which is kept",
            f"{b}:1",
            "again",
        ),
        DeadLetter(
            None,
            Stage.READ,
            Reason.MISSING_ID,
            "item_id or id_str or id is absent, null or empty",
            f"{b}:3",
            '{"text":"lost"}',
        ),
        DeadLetter(
            "pair",
            Stage.JOIN,
            Reason.TWO_CLIPS,
            f"2 clips carry the id, among them {c}/pair.mp3 and {c}/pair.wav",
            f"{c}/pair.mp3",
            f"{c}/pair.mp3\n{c}/pair.wav",
        ),
    ]
    with TestPipeline(runner=FnApiRunner()) as root:
        items = root | IndexItems(inputs) | ReadItems(inputs)
        assert_that(items.ok, equal_to(expected_ok), label="Ok")
        assert_that(items.dead, equal_to(expected_dead), label="Dead")


@pytest.mark.job
def test_unreadable_rest_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"pk,text\n1,t\n")[:-4])
    inputs = JobInputs((str(path),), columns=(("item_id", "pk"),))
    with TestPipeline(runner=FnApiRunner()) as root:
        items = root | IndexItems(inputs) | ReadItems(inputs)
        assert_that(items.ok, equal_to([Item("1", Location(str(path), 2), text="t")]), label="Ok")
        assert_that(
            items.dead,
            equal_to(
                [
                    DeadLetter(
                        None,
                        Stage.READ,
                        Reason.UNREADABLE_FILE,
                        "line 3 and what follows cannot be read: Compressed file ended before "
                        "the end-of-stream marker was reached",
                        f"{path}:3",
                        "",
                    )
                ]
            ),
            label="Dead",
        )


@pytest.mark.job
def test_a_file_that_is_gone_stops_the_job(tmp_path: Path) -> None:
    inputs = JobInputs((str(tmp_path / "gone.jsonl"),))
    with (
        pytest.raises(Exception, match=r"gone\.jsonl"),
        TestPipeline(runner=FnApiRunner()) as root,
    ):
        _ = root | IndexItems(inputs)


class TestAFileThatChangesBetweenTheReads:
    LINES = ("good", {"id": "1", "text": "t"}, {"data": [{"id": "2", "text": "t"}, {"text": "u"}]})

    @pytest.mark.parametrize(
        ("now", "n_read", "n_yielded"), [((*LINES, *LINES), 5, 4), (LINES[:2], 2, 2), ((), 0, 0)]
    )
    def test_it_stops_the_job(
        self, tmp_path: Path, now: tuple[object, ...], n_read: int, n_yielded: int
    ) -> None:
        path = write_lines(tmp_path / "a.jsonl", self.LINES)
        *_, verdicts = index_file(path)
        assert verdicts == FileCheck(path, n_records=4)
        before = list(read_checked_items(verdicts))
        write_lines(tmp_path / "a.jsonl", now)
        reading = read_checked_items(replace(verdicts, version=None))  # as where none can be told
        assert [next(reading) for _ in range(n_yielded)] == before[:n_yielded]
        message = f"^{path} changed while the job ran: 4 records were indexed, {n_read} read$"
        with pytest.raises(RuntimeError, match=message):
            next(reading)

    @pytest.mark.parametrize("change", ["size", "time", "inode"])
    def test_as_many_other_records_stop_it_too(self, tmp_path: Path, change: str) -> None:
        path = write_lines(tmp_path / "a.jsonl", [{"id": "1", "text": "so happy"}])
        *_, check = index_file(path)
        assert isinstance(check, FileCheck)
        status = os.stat(path)
        text = "so angry now" if change == "size" else "so angry"
        other = write_lines(tmp_path / "b.jsonl", [{"id": "1", "text": text}])
        if change == "inode":
            os.replace(other, path)
        else:
            Path(path).write_bytes(Path(other).read_bytes())
        if change != "time":
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(RuntimeError, match=f"^{path} changed while the job ran: its size, tim"):
            list(read_checked_items(check))

    def test_a_change_while_it_is_read_stops_it(self, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "a.jsonl", [{"id": str(n), "text": "t"} for n in range(3)])
        *_, check = index_file(path)
        assert isinstance(check, FileCheck)
        reading = read_checked_items(check)
        next(reading)
        os.utime(path, (0, 0))
        with pytest.raises(RuntimeError, match="changed while the job ran: its size, time"):
            list(reading)

    @pytest.mark.job
    def test_in_the_pipeline(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        write_lines(path, self.LINES)

        def append(verdicts: FileCheck | LoneClip) -> FileCheck | LoneClip:
            with path.open("ab") as file:
                file.write(b"more\n")
            return verdicts

        inputs = JobInputs((str(path),))
        with (
            pytest.raises(Exception, match="changed while the job ran: its size, time or place"),
            TestPipeline(runner=FnApiRunner()) as root,
        ):
            _ = root | IndexItems(inputs) | beam.Map(append) | ReadItems(inputs)


def test_the_paths_of_many_clips_are_cut_at_the_limit() -> None:
    clips = tuple(f"/c/{n:04}/é.wav" for n in range(1000))
    (letter,) = read_checked_items(LoneClip("é", clips))
    assert isinstance(letter, DeadLetter)
    assert letter.reason is Reason.TWO_CLIPS
    assert letter.payload == "\n".join(clips).encode()[:PAYLOAD_LIMIT_BYTES].decode(errors="ignore")


def test_apply_check_keeps_what_is_not_mentioned() -> None:
    item = Item("1", Location("a.jsonl", 1), text="", created_at=datetime(2018, 1, 1, tzinfo=UTC))
    assert apply_check(item, FileCheck("a.jsonl", {(2, 0): item.source})) is item


RECORDS = st.one_of(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abcd")},
        optional={
            "text": st.sampled_from(["t", "", None, 5]),
            "audio_uri": st.sampled_from(["/c/1/a.wav", "/c/2/b.wav", "x.wav", ""]),
            "created_at": st.sampled_from(["2018-10-10", "bad"]),
        },
    ),
    st.sampled_from([{"text": "no id"}, "broken", {"meta": {"result_count": 0}}]),
)
LINES = st.lists(
    RECORDS | st.fixed_dictionaries({"data": st.lists(RECORDS, max_size=3)}), max_size=5
)
CLIPS = st.sets(st.sampled_from([f"/c/{n}/{stem}.wav" for n in (1, 2) for stem in "abcz"]))


def n_records(line: object) -> int:
    if isinstance(line, dict) and "data" in line:
        return len(line["data"])
    return 0 if isinstance(line, dict) and "meta" in line else 1


def write_files(directory: str, files: list[list[object]]) -> tuple[str, ...]:
    return tuple(
        write_lines(Path(directory) / f"{number}.jsonl", lines)
        for number, lines in enumerate(files)
    )


def check_each_item_is_in_one_place(
    outcomes: list[Outcome], n_expected: int, inputs: JobInputs
) -> None:
    item_files = set(inputs.item_files)
    sources = Counter(str(one.source) for one in outcomes)
    of_records = {source for source in sources if source.partition(":")[0] in item_files}
    assert len(of_records) == n_expected
    assert set(sources.values()) <= {1}
    items = [one for one in outcomes if isinstance(one, Item)]
    assert max(Counter(one.item_id for one in items).values(), default=1) == 1
    for one in items:
        assert one.text is not None or one.audio_uri or one.clip
    # Each clip's id has an item or a dead letter; each clip goes to one item at most.
    assert {clip_id(clip) for clip in inputs.clip_files} <= {one.item_id for one in outcomes}
    assert max(Counter(one.clip for one in items if one.clip).values(), default=1) == 1
    for one in items:
        if one.clip:
            stem_of = [clip for clip in inputs.clip_files if clip_id(clip) == one.item_id]
            assert stem_of == [one.clip]


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3), CLIPS)
def test_every_record_ends_in_one_place(files: list[list[object]], clips: set[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        inputs = JobInputs(write_files(directory, files), tuple(sorted(clips)), ("/",))
        outcomes = read_without_beam(inputs)
    n_expected = sum(n_records(line) for lines in files for line in lines)
    check_each_item_is_in_one_place(outcomes, n_expected, inputs)


@pytest.mark.job
@settings(max_examples=5, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3), CLIPS)
def test_pipeline_equals_the_functions(files: list[list[object]], clips: set[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        inputs = JobInputs(write_files(directory, files), tuple(sorted(clips)), ("/",))
        check_pipeline_equals_the_functions(inputs)


def check_pipeline_equals_the_functions(
    inputs: JobInputs, options: PipelineOptions | None = None
) -> None:
    expected = read_without_beam(inputs)
    with TestPipeline(runner=FnApiRunner(), options=options) as root:
        items = root | IndexItems(inputs) | ReadItems(inputs)
        assert_that(
            items.ok, equal_to([one for one in expected if isinstance(one, Item)]), label="Ok"
        )
        assert_that(
            items.dead,
            equal_to([one for one in expected if isinstance(one, DeadLetter)]),
            label="Dead",
        )


def sample_inputs() -> JobInputs:
    matched = [
        tuple(file.path for file in match_files(f"{SAMPLE_CORPUS}/{pattern}"))
        for pattern in ("tweets*", "clips/*")
    ]
    return JobInputs(*matched, audio_roots=(str(SAMPLE_CORPUS),))


def test_sample_corpus() -> None:
    expected = json.loads((SAMPLE_CORPUS / "expected.json").read_text())
    outcomes = read_without_beam(sample_inputs())
    assert len(outcomes) == expected["items"]
    stages = {Stage.READ, Stage.JOIN}
    letters = [one for one in outcomes if isinstance(one, DeadLetter)]
    assert {one.stage for one in letters} == stages
    later = {
        "clip_outside_roots", "missing_clip", "empty_text", "empty_clip", "undecodable_clip",
        "truncated_clip", "non_finite_samples",
    }  # fmt: skip
    assert Counter((one.item_id, str(one.reason)) for one in letters) == Counter(
        (one["item_id"], one["reason"]) for one in expected["dead"] if one["reason"] not in later
    )


@pytest.mark.job
@pytest.mark.parametrize("n_workers", [1, 2])
def test_workers_in_processes_of_their_own(n_workers: int) -> None:
    options = PipelineOptions(direct_running_mode="multi_processing", direct_num_workers=n_workers)
    check_pipeline_equals_the_functions(sample_inputs(), options)


def test_nothing_but_ids_and_verdicts_crosses_a_shuffle() -> None:
    """Reading follows the last shuffle, so that it can run in one stage with what comes after."""
    root = beam.Pipeline(runner=FnApiRunner())
    inputs = JobInputs(("a.jsonl",))
    _ = root | IndexItems(inputs) | ReadItems(inputs)
    transforms = root.to_runner_api().components.transforms.values()
    shuffles = [one.unique_name for one in transforms if one.spec.urn.endswith("group_by_key:v1")]
    assert shuffles
    assert [name for name in shuffles if not name.startswith("IndexItems/")] == []
