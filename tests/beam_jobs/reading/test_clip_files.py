"""Audio roots: nothing outside of them is opened, whatever the item calls it."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.clip_files import read_clip, resolve_audio_uri
from beam_jobs.scoring import preprocess
from model.errors import ItemError
from model.scoring.artifact import Artifact
from schemas.dead_letters import Reason


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a clip, beside a secret, and links that lead out of it and within it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "clip.wav").write_bytes(b"clip")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (tmp_path / "root-secret.wav").write_bytes(b"secret")
    (root / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "in.wav").symlink_to(root / "clip.wav")
    (root / "up").symlink_to(tmp_path)
    (root / "chain.wav").symlink_to(root / "out.wav")
    return root


@pytest.mark.parametrize(
    "uri", ["clip.wav", "./clip.wav", "clip.wav/", "sub/../clip.wav", "in.wav"]
)
def test_relative_names_under_the_root(root: Path, uri: str) -> None:
    assert resolve_audio_uri(uri, [str(root)]) == str(root / "clip.wav")


def test_absolute_names_under_the_root(root: Path) -> None:
    assert resolve_audio_uri(str(root / "clip.wav"), [str(root)]) == str(root / "clip.wav")


def test_the_first_root_that_has_the_file_wins(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert resolve_audio_uri("clip.wav", [str(empty), str(root)]) == str(root / "clip.wav")


@pytest.mark.parametrize(
    "uri",
    [
        "../secret.wav",
        "sub/../../secret.wav",
        "out.wav",
        "up/secret.wav",
        "/etc/passwd",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "http://host/clip.wav",
        "https://host/clip.wav",
        "gs://bucket/clip.wav",
        "clip.wav\x00.txt",
        "\x00",
        "up/root/../secret.wav",
        "chain.wav",
        "sub//..//../secret.wav",
        "sub/./../../root-secret.wav",
        "//etc/passwd",
        "/proc/self/root/etc/passwd",
        "/dev/zero",
        "",
    ],
)
def test_what_leads_out_of_the_root_is_refused(root: Path, uri: str) -> None:
    with pytest.raises(ItemError) as caught:
        read_clip(resolve_audio_uri(uri, [str(root)]), 100, follow_links=False)
    expected = Reason.CLIP_OUTSIDE_ROOTS if uri else Reason.MISSING_CLIP
    assert caught.value.reason == expected


@pytest.mark.parametrize(
    "uri",
    [
        "..%2fsecret.wav",
        "%2e%2e/secret.wav",
        "..\\secret.wav",
        "sub\\..\\..\\secret.wav",
        "C:\\secret.wav",
        "file:/etc/passwd",
        "CLIP.WAV",
        "clip.wav/../clip.wav/x",
        "~/secret.wav",
        "$HOME/secret.wav",
        "*.wav",
        "clip.wa?",
        "clip.wav\n",
        " clip.wav",
        "loop",
        "x" * 5000,
        "sub/" * 2000,
    ],
)
def test_what_other_systems_would_read_as_a_path_is_only_a_name(root: Path, uri: str) -> None:
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(ItemError) as caught:
        read_clip(resolve_audio_uri(uri, [str(root)]), 100, follow_links=False)
    assert caught.value.reason == Reason.MISSING_CLIP


def test_a_link_that_is_put_in_after_the_check_is_not_followed(root: Path, tmp_path: Path) -> None:
    (root / "sub" / "secret.wav").write_bytes(b"clip")
    (root / "clip2.wav").write_bytes(b"clip")
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "secret.wav").write_bytes(b"secret")
    inner, outer = (resolve_audio_uri(uri, [str(root)]) for uri in ("sub/secret.wav", "clip2.wav"))
    for path in (inner, outer):
        assert read_clip(path, 100, follow_links=False) == b"clip"
    (root / "sub").rename(tmp_path / "sub")
    (root / "sub").symlink_to(tmp_path / "aside")
    (root / "clip2.wav").unlink()
    (root / "clip2.wav").symlink_to(tmp_path / "secret.wav")
    for path in (inner, outer):
        assert read_clip(path, 100) == b"secret"  # as a clip of --clips would be
        with pytest.raises(ItemError, match="cannot be read: ") as caught:
            read_clip(path, 100, follow_links=False)
        assert caught.value.reason == Reason.MISSING_CLIP


def test_an_item_whose_link_is_swapped_is_a_dead_letter(
    root: Path, tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to a root changes a directory into a link right after it was checked."""

    def swap(uri: str, roots: Sequence[str]) -> str:
        path = resolve_audio_uri(uri, roots)
        (root / "sub").rename(tmp_path / "sub")
        (root / "sub").symlink_to(tmp_path)
        return path

    (root / "sub" / "secret.wav").write_bytes(b"clip")
    monkeypatch.setattr(preprocess, "resolve_audio_uri", swap)
    item = Item("1", Location("t.jsonl", 1), audio_uri="sub/secret.wav")
    preprocessor = Artifact.load(tiny_artifact).preprocessor()
    [letter] = preprocess.preprocess_batch([item], preprocessor, (str(root),))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == Reason.MISSING_CLIP


