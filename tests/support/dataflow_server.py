"""A server on loopback that speaks Dataflow's call to create a job, and keeps what it got."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class DataflowServer:
    """`projects.locations.jobs.create` and `get`, in a thread of this process.

    Attributes:
        created: the path and the body of each job that was asked for.
    """

    def __init__(self) -> None:
        self.created: list[tuple[str, dict[str, Any]]] = []
        self._server = ThreadingHTTPServer(("localhost", 0), _handler_of(self))

    def __enter__(self) -> "DataflowServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What --dataflow_endpoint is to name."""
        return f"http://localhost:{self._server.server_port}"


def _handler_of(dataflow: DataflowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            dataflow.created.append((self.path.partition("?")[0], job))
            self.answer(job | {"id": "job-1", "currentState": "JOB_STATE_PENDING"})

        def answer(self, value: Any) -> None:
            # Google sends back what it keeps of a job; the client reads id, name and state.
            kept = {name: value[name] for name in ("id", "name", "currentState", "clientRequestId")}
            content = json.dumps(kept).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
