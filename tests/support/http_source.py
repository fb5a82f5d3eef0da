"""An HTTP server on loopback that serves files, refuses them, breaks, or cuts the connection in the middle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = tuple[int, bytes, int]
"""Status, body, and the length to announce; less body than announced is a cut."""


class HttpSource:
    """Answers each path with the next of its answers, and the last for ever; `asked` lists the paths asked for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []

    def answer(self, path: str, *answers: Answer) -> str:
        """Set a path's answers; returns its URL."""
        self._answers[path] = list(answers)
        return f"http://127.0.0.1:{self._port}{path}"

    def serve(self, path: str, body: bytes) -> str:
        return self.answer(path, whole(body))

    def next(self, path: str) -> Answer:
        answers = self._answers.get(path, [(404, b"not found", 9)])
        self.asked.append(path)
        return answers.pop(0) if len(answers) > 1 else answers[0]


def whole(body: bytes) -> Answer:
    return 200, body, len(body)


def status(code: int) -> Answer:
    return code, b"", 0


def cut(body: bytes, after: int) -> Answer:
    return 200, body[:after], len(body)


@contextmanager
def http_source() -> Iterator[HttpSource]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    source = HttpSource(server.server_port)
    server.RequestHandlerClass = _handler(source.next)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield source
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answer: Callable[[str], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body, length = answer(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    return Handler
