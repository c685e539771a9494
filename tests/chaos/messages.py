"""What somebody may put into the queue: too much of the right, and all kinds of the wrong."""

from collections.abc import Iterable
from typing import Any

from kombu import Connection, Exchange, Queue

from config.celery import EVERY

Message = tuple[bytes, str, dict[str, Any]]  # body, content type, headers
TURN = b"[[],{},{}]"
POISON: tuple[Message, ...] = (
    (b"\x00\xff not json", "application/json", {}),
    (b"{}", "application/json", {"task": "revocation.drain", "id": "x"}),
    (b"[]", "application/x-python-serialize", {"task": "revocation.drain", "id": "y"}),
    (TURN, "application/json", {"task": "no.such.task", "id": "z", "lang": "py"}),
    (b'[["no","such"],{"argument":1},{}]', "application/json",
     {"task": "revocation.drain", "id": "w", "lang": "py"}),
    # Of a version that comes later, for a grant that there never was.
    (b'[[],{"grant":"0"},{"schema":99}]', "application/json",
     {"task": "revocation.drain", "id": "v", "lang": "py"}),
)  # fmt: skip


def doubled(*, backwards: bool) -> list[Message]:
    """Return ten turns of every task under one id; `backwards`: the last asked for first."""
    return [
        (TURN, "application/json", {"task": name, "id": "same", "lang": "py"})
        for name in list(EVERY)[:: -1 if backwards else 1]
        for _ in range(10)
    ]


def publish(url: str, name: str, messages: Iterable[Message]) -> None:
    """Put messages into the vault's queue, past Celery."""
    with Connection(url) as broker:
        queue = Queue(name, Exchange(name), name)
        producer = broker.Producer()
        for body, kind, headers in messages:
            producer.publish(
                body, routing_key=queue.routing_key, exchange=queue.exchange.name,
                content_type=kind, content_encoding="utf-8", headers=headers,
                correlation_id=headers.get("id"),
            )  # fmt: skip
