"""Files that appear whole or not at all, and their hashes."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from model import files
from model.files import hash_file, hash_file_once, remove_unfinished, whole_file, write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_whole(path, "joy ö\n")
    assert path.read_bytes() == b"joy \xc3\xb6\n"
    write_whole(path, memoryview(b"\x00\x01"))
    assert path.read_bytes() == b"\x00\x01"
    assert os.listdir(tmp_path) == ["config.json"]


def test_others_may_read_it_as_far_as_the_process_lets_them(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_whole(tmp_path / "metrics.prom", "")
    finally:
        os.umask(old)
    assert (tmp_path / "metrics.prom").stat().st_mode & 0o777 == 0o644


def test_until_it_is_whole_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "run.prom"
    write_whole(path, "old")

    def fail_halfway() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("ha")
            # A collector of *.prom does not see it.
            assert [one.name for one in tmp_path.glob("*.prom")] == ["run.prom"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["run.prom"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "run.prom").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "run.prom", "new")
    assert os.listdir(tmp_path) == ["run.prom"]


def test_content_then_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(
        files, "sync", lambda path: synced.append((path.suffix, (tmp_path / "a").exists()))
    )
    write_whole(tmp_path / "a", "1", durable=False)
    (tmp_path / "a").unlink()
    assert synced == []
    write_whole(tmp_path / "a", "1")
    assert synced == [(".tmp", False), ("", True)]


def test_writers_of_one_path_do_not_meet(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def write(content: bytes) -> None:
        with whole_file(tmp_path / "strip", durable=False) as temporary:
            temporary.write_bytes(content)
            both.wait(10)

    threads = [threading.Thread(target=write, args=(content,)) for content in (b"1" * 9, b"2" * 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "strip").read_bytes() in {b"1" * 9, b"2" * 9}
    assert os.listdir(tmp_path) == ["strip"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    for name in (".state.1-2.tmp", ".state.77-3.tmp", ".other.1-2.tmp", "state"):
        (tmp_path / name).write_text("")
    remove_unfinished(tmp_path / "state")
    assert sorted(os.listdir(tmp_path)) == [".other.1-2.tmp", "state"]


def test_a_file_that_stays_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.wav"
    for content in (b"la", b"lala"):
        path.write_bytes(content)
        expected = hashlib.sha256(content).hexdigest()
        assert hash_file(path) == hash_file_once(path) == expected
        with monkeypatch.context() as patched:
            patched.setattr(files, "hash_file", lambda _: pytest.fail("the file is read again"))
            assert hash_file_once(path) == expected
    path.unlink()
    with pytest.raises(FileNotFoundError):
        hash_file_once(path)
