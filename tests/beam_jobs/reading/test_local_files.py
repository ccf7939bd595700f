"""Which files a pattern names, as in a shell; what cannot be read twice is refused at once."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from beam_jobs.items.elements import Item, Location
from beam_jobs.items.paths import shown
from beam_jobs.joining.file_check import LoneClip, clip_id
from beam_jobs.joining.index_items import index_file
from beam_jobs.joining.read_items import read_checked_items
from beam_jobs.reading.clip_files import read_clip
from beam_jobs.reading.inputs import file_version, match_files
from model.errors import UserError

NAMES = ("a.csv", "._a.csv", ".DS_Store", "b\\x.csv", "q[1].csv", "sub/c.csv", "sub/deep/d.csv")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*NAMES, ".hidden/e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["a.csv", "b\\x.csv", "q[1].csv"]),
        ("*.csv", ["a.csv", "b\\x.csv", "q[1].csv"]),
        (".*", [".DS_Store", "._a.csv"]),
        ("._*", ["._a.csv"]),
        (".hidden/*", [".hidden/e.csv"]),
        ("**", ["a.csv", "b\\x.csv", "q[1].csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("**.csv", ["a.csv", "b\\x.csv", "q[1].csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("s**.csv", ["sub/c.csv", "sub/deep/d.csv"]),
        ("**/d.csv", ["sub/deep/d.csv"]),
        ("*/c.csv", ["link/c.csv", "sub/c.csv"]),
        ("b\\x.csv", ["b\\x.csv"]),
        ("b\\*", ["b\\x.csv"]),
        ("q[1].csv", ["q[1].csv"]),
        ("[!a]*", ["b\\x.csv", "q[1].csv"]),
        ("?.csv", ["a.csv"]),
        ("no*", []),
    ],
)
def test_patterns(tree: Path, pattern: str, names: list[str]) -> None:
    matched = match_files(f"{tree}/{pattern}")
    assert [file.path for file in matched] == [f"{tree}/{name}" for name in names]
    assert [file.size_bytes for file in matched] == [
        len(name.split("k/")[-1]) for name in names
    ] or ("link/c.csv" in names)


def test_a_pipe_a_socket_and_a_device_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for pattern in ("pipe.jsonl", "*"):
        with pytest.raises(UserError, match=r"pipe\.jsonl is a pipe, not a file: input is read"):
            match_files(f"{tmp_path}/{pattern}")
    with pytest.raises(UserError, match="/dev/null is a device, not a file"):
        match_files("/dev/null")
    (tmp_path / "pipe.jsonl").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(UserError, match="s is a socket, not a file"):
            match_files(f"{tmp_path}/*")


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to("/no/such/file")
    for pattern in ("*", "a.jsonl", "**"):
        message = r"a\.jsonl is a link to /no/such/file, which is not there"
        with pytest.raises(UserError, match=message):
            match_files(f"{tmp_path}/{pattern}")
    (tmp_path / "a.jsonl").rename(tmp_path / ".a.jsonl")
    assert match_files(f"{tmp_path}/*") == ()


def test_a_file_that_this_user_may_not_read_is_named() -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        path.write_text("{}", encoding="utf-8")
        Path(folder).chmod(0o755)
        path.chmod(0)
        try:
            if user == 0:  # who may read everything
                os.seteuid(65534)
            with pytest.raises(UserError, match=r"a\.jsonl cannot be read: permission denied"):
                match_files(str(path))
        finally:
            os.seteuid(user)


def test_a_name_that_is_no_utf8_is_read_and_shown_with_escapes(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    Path(os.fsdecode(name)).write_bytes(b'{"id": "1", "text": "t"}\nbroken\n')
    [file] = match_files(f"{tmp_path}/*.jsonl")
    file.path.encode()  # can be written to a manifest, and goes through a shuffle
    assert match_files(os.fsdecode(name)) == (file,)
    assert shown(file.path) == f"{tmp_path}/caf\\xe9.jsonl"
    *_, check = index_file(file.path)
    assert not isinstance(check, tuple | LoneClip)
    found, letter = read_checked_items(check)
    assert found == Item("1", Location(file.path, 1), text="t")
    assert str(found.source) == letter.source[:-1] + "1" == f"{tmp_path}/caf\\xe9.jsonl:1"


def test_a_clip_of_such_a_name(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")).write_bytes(b"sound")
    [file] = match_files(f"{tmp_path}/*.wav")
    assert clip_id(file.path) == "caf\\xe9"
    assert read_clip(file.path, 100) == b"sound"


def test_a_version_is_another_for_another_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    before = file_version(str(path))
    assert file_version(str(path)) == before
    os.utime(path, ns=(0, 1))
    assert file_version(str(path)) != before
    with pytest.raises(OSError, match="gone"):
        file_version(str(tmp_path / "gone"))
