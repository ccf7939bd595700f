"""The files that a job reads."""

from datetime import date
from pathlib import Path

import pytest

from beam_jobs.reading.inputs import JobInputs, match_files
from beam_jobs.scoring.prepared_job import _matched
from model.errors import UserError

DAY = date(2026, 11, 22)


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
