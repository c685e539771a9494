"""Sends one signed event to one endpoint (RFC 8935). The only module here that opens a socket.

The name is resolved once, every address it has must be public, and the connection goes to
that very address with the name only in TLS and Host: a second look-up would be a second
answer. No redirects, no proxies from the environment, one deadline for all of it.
"""

import contextlib
import itertools
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTooSlow
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException
from typing import Any

import orjson
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from consent.exceptions import EndpointRefused
from consent.revocation import addresses
from consent.revocation.addresses import Endpoint
from consent.revocation.events import MEDIA_TYPE
from consent.revocation.faults import point
from consent.revocation.schedule import DEADLINE, SENDERS

ANSWER_CAP = 64 * 1024
LOOKUP = timedelta(seconds=5)
CUTS_EVERY = 0.05  # seconds: how late the deadline may be kept
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # nothing to unpack, so nothing that unpacks without end
    "User-Agent": "consent-vault",
    "Connection": "close",
}
# RFC 8935 2.4, and `invalid_state` of the Shared Signals Framework.
ERRORS = frozenset(
    {
        "invalid_request", "invalid_key", "invalid_issuer", "invalid_audience",
        "authentication_failed", "access_denied", "invalid_state",
    }
)  # fmt: skip
GONE, TOO_MANY = 410, 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attempt. `code` is one of our words; nothing the endpoint made up."""

    code: str
    accepted: bool = False
    gone: bool = False  # 410: never again, until the partner names an endpoint
    hopeless: bool = False  # the same again would be answered the same
    down: bool = False  # the endpoint itself is in trouble: counts for the circuit breaker
    retry_after: timedelta | None = None
    seconds: float = 0.0


class Undelivered(Exception):
    """The event did not get through, for a reason that is one of our words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_endpoint(url: str) -> None:
    """Raise `EndpointRefused` where nothing would ever be sent to this address."""
    addresses.parse(url, loopback=settings.ALLOW_LOOPBACK_ENDPOINTS)


def post_set(url: str, compact: str) -> Outcome:
    """Send a compact SET and return what came of it; never raises for anything the endpoint does.

    At most DEADLINE from name to answer, whatever the endpoint does; at most ANSWER_CAP bytes
    of it are read.
    """
    began = time.monotonic()
    try:
        outcome = _post(url, compact.encode(), began + DEADLINE.total_seconds())
    except EndpointRefused:
        outcome = Outcome(code="endpoint-refused", down=True)
    except Undelivered as failed:
        outcome = Outcome(code=failed.code, down=True)
    return replace(outcome, seconds=time.monotonic() - began)


def _post(url: str, body: bytes, deadline: float) -> Outcome:
    loopback = settings.ALLOW_LOOPBACK_ENDPOINTS
    endpoint = addresses.parse(url, loopback=loopback)
    found = addresses.allowed(_resolve(endpoint), secure=endpoint.secure, loopback=loopback)
    connection = _connect(endpoint, found, deadline)
    try:
        with _ends_at(deadline, connection):
            connection.request(
                "POST",
                endpoint.target,
                body=body,
                headers={"Host": endpoint.authority, **HEADERS},
                preload_content=False,
                decode_content=False,
            )
            point("sending.sent")
            answer = connection.getresponse()
            told = answer.read(ANSWER_CAP + 1, decode_content=False)
        # A connection cut in the middle of the headers reads as an answer that ends there.
        if time.monotonic() >= deadline:
            raise Undelivered("timed-out")
        return _read(answer, told)
    except TimeoutError:
        raise Undelivered("timed-out") from None
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        over = time.monotonic() >= deadline
        raise Undelivered("timed-out" if over else _word_for(error)) from None
    finally:
        connection.close()


def _resolve(endpoint: Endpoint) -> list[str]:
    """Return every address of the name, once. The system's resolver knows no deadline; we do."""
    job = _lookups().submit(
        socket.getaddrinfo, endpoint.host, endpoint.port, type=socket.SOCK_STREAM
    )
    try:
        answers = job.result(LOOKUP.total_seconds())
    except (LookupTooSlow, OSError, UnicodeError):
        job.cancel()  # what nobody waits for any more takes no thread
        raise Undelivered("name-not-found") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


