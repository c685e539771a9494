"""A real web server in a process of its own, over the test's database, keyring and anchor."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from django.conf import settings
from django.db import connection

from tests import described

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Server:
    """Where it listens, what it has written so far, and how to speak to it."""

    port: int
    output: Path
    process: "subprocess.Popen[bytes]"
    database: Path | None

    def post(self, path: str, body: Any, token: str = "", **headers: str) -> Any:
        """One well-behaved call on a connection of its own."""
        sent = {"Content-Type": "application/json"} | headers
        if token:
            sent["Authorization"] = f"Bearer {token}"
        with urllib3.PoolManager(retries=False, timeout=10) as http:
            answer = http.request("POST", self.url(path), json=body, headers=sent)
        raw = json.dumps(body).encode()
        described.check("POST", path, raw, answer.status, dict(answer.headers), answer.data)
        return answer

    def get(self, path: str) -> Any:
        with urllib3.PoolManager(retries=False, timeout=10) as http:
            answer = http.request("GET", self.url(path), redirect=False)
        described.check("GET", path, b"", answer.status, dict(answer.headers), answer.data)
        return answer

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def raw(self, data: bytes, *, wait: float = 5) -> bytes:
        """Send bytes as they are; return what came until the connection closed or went silent."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as wire:
            try:
                wire.sendall(data)
                while part := wire.recv(65536):
                    answer += part
            except OSError:
                pass  # closed, or silent: what came is what counts
        return answer

    def said(self) -> str:
        return self.output.read_text(errors="replace")


@contextmanager
def serving(
    tmp_path: Path,
    *,
    threads: int = 2,
    face: str = "partner",
    database: Path | None = None,
    **more: str,
) -> Iterator[Server]:
    """Serve what the test has made so far, or `database`, until the block ends.

    `more` are settings of the server, by the names of their environment variables.
    """
    if database is None and connection.vendor == "sqlite":
        database = copied(tmp_path / "vault.sqlite3")
    output = tmp_path / "server.log"
    port = _free_port()
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.web", "--host", "127.0.0.1", "--port", str(port),
             "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT,
            env=_environment(tmp_path, database, face) | more, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(port, process, output)
        yield Server(port, output, process, database)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)


def _environment(tmp_path: Path, database: Path | None, face: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return kept | {
        "VAULT_VAR": str(tmp_path / "var"),
        "VAULT_KEYRING": str(settings.KEYRING_DIR),
        "VAULT_ANCHOR": str(settings.ANCHOR_DIR),
        "VAULT_LOG_ORIGIN": settings.LOG_ORIGIN,
        "VAULT_FACE": face,
        "DATABASE_URL": f"sqlite:///{database}" if database else _postgres_url(),
    }


def _postgres_url() -> str:
    values = connection.settings_dict
    place = f"{values['HOST'] or '127.0.0.1'}:{values['PORT'] or 5432}"
    password = f":{values['PASSWORD']}" if values["PASSWORD"] else ""
    return f"postgres://{values['USER']}{password}@{place}/{values['NAME']}"


def copied(path: Path) -> Path:
    """Copy the test's database, which lives in this process's memory, into a file."""
    connection.ensure_connection()
    target = sqlite3.connect(path)
    connection.connection.backup(target)
    target.close()
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as wire:
        return int(wire.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]", output: Path) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(output.read_text(errors="replace"))
