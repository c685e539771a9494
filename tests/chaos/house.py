"""The processes of the vault in the storm, and what can be done to them."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tests.chaos import messages
from tests.chaos.brokers import Broker
from tests.chaos.plan import NEED_BROKER, Fault
from tests.chaos.servers import Postgres, Process, free_port
from tests.consent.revocation.processes import ROOT, STARTS_WITHIN, House, wait_until

WORKER = ("celery", "-A", "config", "worker", "-P", "threads", "-c", "4",
          "--without-gossip", "--without-mingle")  # fmt: skip


class Vault:
    """Two each of workers, clocks and sequencers, and a partner's door: each a process of its own."""

    def __init__(self, house: House, database: Postgres, broker: Broker) -> None:
        self.house, self.database, self.broker = house, database, broker
        self.port = free_port()
        self.reached: list[str] = []  # points at which a process killed itself
        self.stops: list[float] = []  # seconds that a worker took to end when it was asked to
        self._undo: list[tuple[float, Callable[[], None]]] = []
        self._armed: dict[int, str] = {}  # workers that die by themselves, and where
        self._points: tuple[deque[str], ...] = (deque(), deque())  # the next of each worker
        # What a crash leaves behind must not depend on how this shell is set up.
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))
        self.workers = [self._worker(), self._worker()]
        self.beats = [house.beat(), house.beat()]
        self.sequencers = [self._sequencer(), self._sequencer()]
        self.web = self._web()
        self.wait_for_web()

    def inject(self, fault: Fault) -> None:
        """Do one fault. Whatever dies is started anew at once, as a supervisor would."""
        if fault.kind in NEED_BROKER:
            self._need_broker()
        act: Callable[[Fault], None] = getattr(self, "_" + fault.kind.replace("-", "_"))
        act(fault)

    def tend(self) -> None:
        """Undo what has lasted long enough, and start anew whatever died meanwhile."""
        now = time.monotonic()
        due = [undo for until, undo in self._undo if until <= now]
        self._undo = [one for one in self._undo if one[0] > now]
        for undo in due:
            undo()
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self._replace_worker(number)
        for number, beat in enumerate(self.beats):
            if beat.poll() is not None:
                self.beats[number] = self.house.beat()
        for number, sequencer in enumerate(self.sequencers):
            if sequencer.poll() is not None:
                self.sequencers[number] = self._sequencer()
        if self.web.poll() is not None:
            self.web = self._web()

    @property
    def is_armed(self) -> bool:
        """Whether some worker is still to die at a point."""
        return any(self._armed.values()) or any(self._points)

    def mend(self) -> None:
        """End every fault that still lasts: services that are there, and whole workers."""
        for _, undo in self._undo:
            undo()
        self._undo = []
        self._need_broker()
        for points in self._points:
            points.clear()
        for number in list(self._armed):
            # One that is still to die at a point would bring a fault into the calm.
            self._armed[number] = ""
            self._replace_worker(number)
        self.tend()
        self.wait_for_web()

    def move_to(self, broker: Broker) -> None:
        """Go on with another broker: clocks and workers end in order, and begin again there."""
        for beat in self.beats:
            beat.terminate()
        for worker in self.workers:
            began = time.monotonic()
            worker.terminate()
            worker.wait()
            self.stops.append(time.monotonic() - began)
        for beat in self.beats:
            beat.wait()
        self.broker = broker
        self.house.environment["CELERY_BROKER_URL"] = broker.url
        self.tend()

    def wait_for_web(self) -> None:
        """Return once the door answers."""
        wait_until(lambda: is_listened_at(self.port), STARTS_WITHIN)

    def close(self) -> None:
        """End what is no child of the house, and let the house end the others."""
        for _, undo in self._undo:
            undo()
        _kill_group(self.web)

    # Workers ---------------------------------------------------------------------------
    def _kill_worker(self, fault: Fault) -> None:
        self._replace_worker(fault.victim)

    def _kill_worker_at(self, fault: Fault) -> None:
        # Gone, and back as one that dies by itself when it gets to the point.
        self._points[fault.victim].append(fault.point)
        if not self._armed.get(fault.victim):
            self._replace_worker(fault.victim)

    def _skew_worker(self, fault: Fault) -> None:
        self._replace_worker(fault.victim)
        if not self._armed.get(fault.victim):
            self.workers[fault.victim].kill()
            skewed = self.house.start("-m", "tests.chaos.skewed", str(fault.lasting), *WORKER)
            self.workers[fault.victim] = skewed
            self._armed[fault.victim] = ""

    def _hang_worker(self, fault: Fault) -> None:
        self._hang(self.workers[fault.victim].pid, fault.lasting)

    def _replace_worker(self, number: int) -> None:
        """End a worker, if it lives, and start another: for the point it did not reach, or the next."""
        worker, point = self.workers[number], self._armed.pop(number, "")
        if point and worker.poll() == -signal.SIGKILL:
            # It is dead, and nobody here has killed it.
            self.reached.append(point)
            point = ""
        worker.kill()
        worker.wait()
        if not point and self._points[number]:
            point = self._points[number].popleft()
        if point:
            self._armed[number] = point
        self.workers[number] = self._worker(**({"VAULT_FAULT": point} if point else {}))

    def _worker(self, **environment: str) -> Process:
        return self.house.start("-m", *WORKER, **environment)

    # The others ------------------------------------------------------------------------
    def _kill_sequencer(self, fault: Fault) -> None:
        self.sequencers[fault.victim].kill()
        self.sequencers[fault.victim].wait()
        self.sequencers[fault.victim] = self._sequencer()

    def _kill_beat(self, fault: Fault) -> None:
        self.beats[fault.victim].kill()
        self.beats[fault.victim].wait()
        self.beats[fault.victim] = self.house.beat()

    def _kill_web(self, _fault: Fault) -> None:
        _kill_group(self.web)
        self.web = self._web()

    def _kill_web_at(self, fault: Fault) -> None:
        _kill_group(self.web)
        self.web = self._web(VAULT_FAULT=fault.point)
        self._later(fault.lasting, lambda: self._kill_web(fault))

    def _crash_web(self, _fault: Fault) -> None:
        # Not killed: ended as by a bug in C, which is when a system writes memory to a file.
        for child in children(self.web.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGABRT)

    def _hang_web(self, fault: Fault) -> None:
        for child in children(self.web.pid):
            self._hang(child, fault.lasting)

    def _hang(self, pid: int, lasting: float) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._later(lasting, lambda: _wake(pid))

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._undo.append((time.monotonic() + seconds, undo))

    # Services --------------------------------------------------------------------------
    def _stop_broker(self, fault: Fault) -> None:
        self.broker.stop()
        self._later(fault.lasting, self._begin_broker)

    def _kill_broker(self, _fault: Fault) -> None:
        self.broker.kill()
        self._begin_broker()

    def _begin_broker(self) -> None:
        # Not waited for: while it comes up, the storm goes on.
        if not self.broker.runs:
            self.broker.begin()

    def _need_broker(self) -> None:
        self._begin_broker()
        self.broker.wait()

    def _flush_broker(self, _fault: Fault) -> None:
        self.broker.flush(self._queue)

    def _restart_database(self, _fault: Fault) -> None:
        self.database.stop()
        self.database.start()

    def _kill_database(self, _fault: Fault) -> None:
        self.database.kill()
        self.database.start()

    def _end_connections(self, _fault: Fault) -> None:
        self.database.end_connections()

    def _duplicate_tasks(self, fault: Fault) -> None:
        messages.publish(self.broker.url, self._queue, messages.doubled(backwards=fault.victim > 0))

    def _poison(self, _fault: Fault) -> None:
        messages.publish(self.broker.url, self._queue, messages.POISON)

    @property
    def _queue(self) -> str:
        return self.house.environment["VAULT_QUEUE"]

    def _sequencer(self) -> Process:
        return self.house.start("manage.py", "sequence")

    def _web(self, **environment: str) -> Process:
        return subprocess.Popen(
            [sys.executable, "-m", "config.web", "--host", "127.0.0.1",
             "--port", str(self.port), "--threads", "6"],
            stdin=subprocess.PIPE, stdout=self.house.log, stderr=self.house.log,
            env=self.house.environment | {"VAULT_FACE": "partner"} | environment,
            cwd=ROOT, start_new_session=True,
        )  # fmt: skip


def is_listened_at(port: int) -> bool:
    """Whether somebody takes connections at a port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def children(pid: int) -> list[int]:
    """Return the processes that one has started."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(one) for task in tasks for one in (task / "children").read_text().split()]
    return []


def _wake(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()