def _connect(endpoint: Endpoint, found: list[str], deadline: float) -> HTTPConnection:
    """Return a connection to the first address that takes one."""
    problem = "not-connected"
    for address in found:
        connection = _connection(endpoint, address, max(deadline - time.monotonic(), 0.001))
        try:
            connection.connect()
        except (HTTPError, OSError) as error:
            connection.close()
            problem = _word_for(error)
        else:
            point("sending.connected")
            return connection
        if time.monotonic() >= deadline:
            raise Undelivered("timed-out")
    raise Undelivered(problem)


def _connection(endpoint: Endpoint, address: str, timeout: float) -> HTTPConnection:
    if not endpoint.secure:
        return HTTPConnection(address, endpoint.port, timeout=timeout)
    return HTTPSConnection(
        address,
        endpoint.port,
        timeout=timeout,
        server_hostname=endpoint.host,
        ssl_context=_tls(),
    )


@contextlib.contextmanager
def _ends_at(deadline: float, connection: HTTPConnection) -> Iterator[None]:
    """Cut the connection at the deadline.

    A socket's own timeout starts anew with every byte, so an endpoint that sends one byte a
    second would hold a sender for hours.
    """
    watch = _cutter().watch(deadline, connection.sock)
    try:
        yield
    finally:
        _cutter().forget(watch)


class _Cutter:
    """Cuts sockets at their deadlines. One thread for all: a timer each would double the threads."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._watched: dict[int, tuple[float, Any]] = {}
        self._changing = threading.Condition()
        threading.Thread(target=self._run, name="cutter", daemon=True).start()

    def watch(self, deadline: float, sock: Any) -> int:
        """Watch a socket; return the number under which to forget it."""
        number = next(self._numbers)
        with self._changing:
            self._watched[number] = (deadline, sock)
            self._changing.notify()
        return number

    def forget(self, number: int) -> None:
        """Leave a socket alone from now on."""
        with self._changing:
            self._watched.pop(number, None)

    def _run(self) -> None:
        while True:
            with self._changing:
                # Not later than so, and no oftener: new sockets come a hundred a second.
                self._changing.wait_for(lambda: self._watched)
                now = time.monotonic()
                late = [one for one, (deadline, _) in self._watched.items() if deadline <= now]
                # Cut while nobody can forget it: afterwards its number may be another socket's.
                for number in late:
                    _cut(self._watched.pop(number)[1])
            _PAUSE.wait(CUTS_EVERY)


_PAUSE = threading.Event()  # never set; waits without looking at anybody's clock


def _cut(sock: Any) -> None:
    # The plain socket's shutdown: the TLS one would take its state away under the reader's feet.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _read(answer: BaseHTTPResponse, body: bytes) -> Outcome:
    if answer.status == 202:
        return Outcome(code="accepted", accepted=True)
    if answer.status == GONE:
        return Outcome(code="gone", gone=True)
    asked = _retry_after(answer.headers.get("Retry-After"))
    if answer.status == 400:
        code = _error_code(body)
        return Outcome(code=code, hopeless=code == "invalid_request", retry_after=asked)
    down = answer.status == TOO_MANY or answer.status >= 500
    return Outcome(code=f"answered-{answer.status}", down=down, retry_after=asked)


def _error_code(body: bytes) -> str:
    """Return the `err` of a refused event, if it is one of the registered ones."""
    try:
        told = orjson.loads(body) if len(body) <= ANSWER_CAP else None
    except orjson.JSONDecodeError:
        told = None
    code = told.get("err") if isinstance(told, dict) else None
    return code if isinstance(code, str) and code in ERRORS else "answered-400"


def _retry_after(value: str | None) -> timedelta | None:
    """Return the wait that an endpoint asks for, in seconds or as a date (RFC 9110 10.2.3)."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 10**7))
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - datetime.now(UTC), timedelta())


def _word_for(error: Exception) -> str:
    chain = [error, error.__cause__, error.__context__, *error.args]
    if any(isinstance(each, ssl.SSLError) for each in chain):
        return "tls-failed"
    if any(isinstance(each, TimeoutError) for each in chain):
        return "timed-out"
    malformed = isinstance(error, HTTPException | ValueError) and not isinstance(error, OSError)
    return "answer-malformed" if malformed else "not-connected"


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


# Threads do not survive a fork.
@cache
def _lookups() -> ThreadPoolExecutor:
    # One for each sender: brands whose name servers are silent keep nobody else's name waiting.
    return ThreadPoolExecutor(SENDERS, thread_name_prefix="lookup")


@cache
def _cutter() -> _Cutter:
    return _Cutter()


os.register_at_fork(after_in_child=_lookups.cache_clear)
os.register_at_fork(after_in_child=_cutter.cache_clear)