def test_a_root_that_is_a_link_and_a_directory_without_the_right_to_list(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(root)
    (root / "sub" / "1.wav").write_bytes(b"clip")
    (root / "sub").chmod(0o311)
    path = resolve_audio_uri("sub/1.wav", [str(tmp_path / "link")])
    assert path == str(root / "sub" / "1.wav")
    assert read_clip(path, 100, follow_links=False) == b"clip"


def test_a_sibling_whose_name_starts_alike_is_outside(root: Path) -> None:
    with pytest.raises(ItemError) as caught:
        resolve_audio_uri(f"{root}-secret.wav", [str(root)])
    assert caught.value.reason == Reason.CLIP_OUTSIDE_ROOTS


@pytest.mark.parametrize(
    "uri",
    [
        "gs://clips-evil/2026/1.wav",
        "gs://Clips/2026/1.wav",
        "GS://clips/2026/1.wav",
        "gs://clips/2027/1.wav",
        "gs://clips/2026/../2027/1.wav",
        "../2027/1.wav",
        "gs://clips/2026",
        "/2026/1.wav",
        "gs://clips/2026/%2e%2e/../../2027/1.wav",
        "gs://clips/2026/\x00",
        "gs:/clips/2026/1.wav/../../../../..",
        "s3://clips/2026/1.wav",
        "file:///clips/2026/1.wav",
        "http://clips/2026/1.wav",
        " gs://clips/2026/1.wav",
        "gs://clips@evil/2026/1.wav",
    ],
)
def test_other_buckets_and_prefixes_are_refused(uri: str) -> None:
    with pytest.raises(ItemError) as caught:
        resolve_audio_uri(uri, ["gs://clips/2026/"])
    assert caught.value.reason == Reason.CLIP_OUTSIDE_ROOTS


def test_without_a_root_nothing_is_opened(root: Path) -> None:
    with pytest.raises(ItemError, match="lies under no --audio-root; none was given"):
        resolve_audio_uri(str(root / "clip.wav"), [])


def test_a_missing_file_is_named(root: Path) -> None:
    with pytest.raises(ItemError, match=r"there is no file at 'gone\.wav'") as caught:
        resolve_audio_uri("gone.wav", [str(root)])
    assert caught.value.reason == Reason.MISSING_CLIP


def test_reading_stops_at_the_limit(root: Path) -> None:
    assert read_clip(str(root / "clip.wav"), 4) == b"clip"
    with pytest.raises(ItemError, match="is larger than the limit of 3 bytes") as caught:
        read_clip(str(root / "clip.wav"), 3)
    assert caught.value.reason == Reason.CLIP_TOO_LARGE


def test_directories_and_pipes_are_no_clips(root: Path) -> None:
    os.mkfifo(root / "pipe.wav")
    for name in ("sub", "pipe.wav"):
        for follow_links in (False, True):
            with pytest.raises(ItemError, match="is not a file") as caught:
                read_clip(str(root / name), 100, follow_links=follow_links)
            assert caught.value.reason == Reason.MISSING_CLIP
