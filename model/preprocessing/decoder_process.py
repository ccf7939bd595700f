"""Processes that decode all clips but plain WAV, and that can be killed where they hang or crash.

FFmpeg and libsndfile read some hundred formats in C, from files that anybody may have made. A
thread that hangs in them cannot be ended, and where they crash all of a worker's items are lost.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_decoder import DecodedClip, decode_clip
from schemas.dead_letters import Reason

MAX_DECODE_SECONDS = 60.0
"""By the clock. A clip of 300 s, the longest that is scored, takes about a second."""


class DecoderProcess:
    """One process, which decodes a clip at a time; it ends when this end of its pipe is closed.

    Raises:
        RuntimeError: it cannot be started, which is no clip's fault.
    """

    def __init__(self, config: AudioConfig) -> None:
        self._connection, theirs = Pipe()
        self.process = subprocess.Popen(  # noqa: S603  (this module, by this interpreter)
            # Without -P a model.py of the working directory would stand before ours.
            [
                sys.executable,
                "-P",
                "-m",
                "model.preprocessing.decoder_process",
                str(theirs.fileno()),
            ],
            pass_fds=[theirs.fileno()],
            # The same modules as here, wherever they were found.
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        theirs.close()
        try:
            self._connection.send(config)
            self._connection.recv()  # it has imported its libraries, at no clip's cost
        except (EOFError, OSError):
            code = self.process.wait()
            raise RuntimeError(
                f"a process that decodes clips ended with exit code {code} before the first"
            ) from None

    def decode(self, data: bytes, limit_seconds: float) -> DecodedClip:
        """Returns what `decode_clip` does.

        Raises:
            ItemError: as `decode_clip` does; CLIP_TIMEOUT where it took longer than the limit, and
                UNDECODABLE_CLIP where the process died of the clip. The process has then ended.
        """
        is_late = threading.Event()

        def kill() -> None:
            is_late.set()
            self.process.kill()

        timer = threading.Timer(limit_seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            # A process that hangs takes no more than fits in the pipe: this may block, too.
            self._connection.send_bytes(data)
            outcome = self._connection.recv()
        except (EOFError, OSError):
            code = self.process.wait()
            if is_late.is_set():
                raise ItemError(
                    Reason.CLIP_TIMEOUT,
                    f"clip of {len(data)} bytes was not decoded within {limit_seconds:g} s",
                ) from None
            raise ItemError(
                Reason.UNDECODABLE_CLIP,
                f"clip of {len(data)} bytes ended the decoder with exit code {code}",
            ) from None
        finally:
            timer.cancel()
        if isinstance(outcome, ItemError):
            raise outcome
        clip: DecodedClip = outcome
        return clip

    def is_alive(self) -> bool:
        """Says whether it can decode another clip."""
        return self.process.poll() is None

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self.process.kill()
        self.process.wait()


@dataclass
class DecoderProcesses:
    """As many processes as threads decode at a time; each is started when it is first needed.

    Attributes:
        limit_seconds: for one clip.
    """

    limit_seconds: float = MAX_DECODE_SECONDS
    _idle: "queue.LifoQueue[DecoderProcess]" = field(default_factory=queue.LifoQueue)

    def __call__(self, data: bytes, config: AudioConfig) -> DecodedClip:
        """Decodes a clip in a process that no other thread uses; `config` is always the same."""
        try:
            decoder = self._idle.get_nowait()
        except queue.Empty:
            decoder = DecoderProcess(config)
        if not decoder.is_alive():  # killed between two clips, which says nothing about this one
            decoder.close()
            decoder = DecoderProcess(config)
        try:
            return decoder.decode(data, self.limit_seconds)
        finally:
            if decoder.is_alive():
                self._idle.put(decoder)
            else:
                decoder.close()

    def close(self) -> None:
        """Ends the processes."""
        while not self._idle.empty():
            self._idle.get().close()


def _serve(connection: Connection) -> None:
    """Decodes each clip that comes, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one ends it
    try:
        config = connection.recv()
        connection.send(None)
        while True:
            data = connection.recv_bytes()
            try:
                connection.send(decode_clip(data, config))
            except ItemError as error:
                connection.send(error)
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
