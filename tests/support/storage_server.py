"""A server of the Cloud Storage API on loopback, behind a proxy that can be as bad as a network.

The server is `gcp-storage-emulator`. The proxy adds what Google's server has and the emulator
lacks: the precondition `ifGenerationMatch`, and the same answer again where the last part of an
upload is sent twice because the first answer was lost.
"""

import http.client
import json
import logging
import random
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from gcp_storage_emulator.server import create_server

HOP_BY_HOP = {"connection", "transfer-encoding", "server", "date", "content-length"}


class StorageServer:
    """The emulator behind its proxy, in threads of this process.

    Attributes:
        faulty: of all calls, the share that is answered with 503 or 429, or cut.
        seen: calls by fate.
    """

    def __init__(self) -> None:
        self.faulty = 0.0
        self.seen: Counter[str] = Counter()
        self.random = random.Random(2026)  # noqa: S311
        self.uploads: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.one_at_a_time = threading.Lock()
        self._emulator = create_server("127.0.0.1", 0, in_memory=True)
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._proxy.handle_error = lambda *_: None  # a client that hangs up is no news here
        logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)

    def __enter__(self) -> "StorageServer":
        self._emulator.start()
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._emulator.stop()

    @property
    def url(self) -> str:
        """What STORAGE_EMULATOR_HOST is to name."""
        return f"http://127.0.0.1:{self._proxy.server_port}"

    def fate(self) -> str:
        """Draws what becomes of a call."""
        with self.one_at_a_time:
            fates = ("503", "429", "cut before", "cut after", "cut within")
            drawn = self.random.random() < self.faulty
            fate = self.random.choice(fates) if drawn else "answered"
            self.seen[fate] += 1
        return fate

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Asks the emulator, which serves one call at a time."""
        with self.one_at_a_time:
            if path in self.uploads:
                return self.uploads[path]
            query = parse_qs(urlsplit(path).query)
            if "ifGenerationMatch" in query and method == "POST":
                bucket = urlsplit(path).path.partition("/b/")[2].partition("/")[0]
                name = query["name"][0] if "name" in query else _name_in(body)
                if self._generation(bucket, name) != query["ifGenerationMatch"][0]:
                    self.seen["412"] += 1
                    return 412, {}, b'{"error": {"code": 412, "message": "conditionNotMet"}}'
            answer = self._forward(method, path, headers, body)
            if method == "PUT" and answer[0] == 200:
                self.uploads[path] = answer
            return answer

    def _generation(self, bucket: str, name: str) -> str:
        path = f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
        status, _, body = self._forward("GET", path, {}, b"")
        if status == 404:
            return "0"
        return str(json.loads(body)["generation"])

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        port = self._emulator._api._httpd.server_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = {name: v for name, v in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        return answer.status, kept, content


def _name_in(body: bytes) -> str:
    start = body.index(b"{")
    return str(json.JSONDecoder().raw_decode(body[start:].decode("latin-1"))[0]["name"])


def _handler_of(storage: StorageServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_call(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fate = storage.fate()
            if fate in ("503", "429"):
                self.answer(int(fate), {}, b'{"error": {"message": "busy"}}')
                return
            if fate == "cut before":
                self.close_connection = True
                return
            status, headers, content = storage.ask(
                self.command, self.path, dict(self.headers.items()), body
            )
            if fate == "cut after":
                self.close_connection = True
                return
            if fate == "cut within":
                self.close_connection = True
                content, n_bytes = content[: len(content) // 2], len(content)
                self.answer(status, headers, content, n_bytes)
                return
            self.answer(status, headers, content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_call  # noqa: N815

        def answer(
            self, status: int, headers: dict[str, str], content: bytes, n_bytes: int | None = None
        ) -> None:
            with suppress(ConnectionError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header(
                    "Content-Length", str(len(content) if n_bytes is None else n_bytes)
                )
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
