"""The processes of the vault in the storm, and what can be done to them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from kombu import Connection, Exchange, Queue

from tests.chaos.plan import Fault
from tests.consent.revocation.processes import BROKER, House, Proxy

TASKS = (
    "revocation.drain", "revocation.end_run_out", "revocation.resume_paused",
    "revocation.escalate", "revocation.sweep_tally", "revocation.fold_activity",
    "revocation.close_overdue_requests",
)  # fmt: skip
POISON: tuple[tuple[bytes, str, dict[str, Any]], ...] = (
    (b"\x00\xff not json", "application/json", {}),
    (b"{}", "application/json", {"task": "revocation.drain", "id": "x"}),
    (b"[]", "application/x-python-serialize", {"task": "revocation.drain", "id": "y"}),
    (b'[[],{},{}]', "application/json", {"task": "no.such.task", "id": "z", "lang": "py"}),
    (b'[["no","such"],{"argument":1},{}]', "application/json",
     {"task": "revocation.drain", "id": "w", "lang": "py"}),
)  # fmt: skip
Process = subprocess.Popen[bytes]


class Vault:
    """Two workers, two clocks, a sequencer and a partner's door, each a process of its own."""

    def __init__(self, house: House, proxy: Proxy, database: str) -> None:
        self.house, self.proxy = house, proxy
        self.database = database.replace("postgres://", "postgresql://", 1)
        self.port = _free_port()
        self.workers: list[Process] = [house.worker(), house.worker()]
        self._armed: set[int] = set()  # workers that die by themselves at some point
        self.beats: list[Process] = [house.beat(), house.beat()]
        self.sequencer = self._sequencer()
        self.web = self._web()
        self.wait_for_web()

    def inject(self, fault: Fault) -> None:
        """Do one fault. Whatever dies is started anew at once, as a supervisor would."""
        act = {
            "kill-worker": self._kill_worker, "kill-worker-at": self._kill_worker_at,
            "kill-sequencer": self._kill_sequencer, "kill-web": self._kill_web,
            "kill-beat": self._kill_beat, "cut-broker": self._cut_broker,
            "flush-broker": self._flush_broker, "end-connections": self._end_connections,
            "duplicate-tasks": self._duplicate_tasks, "poison": self._poison,
        }  # fmt: skip
        act[fault.kind](fault)

    def mend(self) -> None:
        """End every fault that still lasts: whole workers, and a broker that is there."""
        self.proxy.mend()
        for number in range(len(self.workers)):
            # One that is still to die at a point would bring a fault into the calm.
            if number in self._armed:
                self._kill_worker(Fault(0, "kill-worker", number))
        self.tend()

    def tend(self) -> None:
        """Start anew whatever died meanwhile, as a supervisor would."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self._armed.discard(number)
                self.workers[number] = self.house.worker()
        for number, beat in enumerate(self.beats):
            if beat.poll() is not None:
                self.beats[number] = self.house.beat()
        if self.sequencer.poll() is not None:
            self.sequencer = self._sequencer()
        if self.web.poll() is not None:
            self.web = self._web()

    def wait_for_web(self) -> None:
        """Return once the door answers."""
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the web server did not start")

    def close_web(self) -> None:
        """End the door, which is no child of the house."""
        _kill_group(self.web)

    def messages(self) -> bytes:
        """Return all that lies in the queue now; for the canary."""
        found = b""
        with Connection(BROKER) as broker:
            channel = broker.channel()
            while (message := channel.basic_get(self._queue, no_ack=True)) is not None:
                found += (
                    bytes(message.body, "utf-8") if isinstance(message.body, str) else message.body
                )
                found += repr(message.headers).encode()
        return found

    @property
    def _queue(self) -> str:
        return self.house.environment["VAULT_QUEUE"]

    def _kill_worker(self, fault: Fault) -> None:
        self.workers[fault.victim].kill()
        self.workers[fault.victim].wait()
        self._armed.discard(fault.victim)
        self.workers[fault.victim] = self.house.worker()

    def _kill_worker_at(self, fault: Fault) -> None:
        # Gone, and back as one that dies by itself when it gets to the point.
        self.workers[fault.victim].kill()
        self.workers[fault.victim].wait()
        self._armed.add(fault.victim)
        self.workers[fault.victim] = self.house.worker(VAULT_FAULT=fault.point)

    def _kill_sequencer(self, _fault: Fault) -> None:
        self.sequencer.kill()
        self.sequencer.wait()
        self.sequencer = self._sequencer()

    def _kill_web(self, _fault: Fault) -> None:
        _kill_group(self.web)
        self.web = self._web()

    def _kill_beat(self, fault: Fault) -> None:
        self.beats[fault.victim].kill()
        self.beats[fault.victim].wait()
        self.beats[fault.victim] = self.house.beat()

    def _cut_broker(self, fault: Fault) -> None:
        self.proxy.cut()
        time.sleep(fault.lasting)
        self.proxy.mend()

    def _flush_broker(self, _fault: Fault) -> None:
        with Connection(BROKER) as broker:
            broker.channel().queue_purge(self._queue)

    def _end_connections(self, _fault: Fault) -> None:
        with psycopg.connect(self.database, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def _duplicate_tasks(self, fault: Fault) -> None:
        # Ten of each, the last asked for first.
        for name in TASKS[:: -1 if fault.victim else 1]:
            for _ in range(10):
                self._publish(
                    b"[[],{},{}]", "application/json", {"task": name, "id": "same", "lang": "py"}
                )

    def _poison(self, _fault: Fault) -> None:
        for body, kind, headers in POISON:
            self._publish(body, kind, headers)

    def _publish(self, body: bytes, kind: str, headers: dict[str, Any]) -> None:
        with Connection(BROKER) as broker:
            queue = Queue(self._queue, Exchange(self._queue), self._queue)
            producer = broker.Producer()
            producer.publish(
                body, routing_key=queue.routing_key, exchange=queue.exchange.name,
                content_type=kind, content_encoding="utf-8", headers=headers,
                correlation_id=headers.get("id"),
            )  # fmt: skip

    def _sequencer(self) -> Process:
        return self.house.start("manage.py", "sequence")

    def _web(self) -> Process:
        environment = self.house.environment | {"VAULT_FACE": "partner"}
        return subprocess.Popen(
            [sys.executable, "-m", "config.web", "--host", "127.0.0.1",
             "--port", str(self.port), "--threads", "6"],
            stdin=subprocess.PIPE, stdout=self.house.log, stderr=self.house.log,
            env=environment, cwd=Path(__file__).parents[2], start_new_session=True,
        )  # fmt: skip


def through(proxy_port: int) -> str:
    """Return the broker's URL by way of the proxy."""
    url = urlsplit(BROKER)
    user = f"{url.username}:{url.password}@" if url.username else ""
    return f"{url.scheme}://{user}127.0.0.1:{proxy_port}{url.path}"


def proxy() -> Proxy:
    """Return a proxy in front of the broker, which nobody here may stop."""
    url = urlsplit(BROKER)
    return Proxy(url.hostname or "127.0.0.1", url.port or 5672)


def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
