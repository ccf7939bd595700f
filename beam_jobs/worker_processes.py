"""The worker processes of a local run: one that dies ends the job, where Beam waits for ever."""

import threading
from contextlib import suppress

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    SubprocessSdkWorkerHandler,
    WorkerHandler,
)
from apache_beam.runners.portability.local_job_service import SubprocessSdkWorker

POLL_SECONDS = 0.1
CONTROL_THREAD = "beam_control_read"


class WatchedWorkerHandler(SubprocessSdkWorkerHandler):
    """A worker process of which each request fails once it has ended.

    Beam 2.77 notices that a process has died, and goes on waiting for its answers.
    """

    def start_worker(self) -> None:
        """Starts the process, and a thread that waits for its end."""
        self._closing = threading.Event()
        self.worker = SubprocessSdkWorker(
            self._worker_command_line, self.control_address, self.provision_info, self.worker_id
        )
        self.worker_thread = threading.Thread(name="run_worker", target=self._run)
        self.worker_thread.start()

    def stop_worker(self) -> None:
        """Waits for the process to end, which closing the connection has told it."""
        self._closing.set()
        self.worker_thread.join()

    def _run(self) -> None:
        message = "a worker process ended before the job"
        try:
            self.worker.run()
        except RuntimeError as error:
            message = f"a worker process died: {error}"
        # Requests may come until Beam has seen the first that fails.
        while not self._closing.wait(POLL_SECONDS):
            self._refuse_requests(message)

    def _refuse_requests(self, message: str) -> None:
        pending = self.control_conn._futures_by_id
        for request in list(pending):
            with suppress(KeyError):  # answered meanwhile
                response = beam_fn_api_pb2.InstructionResponse(
                    instruction_id=request, error=message
                )
                pending.pop(request).set(response)


def watch_worker_processes() -> None:
    """Has Beam's local runner, in this process, start its worker processes watched."""
    WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(WatchedWorkerHandler)
    threading.excepthook = _hide_lost_connections


def _hide_lost_connections(arguments: threading.ExceptHookArgs) -> None:
    """Leaves out the traceback of the thread that read a dead worker's answers: the job tells."""
    if not (arguments.thread and arguments.thread.name == CONTROL_THREAD):
        threading.__excepthook__(arguments)
