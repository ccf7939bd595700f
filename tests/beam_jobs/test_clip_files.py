"""Audio roots: nothing outside of them is opened, whatever the item calls it."""

import os
from pathlib import Path

import pytest

from beam_jobs.clip_files import read_clip, resolve_audio_uri
from model.errors import ItemError
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
    return root


@pytest.mark.parametrize("uri", ["clip.wav", "./clip.wav", "sub/../clip.wav", "in.wav"])
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
        "gs://bucket/clip.wav",
        "clip.wav\x00.txt",
        "",
    ],
)
def test_what_leads_out_of_the_root_is_refused(root: Path, uri: str) -> None:
    with pytest.raises(ItemError) as caught:
        read_clip(resolve_audio_uri(uri, [str(root)]), 100)
    expected = Reason.CLIP_OUTSIDE_ROOTS if uri else Reason.MISSING_CLIP
    assert caught.value.reason == expected


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
        with pytest.raises(ItemError, match="is not a file") as caught:
            read_clip(str(root / name), 100)
        assert caught.value.reason == Reason.MISSING_CLIP
