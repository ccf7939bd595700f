"""What another process decodes is the same, and a clip that hangs or crashes it costs itself."""

import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.decoder_process import MAX_DECODE_SECONDS, DecoderProcess, DecoderProcesses
from schemas.dead_letters import Reason
from tests.support.clips import FORMATS, encode, speech_like

pytestmark = pytest.mark.job

CONFIG = AudioConfig(max_clip_seconds=2)
CLIP = encode(speech_like(0.5), 16_000, "mp3")
FLAC = encode(speech_like(0.5), 16_000, "flac")


@pytest.fixture
def processes() -> Iterator[DecoderProcesses]:
    started = DecoderProcesses()
    yield started
    started.close()


def refusal(processes: DecoderProcesses, data: bytes) -> ItemError:
    with pytest.raises(ItemError) as caught:
        decode_clip(data, CONFIG, processes)
    return caught.value


def only_process(processes: DecoderProcesses) -> DecoderProcess:
    [decoder] = processes._idle.queue
    return decoder


def test_waveforms_and_refusals_are_those_of_this_process(processes: DecoderProcesses) -> None:
    for name in FORMATS:
        clip = encode(speech_like(0.5), 16_000, name)
        np.testing.assert_array_equal(
            decode_clip(clip, CONFIG, processes).waveform, decode_clip(clip, CONFIG).waveform
        )
    with pytest.raises(ItemError) as caught:
        decode_clip(b"no audio", CONFIG)
    theirs = refusal(processes, b"no audio")
    assert (theirs.reason, theirs.message) == (caught.value.reason, caught.value.message)
    assert len(processes._idle.queue) == 1


@pytest.mark.parametrize("name", FORMATS)
def test_plain_wav_alone_needs_no_process(processes: DecoderProcesses, name: str) -> None:
    decode_clip(encode(speech_like(0.5), 16_000, name), CONFIG, processes)
    assert processes._idle.empty() == (name == "wav")


def test_the_worst_plain_wav_ends_within_the_limit() -> None:
    """6.5 million empty chunks before one sample: as many as the limit on bytes lets in."""
    config = AudioConfig()
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    sample = struct.pack("<4sIhh", b"data", 4, 1000, -1000)
    n_chunks = (config.max_clip_bytes - 12 - len(layout) - len(sample)) // 8
    body = b"WAVE" + layout + n_chunks * struct.pack("<4sI", b"LIST", 0) + sample
    clip = b"RIFF" + struct.pack("<I", len(body)) + body

    def nowhere(*_: object) -> NoReturn:
        raise AssertionError("plain WAV is read in this process")

    started = time.thread_time()
    assert decode_clip(clip, config, nowhere).waveform.tolist() == [1000 / 32_768, -1000 / 32_768]
    assert time.thread_time() - started < MAX_DECODE_SECONDS / 2


def test_a_module_of_the_working_directory_does_not_stand_before_ours(
    processes: DecoderProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.py").write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert decode_clip(FLAC, CONFIG, processes).waveform.size > 0


def test_a_process_that_cannot_start_is_no_clip_s_fault(
    processes: DecoderProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ended with exit code 1 before the first"):
        decode_clip(CLIP, CONFIG, processes)


@pytest.mark.parametrize(
    "data",
    [CLIP, CLIP + bytes(2**20), FLAC],
    ids=["FFmpeg's", "larger than a pipe", "libsndfile's"],
)
def test_a_clip_that_hangs_is_given_up_and_the_next_is_decoded(
    processes: DecoderProcesses, data: bytes
) -> None:
    expected = decode_clip(CLIP, CONFIG, processes).waveform
    hung = only_process(processes).process
    os.kill(hung.pid, signal.SIGSTOP)  # no process hangs more thoroughly
    processes.limit_seconds = 0.5
    error = refusal(processes, data)
    assert error.reason == Reason.CLIP_TIMEOUT
    assert error.message == f"clip of {len(data)} bytes was not decoded within 0.5 s"
    assert hung.poll() == -signal.SIGKILL
    processes.limit_seconds = 60
    np.testing.assert_array_equal(decode_clip(CLIP, CONFIG, processes).waveform, expected)


def test_a_clip_that_crashes_the_decoder_is_refused(processes: DecoderProcesses) -> None:
    decode_clip(CLIP, CONFIG, processes)
    crashing = only_process(processes).process
    os.kill(crashing.pid, signal.SIGSTOP)
    threading.Timer(0.3, lambda: os.kill(crashing.pid, signal.SIGSEGV)).start()
    threading.Timer(0.4, lambda: os.kill(crashing.pid, signal.SIGCONT)).start()
    error = refusal(processes, CLIP)
    assert error.reason == Reason.UNDECODABLE_CLIP
    assert error.message == f"clip of {len(CLIP)} bytes ended the decoder with exit code -11"


def test_a_process_that_died_between_two_clips_is_replaced(processes: DecoderProcesses) -> None:
    expected = decode_clip(CLIP, CONFIG, processes).waveform
    dead = only_process(processes).process
    dead.kill()
    dead.wait()
    np.testing.assert_array_equal(decode_clip(CLIP, CONFIG, processes).waveform, expected)


def test_threads_have_a_process_each(processes: DecoderProcesses) -> None:
    expected = decode_clip(CLIP, CONFIG).waveform
    with ThreadPoolExecutor(2) as pool:
        for clip in pool.map(lambda _: decode_clip(CLIP, CONFIG, processes), range(20)):
            np.testing.assert_array_equal(clip.waveform, expected)
    assert 1 <= len(processes._idle.queue) <= 2


def test_closing_ends_the_processes(processes: DecoderProcesses) -> None:
    decode_clip(CLIP, CONFIG, processes)
    process = only_process(processes).process
    started = time.monotonic()
    processes.close()
    assert process.returncode is not None
    assert time.monotonic() - started < 60
