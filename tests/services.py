"""Asks whether PostgreSQL, the broker, Redis and Chromium are there; says in one sentence which is not."""

import shutil
import sys

import psycopg
from kombu import Connection
from redis import Redis


def main(database: str, broker: str, redis: str) -> int:
    """Return 0 when all of them answer."""
    checks = {
        f"PostgreSQL at {_place(database)}": lambda: psycopg.connect(
            database.replace("postgres://", "postgresql://", 1), connect_timeout=3
        ).close(),
        f"RabbitMQ at {_place(broker)}": lambda: Connection(broker, connect_timeout=3).connect(),
        f"Redis at {_place(redis)}": lambda: Redis.from_url(redis, socket_timeout=3).ping(),
        "Chromium on the PATH": _chromium,
    }
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the sentence is the same
            print(f"test-services needs {name}: {type(error).__name__}.", file=sys.stderr)
            return 1
    return 0


def _chromium() -> None:
    if not shutil.which("chromium"):
        raise FileNotFoundError


def _place(url: str) -> str:
    return url.rsplit("@", maxsplit=1)[-1].removeprefix("redis://")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
