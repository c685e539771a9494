"""A brand's endpoint for tests: a real HTTP server that remembers what it got, once per `jti`."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws


@dataclass
class Answer:
    """What the endpoint says next."""

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: float = 0.0  # seconds


@dataclass
class Got:
    """One POST as it arrived."""

    path: str
    headers: dict[str, str]
    body: str
    at: float

    @property
    def header(self) -> dict[str, Any]:
        return dict(jws.extract_compact(self.body.encode()).headers())

    @property
    def claims(self) -> dict[str, Any]:
        import json

        return json.loads(jws.extract_compact(self.body.encode()).payload)


class Brand:
    """What an endpoint got, and how it answers: by path, else the default."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[Got] = []
        self.answers: dict[str, Callable[[Got], Answer] | Answer] = {}
        self.lock = threading.Lock()

    def at(self, path: str) -> str:
        """The URL of one partner's endpoint."""
        return self.url + path

    def takes(self, got: Got) -> Answer:
        with self.lock:
            self.got.append(got)
            answer = self.answers.get(got.path, Answer())
        return answer(got) if callable(answer) else answer

    def effects(self) -> Counter[str]:
        """How often each event was seen; a brand acts on the first of each."""
        return Counter(got.claims["jti"] for got in self.got)


@contextmanager
def brand() -> Iterator[Brand]:
    """Serve until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.brand = Brand(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.brand  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.brand.takes(  # type: ignore[attr-defined]
            Got(self.path, headers, body, time.time())
        )
        time.sleep(answer.after)
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            pass

    def log_message(self, *_args: object) -> None:
        pass
