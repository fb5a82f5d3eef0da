"""An HTTP server on loopback that serves files, refuses them, breaks, or cuts the connection in the middle."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from support.http_server import Quiet, http_server


@dataclass(frozen=True)
class Answer:
    """One response. With `ranges` it honours Range and If-Range; after `cut_after` bytes it hangs up."""

    status: int = 200
    body: bytes = b""
    etag: str | None = None
    ranges: bool = False
    cut_after: int | None = None
    sized: bool = True
    needs: str | None = None
    """The Authorization header without which the answer is 401."""
    challenge: str | None = None
    """What the 401 says about how to sign in."""


def whole(body: bytes) -> Answer:
    return Answer(body=body)


def status(code: int) -> Answer:
    return Answer(status=code)


def cut(body: bytes, after: int) -> Answer:
    return Answer(body=body, cut_after=after)


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]

    @property
    def range_start(self) -> int | None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


class HttpSource:
    """Answers each path with the next of its answers, and the last for ever; `requests` holds what was asked."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answers: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []

    def answer(self, path: str, *answers: Answer) -> str:
        """Set a path's answers; returns its URL."""
        self._answers[path] = list(answers)
        return f"http://127.0.0.1:{self._port}{path}"

    def serve(self, path: str, body: bytes) -> str:
        return self.answer(path, whole(body))

    def next(self, request: Request) -> Answer:
        answers = self._answers.get(request.path, [status(404)])
        self.requests.append(request)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


@contextmanager
def http_source() -> Iterator[HttpSource]:
    with http_server() as server:
        source = HttpSource(server.server_port)
        server.RequestHandlerClass = _handler(source)
        yield source


def _handler(source: HttpSource) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers)
            answer = source.next(request)
            if answer.needs and headers.get("authorization") != answer.needs:
                answer = Answer(status=401, challenge=answer.challenge)
            self._send(answer, _start(request, answer))

        def _send(self, answer: Answer, start: int | None) -> None:
            size = len(answer.body)
            self.send_response(206 if start is not None else answer.status)
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            if answer.sized:
                self.send_header("Content-Length", str(size - (start or 0)))
            if answer.status == HTTPStatus.UNAUTHORIZED and answer.challenge:
                self.send_header("WWW-Authenticate", answer.challenge)
            if answer.etag:
                self.send_header("ETag", answer.etag)
            self.end_headers()
            self.wfile.write(answer.body[start or 0 : answer.cut_after])

    return Handler


def _start(request: Request, answer: Answer) -> int | None:
    """Where a partial answer starts; None for a whole one."""
    condition = request.headers.get("if-range")
    if not answer.ranges or condition not in {None, answer.etag}:
        return None
    return request.range_start
