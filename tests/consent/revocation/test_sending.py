"""Faults 12 and 13: endpoints that lead inside, and endpoints that never finish."""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from consent.exceptions import EndpointRefused
from consent.revocation import addresses, sending
from tests.consent.revocation.receiver import Answer, Brand

MANY = 64  # brands at once
INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1",
    "2001:db8::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "::ffff:0:127.0.0.1", "2002:7f00:1::", "2002:a00:1::", "2001:0:a00:1::f5ff:fffe",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
    "192.0.0.8", "192.88.99.1", "3fff::1", "5f00::1", "100:0:0:1::1",
    "2001:4860::5efe:10.0.0.1", "2001:4860::200:5efe:169.254.169.254", "fe80::5efe:8.8.8.8",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2001:4860::5efe:8.8.8.8",
]
BAD_URLS = [
    "http://brand.example/events", "ftp://brand.example/", "//brand.example/", "brand.example",
    "https://", "https:///events", "https://user@brand.example/", "https://a:b@brand.example/",
    "https://brand.example:5432/", "https://brand.example:6379/", "https://brand.example:99999/",
    "https://brand.example/#x", "https://brand.example\\@127.0.0.1/", "https://brand.example/a b",
    "https://브랜드.example/", "https://brand.example/\nHost: x", "https://brand.example/\x00",
    "https://[::1", "https://" + "a" * 600 + ".example/", "javascript:alert(1)", "file:///etc/passwd",
]  # fmt: skip


