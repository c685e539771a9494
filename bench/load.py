"""A closed loop of 16 clients on loopback: wrk, the same for both sides."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.server import PORT

CLIENTS = 16
THREADS = 2
LUA = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured."""

    rate: float  # answers a second
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int


def drive(lines: Path, seconds: int) -> Result:
    """Send the lines of a file at random for some seconds."""
    command = [
        "wrk", f"-t{THREADS}", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(LUA), f"http://127.0.0.1:{PORT}", "--", str(lines), str(THREADS),
    ]  # fmt: skip
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(out.split("RESULT ", 1)[1])
    return Result(
        rate=found["requests"] / found["us"] * 1e6,
        p50_ms=found["p50_us"] / 1000,
        p95_ms=found["p95_us"] / 1000,
        p99_ms=found["p99_us"] / 1000,
        errors=found["errors"],
    )
