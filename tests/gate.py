"""A gate before a real server: it counts what passes, asks for a login, and can close for good."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gate(ThreadingHTTPServer):
    """Lets `limit` histories through, and then nothing more."""

    def __init__(self, server: str, limit: int | None = None, authorization: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server, self.limit, self.authorization = server, limit, authorization
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
                return  # closes the connection without a word
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)) or None
        asked = urllib.request.Request(self.server.server + self.path, body, method=self.command)
        asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked) as answer:
            content = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _pass  # noqa: N815  (http.server's names)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def gate(server: str, limit: int | None = None, authorization: str | None = None) -> Iterator[Gate]:
    opened = Gate(server, limit, authorization)
    thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield opened
    finally:
        opened.shutdown()
        opened.server_close()
        thread.join()
