"""The door as it is in the world: granian, sockets, and people who do not speak HTTP nicely."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.door.brand import PROBLEM, Brand
from tests.door.server import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def odd_requests(token: str, call: dict[str, Any]) -> dict[str, tuple[bytes, set[int]]]:
    """What is sent, and which answers are right; 0 is a connection closed without one."""
    host, auth = "Host: 127.0.0.1", f"Authorization: Bearer {token}"
    typed, post = "Content-Type: application/json", "POST /api/v1/reads HTTP/1.1"
    body = json.dumps(call).encode()
    whole = f"Content-Length: {len(body)}"
    close = "Connection: close"
    good = (post, host, auth, typed, whole, close)
    return {
        "a good one": (request(*good, body=body), {200}),
        "a huge header": (request(*good, "X-A: " + "a" * 1_000_000, body=body), {0, 400, 431}),
        "ten thousand headers": (
            request(*good, *(f"X-{n}: 1" for n in range(10_000)), body=body), {0, 400, 431},
        ),
        "a huge path": (request("GET /" + "a" * 1_000_000 + " HTTP/1.1", host), {0, 400, 404, 414, 431}),
        "two lengths": (request(*good, "Content-Length: 5", body=body), {0, 400}),
        "length and chunks": (
            request(*good, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {0, 400, 411},
        ),
        "a negative length": (request(post, host, auth, typed, "Content-Length: -1", close), {0, 400}),
        "a wordy length": (request(post, host, auth, typed, "Content-Length: ten", close), {0, 400}),
        "a folded header": (request(*good, "X-A: b\r\n c", body=body), {0, 200, 400}),
        "a NUL in a header": (request(*good, "X-A: \0", body=body), {0, 400}),
        "a header without a name": (request(*good, ": b", body=body), {0, 400}),
        "a space before the colon": (request(*good, "X-A : b", body=body), {0, 400}),
        "two tokens": (request(*good, "Authorization: Bearer x", body=body), {0, 400, 401}),
        "HTTP/0.9": (b"GET /api/v1/reads\r\n\r\n", {0, 400}),
        "HTTP/3.0 in words": (request("GET / HTTP/3.0", host), {0, 400, 505}),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, {0, 400}),
        "noise": (bytes(range(256)) * 16, {0, 400}),
        "an absolute address": (
            request("GET http://evil.example/api/v1/reads HTTP/1.1", host, close), {400, 404, 405},
        ),
        "CONNECT": (request("CONNECT evil.example:443 HTTP/1.1", host, close), {0, 400, 404, 405}),
        "a gzip bomb's first bytes": (
            request(*good, "Content-Encoding: gzip", body=b"\x1f\x8b" + body[2:]), {400},
        ),
        "an upgrade": (
            request(*good, "Upgrade: websocket", "Connection: upgrade", body=body), {200, 400, 426},
        ),
    }  # fmt: skip


@pytest.mark.rule("request smuggling, huge headers, slow bodies", "assurance.md, cases 41 and 42")
def test_odd_speakers_get_an_error_and_others_an_answer(
    hotel: Brand, call: dict[str, Any], tmp_path: Path
) -> None:
    with serving(tmp_path, threads=2) as server:
        wrong = {}
        for name, (sent, right) in odd_requests(hotel.token, call).items():
            answer = server.raw(sent, wait=2)
            if status(answer) not in right or answer.count(b"HTTP/1.1 200") > 1:
                wrong[name] = answer[:300]
        assert not wrong
        _chunks(server, hotel.token, call)
        _early_goodbye(server, hotel.token)
        _slow_speakers(server, hotel.token, call)

        answer = server.post("/api/v1/reads", call, hotel.token)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert server.process.poll() is None
        assert "Traceback" not in server.said()


def _chunks(server: Server, token: str, call: dict[str, Any]) -> None:
    """A body in chunks is refused in so many words, not read as empty."""
    body = json.dumps(call).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answer = server.raw(
        request(
            "POST /api/v1/reads HTTP/1.1", "Host: a", f"Authorization: Bearer {token}",
            "Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close",
            body=chunked,
        )
    )  # fmt: skip
    assert status(answer) == 411, answer[:400]


def _early_goodbye(server: Server, token: str) -> None:
    """They promise a body, send half and go."""
    for _ in range(5):
        wire = socket.create_connection(("127.0.0.1", server.port), 5)
        wire.sendall(
            request("POST /api/v1/reads HTTP/1.1", "Host: a", f"Authorization: Bearer {token}",
                    "Content-Type: application/json", "Content-Length: 1000", body=b'{"a"')
        )  # fmt: skip
        wire.close()


def _slow_speakers(server: Server, token: str, call: dict[str, Any]) -> None:
    """Headers that never end hold nobody up; a body that never ends does, until it goes away.

    The web server has no timeout for bodies: the proxy in front has (docs/operations.md).
    """
    head = request(
        "POST /api/v1/reads HTTP/1.1", "Host: a", f"Authorization: Bearer {token}",
        "Content-Type: application/json", "Content-Length: 1000",
    )  # fmt: skip
    with ExitStack() as open_wires:
        for number in range(12):
            wire = socket.create_connection(("127.0.0.1", server.port), 5)
            open_wires.enter_context(wire)
            wire.sendall(head + b"{" if number == 0 else head[:40])
        assert server.post("/api/v1/reads", call, token).status == 200
    wires = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(4)]
    for wire in wires:
        wire.sendall(head + b"{")
    for wire in wires:
        wire.close()
    assert server.post("/api/v1/reads", call, token).status == 200


def test_errors_are_problems_over_a_real_wire_too(hotel: Brand, tmp_path: Path) -> None:
    with serving(tmp_path, threads=1) as server:
        answers = [
            server.post("/api/v1/reads", {}, hotel.token), server.post("/api/v1/reads", {}),
            server.get("/api/v1/reads"), server.get("/api/nothing"), server.get("/"),
            server.post("/api/v1/requests", {"a": "x" * 1_200_000}, hotel.token,
                        **{"Idempotency-Key": "k"}),
        ]  # fmt: skip
    assert [one.status for one in answers] == [422, 401, 405, 404, 404, 413]
    assert {one.headers["Content-Type"] for one in answers} == {PROBLEM}
