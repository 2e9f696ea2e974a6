"""A gate in front of a real server: it counts requests, asks for a login, and can close for ever."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gate(ThreadingHTTPServer):
    """Passes `limit` requests for histories, and then no request.

    `fault` says of each request (path, body) what goes wrong with it: a status to answer, ``away``, ``lost answer``
    (the server has done it), or None.
    """

    def __init__(self, server: str, limit: int | None = None, authorization: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server, self.limit, self.authorization = server, limit, authorization
        self.fault: Callable[[str, bytes], int | str | None] = lambda path, body: None
        self.histories = 0
        self.lock = threading.Lock()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Gate

    def _pass(self) -> None:
        if self.server.authorization not in (None, self.headers["Authorization"]):
            self.send_error(401)
            return
        with self.server.lock:
            self.server.histories += "get-history" in self.path
            if self.server.limit is not None and self.server.histories > self.server.limit:
                return  # closes the connection without an answer
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)) or None
        fault = self.server.fault(self.path, body or b"")
        if isinstance(fault, int):
            self.send_error(fault)
            return
        if fault == "away":
            return  # closes the connection without an answer
        request = urllib.request.Request(self.server.server + self.path, body, method=self.command)
        request.add_header("Content-Type", self.headers["Content-Type"] or "application/json")
        try:
            with urllib.request.urlopen(request) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        if fault == "lost answer":
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815  (http.server's names)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def gate(server: str, limit: int | None = None, authorization: str | None = None) -> Iterator[Gate]:
    server_gate = Gate(server, limit, authorization)
    thread = threading.Thread(target=server_gate.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server_gate
    finally:
        server_gate.shutdown()
        server_gate.server_close()
        thread.join()
