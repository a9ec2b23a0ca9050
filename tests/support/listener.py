"""One origin of the test Hub: a listening port, a thread for each connection, all of them joined at the end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.support.hub_faults import Answer, Asked


class Listener(ThreadingHTTPServer):
    """Listen on a free port of 127.0.0.1 and hand every request to `respond`."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, name: str, respond: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.respond = respond
        self.connections: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        """Stop listening, close the connections that are still open, and join the threads."""
        self.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Speak HTTP/1.1 with one client."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: with Nagle's algorithm the second would wait for the first one's ACK.
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the Hub keeps its own log."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.server.name, self.command, path, parse_qs(query), headers, self._body())
        self._send(asked, self.server.respond(asked))

    do_HEAD = do_POST = do_GET

    def _body(self) -> bytes:
        """Read the body of a request; git sends large ones in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, asked: Asked, answer: Answer) -> None:
        """Write an answer as it is, with whatever lie a fault has put into it."""
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.sized:
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()
        body = b"" if asked.method == "HEAD" else answer.body[: answer.keep]
        asked.status, asked.sent = answer.status, len(body)
        self.wfile.write(body)
        if answer.keep is not None:
            self.close_connection = True
