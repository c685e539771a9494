"""A granian with its worker processes, started and stopped, and how much memory they took."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT = 8190
THREADS = 8


@contextmanager
def serving(workers: int = 1) -> Iterator[subprocess.Popen]:
    """Serve `bench.wsgi` with the bench's settings on loopback until the block ends."""
    command = [
        str(Path(sys.executable).parent / "granian"), "bench.wsgi:application",
        "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(PORT), "--workers", str(workers),
        "--blocking-threads", str(THREADS), "--http1-buffer-size", "65536", "--no-ws", "--log-level", "error",
    ]  # fmt: skip
    _need_free()
    process = subprocess.Popen(command, env={"MALLOC_ARENA_MAX": "2", **os.environ})
    try:
        _wait()
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def memory_mb(process: subprocess.Popen) -> float:
    """Return the resident size of the largest worker process, in MB (the parent only watches them)."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    sizes = [_resident_kb(int(child)) for child in children]
    return max(sizes, default=_resident_kb(process.pid)) / 1024


def _resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _need_free() -> None:
    # Granian shares a port with whoever listens there: half of the calls would measure a stranger.
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise RuntimeError(f"port {PORT} is taken; end the bench or server that is left there")


def _wait() -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v1/reads")
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the bench's server did not start")
