"""Real processes, really killed: the log they leave is the log that was written."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITER = """
from django.db import transaction
from audit import log
for n in range(400):
    with transaction.atomic():
        log.append_many([log.Draft(type="purpose.published", role="operator", count=n)] * 5)
"""


class Vault:
    """A vault of its own, on SQLite, driven through its command line."""

    def __init__(self, directory: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "VAULT_KEYRING")}
        self.environment = kept | {"VAULT_VAR": str(directory)}
        self.run("migrate", "-v0")
        self.run("make_keyring")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        process = self.start(*words)
        out, problems = process.communicate(timeout=100)
        assert process.returncode == 0, problems.decode() + out.decode()
        return out.decode()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    directory = tmp_path / "var"
    directory.mkdir()
    return Vault(directory)


def published(vault: Vault) -> int:
    """Return the size of the published checkpoint; 0 while there is none."""
    path = Path(vault.environment["VAULT_VAR"]) / "anchor" / "checkpoint"
    return int(path.read_text().split("\n")[1]) if path.exists() else 0


def wait_for_more(vault: Vault, than: int) -> None:
    until = time.monotonic() + 80
    while published(vault) <= than:
        assert time.monotonic() < until, "nothing is published"
        time.sleep(0.005)


@pytest.mark.timeout(240)
@pytest.mark.rule("design/log.md", "kill -9 loop")
def test_a_sequencer_killed_again_and_again_forks_and_loses_nothing(vault: Vault) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance, sizes = random.Random(seed), [0]
    writer = vault.start("shell", "-v0", "-c", WRITER)
    for _ in range(4):
        sequencer = vault.start("sequence", "--interval", "0.001")
        if writer.poll() is None:
            wait_for_more(vault, sizes[-1])
        time.sleep(chance.random() * 0.2)
        sequencer.kill()
        sequencer.communicate()
        sizes.append(published(vault))
    writer.communicate(timeout=100)
    assert writer.returncode == 0
    vault.run("sequence", "--once")
    assert sizes == sorted(sizes)
    assert published(vault) >= 2000
    assert vault.run("verify_log").startswith(f"OK: {published(vault)} leaves")


@pytest.mark.timeout(240)
def test_a_sequencer_told_to_stop_ends_cleanly(vault: Vault) -> None:
    sequencer = vault.start("sequence")
    wait_for_more(vault, 0)
    sequencer.send_signal(signal.SIGTERM)
    _, problems = sequencer.communicate(timeout=30)
    assert (sequencer.returncode, problems) == (0, b"")
    assert vault.run("verify_log").startswith("OK: 1 leaves")
