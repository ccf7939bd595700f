"""A patch of Beam: a worker process of a local run that dies ends the job.

Beam 2.77 may wait for ever for its answers.

Upstream: not reported for this runner, whose requests wait in
https://github.com/apache/beam/blob/v2.77.0/sdks/python/apache_beam/runners/portability/fn_api_runner/worker_handlers.py#L147;
Beam's other local runner had the same fault, mended in https://github.com/apache/beam/pull/33298.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)
from apache_beam.runners.portability.local_job_service import SubprocessSdkWorker

from beam_jobs.runners.worker_output import mute_workers

BEAM_MODULE, OUR_MODULE = (
    b"apache_beam.runners.worker.sdk_worker_main",
    b"beam_jobs.runners.worker_main",
)
POLL_SECONDS = 0.1
DEATH_SECONDS = 1.0
"""How long a process's end may become known after that of its connections."""
CONNECTION_THREADS = ("beam_control_read", "read_grpc_client_inputs")


class WorkerProcesses:
    """The worker processes of one run.

    Attributes:
        n_started: how many there have been.
        has_died: set once one has ended with an error.
        death: how it ended.
    """

    def __init__(self) -> None:
        self.n_started = 0
        self.has_died = threading.Event()
        self.death = ""


class WatchedWorkerHandler(SubprocessSdkWorkerHandler):
    """A worker process of which each request fails once it has ended."""

    def __init__(self, processes: WorkerProcesses, command: bytes, *of_beam: Any) -> None:
        # Without -P a model.py of the working directory would stand before ours.
        command = command.replace(b"-m " + BEAM_MODULE, b"-P -m " + OUR_MODULE)
        super().__init__(b"exec " + command, *of_beam)  # else the shell reports the death, too
        self._processes = processes

    def start_worker(self) -> None:
        """Starts the process, and a thread that waits for its end."""
        self._closing = threading.Event()
        self._processes.n_started += 1
        self.worker = SubprocessSdkWorker(
            self._worker_command_line, self.control_address, self.provision_info, self.worker_id
        )
        # A daemon, as Beam does not stop the workers of a job that has failed.
        self.worker_thread = threading.Thread(name="run_worker", target=self._run, daemon=True)
        self.worker_thread.start()

    def stop_worker(self) -> None:
        """Waits for the process to end, as it does when its connection is closed."""
        self._closing.set()
        self.worker_thread.join()

    def _run(self) -> None:
        try:
            self.worker.run()
        except RuntimeError as error:
            self._processes.death = f"a worker process died: {error}"
            self._processes.has_died.set()
        # Requests may come until Beam has seen the first that fails.
        while not self._closing.wait(POLL_SECONDS):
            self._refuse_requests(self._processes.death or "a worker process ended before the job")

    def _refuse_requests(self, message: str) -> None:
        pending = self.control_conn._futures_by_id
        for request in list(pending):
            with suppress(KeyError):  # answered meanwhile
                response = beam_fn_api_pb2.InstructionResponse(
                    instruction_id=request, error=message
                )
                pending.pop(request).set(response)


@contextmanager
def watch_worker_processes() -> Iterator[None]:
    """Makes Beam's local runner watch the worker processes that it starts.

    Its worker threads print no tracebacks, as its processes do not. When it ends, the process is
    as before: it may be a notebook's.

    Raises:
        RuntimeError: the job failed, and a worker process has died.
    """
    processes = WorkerProcesses()
    with _register(processes), _hide_lost_connections(), mute_workers():
        try:
            yield
        except Exception as error:
            # Of the lost connections, too, each ends the job, and says nothing of the reason.
            if processes.n_started and processes.has_died.wait(DEATH_SECONDS):
                raise RuntimeError(processes.death) from error
            raise


@contextmanager
def _register(processes: WorkerProcesses) -> Iterator[None]:
    """Makes Beam start the processes as watched ones."""
    environments = WorkerHandler._registered_environments
    before = environments[python_urns.SUBPROCESS_SDK]
    environments[python_urns.SUBPROCESS_SDK] = partial(WatchedWorkerHandler, processes), bytes
    try:
        yield
    finally:
        environments[python_urns.SUBPROCESS_SDK] = before


@contextmanager
def _hide_lost_connections() -> Iterator[None]:
    """Leaves out the traceback of a thread that read from a dead worker."""
    before = threading.excepthook

    def hide_or_show(arguments: threading.ExceptHookArgs) -> None:
        if not (arguments.thread and arguments.thread.name in CONNECTION_THREADS):
            before(arguments)

    threading.excepthook = hide_or_show
    try:
        yield
    except Exception:
        deadline = time.monotonic() + DEATH_SECONDS
        for thread in threading.enumerate():
            if thread.name in CONNECTION_THREADS:  # one may have its traceback still to show
                thread.join(max(0.0, deadline - time.monotonic()))
        raise
    finally:
        threading.excepthook = before
