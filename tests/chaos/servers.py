"""Services of the storm's own, in its own folder, on free ports: nobody else's is ever touched.

Each can be stopped, killed and started again while the vault is at work.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg

STARTS_WITHIN = 90.0  # seconds; RabbitMQ takes ten of them on an idle machine
Process = subprocess.Popen[bytes]


class Missing(Exception):
    """A program that the storm needs is not installed; the message names it."""


class Server:
    """One process of a service, with its folder and its account."""

    name = ""
    stops_by: signal.Signals = signal.SIGTERM

    def __init__(self, directory: Path, account: str) -> None:
        self.directory = directory / self.name
        self.directory.mkdir()
        self.port = free_port()
        self._account = _unprivileged(account)
        if self._account:
            shutil.chown(self.directory, self._account)
        self._log = (directory / f"{self.name}.log").open("ab")
        self._process: Process | None = None

    def start(self) -> None:
        """Start it and return once it answers."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it."""
        self._process = self._begin()

    def wait(self) -> None:
        """Return once it answers."""
        until = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if self._process and self._process.poll() is not None:
                # What it left behind a moment ago (a lock, a port) may still be in its way.
                time.sleep(0.2)
                self._process = self._begin()
            if time.monotonic() > until:
                raise AssertionError(f"{self.name} did not start within {STARTS_WITHIN:.0f} s")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it in its own way and wait; nothing happens where it is gone already."""
        self._end(self.stops_by)

    def kill(self) -> None:
        """End it as a loss of power would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._log.close()

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def _begin(self) -> Process:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, *command: str, **environment: str) -> Process:
        return subprocess.Popen(
            command, cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log, start_new_session=True,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.directory)}
            | environment,
            user=self._account, group=_group(self._account), extra_groups=_no_more(self._account),
        )  # fmt: skip


class Postgres(Server):
    """A PostgreSQL cluster with durable commits that writes down every statement it is asked."""

    name = "postgres"
    stops_by = signal.SIGQUIT  # its "immediate": no checkpoint, no goodbye, recovery at the start

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "postgres")
        self._initdb, self._postgres = (postgres_program(name) for name in ("initdb", "postgres"))
        made = self._run(
            self._initdb, "-D", "data", "-U", "postgres", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        if made.wait():
            raise AssertionError(f"initdb failed: {directory / self.name}.log says why")

    @property
    def url(self) -> str:
        """Where the vault finds its database."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def dsn(self) -> str:
        """The same for libpq."""
        return self.url.replace("postgres://", "postgresql://", 1)

    def end_connections(self) -> None:
        """End every connection but our own."""
        with psycopg.connect(self.dsn, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def _begin(self) -> Process:
        settings = {
            "port": str(self.port), "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "", "log_statement": "all", "fsync": "on",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._run(self._postgres, "-D", "data", *options)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def postgres_program(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    with contextlib.suppress(OSError):
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        folders.insert(0, Path(told.stdout.strip()))
    return program(name, folders)


def _version(folder: Path) -> float:
    with contextlib.suppress(ValueError):
        return float(folder.parent.name)
    return 0.0


def program(name: str, folders: Iterable[Path]) -> str:
    """Return where a program is: in one of the folders, else on the path. Raises `Missing`."""
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise Missing(f"The storm needs a server of its own, and {name} is not installed.")
    return found


def _unprivileged(account: str) -> str | None:
    """Return whom to run a service as: root gives its rights up, anybody else stays who they are."""
    if os.geteuid():
        return None
    for name in (account, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _group(account: str | None) -> int | None:
    return pwd.getpwnam(account).pw_gid if account else None


def _no_more(account: str | None) -> list[int] | None:
    return [] if account else None