@pytest.mark.rule("OWASP ASVS 5.0", "1.3.6")
@pytest.mark.parametrize("address", INSIDE)
def test_no_address_that_leads_inside_is_public(address: str) -> None:
    with pytest.raises(EndpointRefused):
        addresses.allowed([address], secure=True, loopback=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are(address: str) -> None:
    assert addresses.allowed([address], secure=True, loopback=False) == [address]


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(EndpointRefused):
        addresses.allowed(["8.8.8.8", "10.0.0.1"], secure=True, loopback=False)


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(EndpointRefused):
        addresses.allowed([], secure=True, loopback=False)


def test_the_loopback_setting_opens_loopback_and_nothing_else() -> None:
    assert addresses.allowed(["127.0.0.1"], secure=False, loopback=True) == ["127.0.0.1"]
    for found in (["10.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["169.254.169.254"], ["8.8.8.8"]):
        with pytest.raises(EndpointRefused):
            addresses.allowed(found, secure=False, loopback=True)


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_endpoint_that_nothing_is_ever_sent_to_is_refused_at_the_door(
    url: str, settings
) -> None:
    settings.ALLOW_LOOPBACK_ENDPOINTS = False
    with pytest.raises(EndpointRefused):
        sending.check_endpoint(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_loopback_gets_a_connection(host: str, settings) -> None:
    settings.ALLOW_LOOPBACK_ENDPOINTS = False
    with canary() as (port, connections):
        outcome = sending.post_set(f"https://{host}:{8443}/events", "a.b.c")
        other = sending.post_set(f"https://{host}:{port}/events", "a.b.c")

    assert outcome.code == "endpoint-refused"
    assert other.code == "endpoint-refused"
    assert connections == []


def test_the_name_is_looked_up_once_and_the_connection_goes_to_that_answer(
    monkeypatch, settings
) -> None:
    """DNS rebinding: the second look-up would be loopback."""
    settings.ALLOW_LOOPBACK_ENDPOINTS = False
    asked: list[str] = []
    connected: list[str] = []

    def rebinding(host: str, port: int, *_args: object, **_more: object) -> list[object]:
        # The client connects by address; looking up an address again must not ask anybody.
        if _is_address(host):
            connected.append(host)
            raise OSError("no way out of the test")
        asked.append(host)
        found = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    outcome = sending.post_set("https://brand.example/events", "a.b.c")

    assert asked == ["brand.example"]
    assert connected == ["8.8.8.8"]
    assert outcome.code == "not-connected"


def test_brands_whose_name_servers_are_silent_keep_no_other_waiting(
    listening: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence, asked, look_up = threading.Event(), threading.Semaphore(0), socket.getaddrinfo

    def resolver(host: str, *rest: object, **more: object) -> object:
        if host.endswith(".example"):
            asked.release()
            silence.wait(60)
            raise OSError
        return look_up(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(sending, "LOOKUP", timedelta(seconds=2))
    dead = [
        threading.Thread(target=sending.post_set, args=(f"https://brand{each}.example/", "a.b.c"))
        for each in range(MANY)
    ]
    try:
        for each in dead:
            each.start()
        assert all(asked.acquire(timeout=10) for _ in dead)
        assert sending.post_set(listening.at("/events"), "a.b.c").code == "accepted"
    finally:
        silence.set()
        for each in dead:
            each.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(listening: Brand, status: int) -> None:
    listening.answers["/events"] = Answer(status, {"Location": listening.at("/inside")})

    outcome = sending.post_set(listening.at("/events"), "a.b.c")

    assert outcome.code == f"answered-{status}"
    assert not outcome.accepted
    assert [got.path for got in listening.got] == ["/events"]


def test_proxies_of_the_environment_are_not_used(listening: Brand, monkeypatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    assert sending.post_set(listening.at("/events"), "a.b.c").accepted


def test_only_202_is_an_acknowledgement(listening: Brand) -> None:
    for status in (200, 201, 204):
        listening.answers["/events"] = Answer(status)
        outcome = sending.post_set(listening.at("/events"), "a.b.c")
        assert (outcome.accepted, outcome.code) == (False, f"answered-{status}")


@pytest.mark.parametrize(
    ("body", "code", "hopeless"),
    [
        (b'{"err":"invalid_key","description":"revoked"}', "invalid_key", False),
        (b'{"err":"authentication_failed"}', "authentication_failed", False),
        (b'{"err":"invalid_request"}', "invalid_request", True),
        (b'{"err":"made_up <script>"}', "answered-400", False),
        (b'{"err":{"a":1}}', "answered-400", False),
        (b"[1]", "answered-400", False),
        (b"not json", "answered-400", False),
        (b'{"err":"invalid_key","description":"' + b"x" * 70_000 + b'"}', "answered-400", False),
    ],
)
def test_a_refusal_is_read_by_its_registered_code_only(
    listening: Brand, body: bytes, code: str, hopeless: bool
) -> None:
    listening.answers["/events"] = Answer(400, body=body)

    outcome = sending.post_set(listening.at("/events"), "a.b.c")

    assert (outcome.code, outcome.hopeless, outcome.down) == (code, hopeless, False)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("120", 120, 120), ("0", 0, 0), (timedelta(hours=1), 3500, 3600), (-timedelta(hours=1), 0, 0)],
    ids=["seconds", "at once", "a moment to come", "a moment past"],
)
def test_retry_after_is_read_in_both_forms(
    listening: Brand, said: str | timedelta, least: int, most: int
) -> None:
    is_moment = isinstance(said, timedelta)
    value = format_datetime(datetime.now(UTC) + said) if is_moment else said
    listening.answers["/events"] = Answer(503, {"Retry-After": value})

    outcome = sending.post_set(listening.at("/events"), "a.b.c")

    assert outcome.retry_after is not None
    assert least <= outcome.retry_after.total_seconds() <= most


@pytest.mark.parametrize("value", ["soon", "-5", "٣", "1e9", "9" * 400])
def test_a_retry_after_that_says_nothing_is_no_error(listening: Brand, value: str) -> None:
    listening.answers["/events"] = Answer(503, {"Retry-After": value.encode().decode("latin-1")})

    assert sending.post_set(listening.at("/events"), "a.b.c").code == "answered-503"


@pytest.mark.parametrize("drip", [b"H", b"HTTP/1.1 202 Accepted\r\nX-Long: "])
def test_an_endpoint_that_sends_one_byte_at_a_time_is_left_at_the_deadline(
    drip: bytes, monkeypatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", timedelta(seconds=1))
    with talking(drip, b"x", every=0.1) as port:
        outcome = sending.post_set(f"http://127.0.0.1:{port}/", "a.b.c")

    assert outcome.code == "timed-out"
    assert outcome.seconds < 2


def test_an_endpoint_that_says_nothing_is_left_at_the_deadline(monkeypatch) -> None:
    monkeypatch.setattr(sending, "DEADLINE", timedelta(seconds=0.5))
    with talking(b"", b"", every=0.1) as port:
        outcome = sending.post_set(f"http://127.0.0.1:{port}/", "a.b.c")

    assert (outcome.code, outcome.down) == ("timed-out", True)


def test_an_answer_without_end_is_cut_at_64_kib(monkeypatch) -> None:
    monkeypatch.setattr(sending, "DEADLINE", timedelta(seconds=5))
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 10000000000\r\n\r\n"
    with talking(head, b"x" * 65536, every=0.001) as port:
        outcome = sending.post_set(f"http://127.0.0.1:{port}/", "a.b.c")

    assert outcome.code == "answered-400"
    assert outcome.seconds < 5


@pytest.mark.parametrize("nonsense", [b"HELLO\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n", b"\x16\x03\x01"])
def test_an_answer_that_is_no_http_is_a_failure_and_no_error(nonsense: bytes) -> None:
    with talking(nonsense, None) as port:
        outcome = sending.post_set(f"http://127.0.0.1:{port}/", "a.b.c")

    assert not outcome.accepted
    assert outcome.down


def test_nobody_listening_is_a_failure_and_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert sending.post_set(f"http://127.0.0.1:{port}/", "a.b.c").code == "not-connected"


@pytest.mark.parametrize(
    ("names", "trusted", "code"),
    [
        (["localhost"], True, "accepted"),
        (["elsewhere.example"], True, "tls-failed"),
        (["localhost"], False, "tls-failed"),
    ],
)
def test_the_certificate_must_be_for_the_name_and_by_somebody_known(
    tmp_path, monkeypatch, names: list[str], trusted: bool, code: str
) -> None:
    bundle = certificate(tmp_path, names)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    sending._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    with talking(answer, None, context=context) as port:
        outcome = sending.post_set(f"https://localhost:{port}/", "a.b.c")
    sending._tls.cache_clear()

    assert outcome.code == code


@contextmanager
def canary() -> Iterator[tuple[int, list[object]]]:
    """Something on loopback that must never be reached."""
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def accept() -> None:
            with suppress(OSError):
                connections.append(server.accept()[1])

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], connections
        thread.join()


@contextmanager
def talking(
    first: bytes, then: bytes | None, *, every: float = 0.0, context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A raw server: says `first`, then `then` over and over, or nothing more where that is None."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            try:
                peer, _ = server.accept()
                peer.settimeout(5)
                peer = context.wrap_socket(peer, server_side=True) if context else peer
                read_whole(peer)
                peer.sendall(first)
                while then is not None and not over.is_set():
                    peer.sendall(then)
                    time.sleep(every)
                peer.close()
            except OSError:
                pass

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join(5)


def read_whole(peer: socket.socket) -> None:
    """Read a request with its body: closing on unread bytes would take the answer away, too."""
    data = b""
    while not _is_whole(data):
        got = peer.recv(65536)
        if not got:
            raise ConnectionError
        data += got


def _is_whole(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return bool(separator) and len(body) >= (int(length[1]) if length else 0)


def certificate(directory, names: list[str]):
    """A certificate and its key in one file, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    bundle = directory / "bundle.pem"
    bundle.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return bundle


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
