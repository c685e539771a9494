"""The processes of the demo world: a vault, and some brands' servers. Each writes its own log file."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import urllib3

from examples.demo.brands import Facts
from examples.demo.staff import Staff

ROOT = Path(__file__).resolve().parent.parent.parent
# Settings of whoever starts the demo are for their own vault, not for this one.
FOREIGN = ("VAULT_", "DATABASE_", "CELERY_", "CACHE_", "EMAIL_", "SECRET_KEY", "DJANGO_")
STARTS_WITHIN = 120.0
STOPS_WITHIN = 15.0


class ProcessFailed(Exception):
    """A process ended, or did not do what it was started for."""


def free_port() -> int:
    """Return a port of the loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child process of ours with a log file. It is ended by its own id and no other."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.environment = environment
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start `python ...` in a process group of its own."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which ends them in their turn
            )  # fmt: skip

    def await_http(self, url: str) -> None:
        """Wait until it answers. Raises `ProcessFailed` with the end of its log."""
        http = urllib3.PoolManager(retries=False, timeout=2.0)
        end = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < end:
            if self.child is None or self.child.poll() is not None:
                break
            try:
                if http.request("GET", url).status < 500:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise ProcessFailed(f"{self.name} does not answer; its log ends:\n{self.tail()}")

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def ask_to_end(self) -> None:
        """Ask it to end, without waiting."""
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def stop(self) -> int | None:
        """Ask it to end, insist after a while; return its exit code."""
        if self.child is None:
            return None
        self.ask_to_end()
        try:
            return self.child.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()


class Vault:
    """A vault with everything of its own: folder, keyring, database, anchor, port."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder.resolve()
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        self.environment = kept | {
            "VAULT_VAR": str(self.folder),
            "VAULT_ORIGIN": self.origin,
            "VAULT_ALLOW_LOOPBACK_ENDPOINTS": "1",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.process = Process("vault", self.folder, self.environment)

    @property
    def mail(self) -> Path:
        """Where its mails go."""
        return self.folder / "mail"

    @property
    def checkpoint(self) -> Path:
        """The last signed checkpoint, as it lies outside the database."""
        return self.folder / "anchor" / "checkpoint"

    def start(self) -> None:
        """Start all of it with the one command that a user would type."""
        self.process.start("manage.py", "serve")
        self.process.await_http(f"{self.origin}/.well-known/jwks.json")

    def stop(self) -> int | None:
        """End it; return its exit code."""
        return self.process.stop()

    def manage(self, *arguments: str, input: str | None = None) -> str:
        """Run a command of the operator; return what it printed. Raises `ProcessFailed`."""
        ran = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, input=input, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise ProcessFailed(
                f"manage.py {arguments[0]} ended with {ran.returncode}: {ran.stderr}"
            )
        return ran.stdout


class BrandServer:
    """One server with some brands behind it, each with its folder."""

    def __init__(self, name: str, brands: dict[str, Facts], vault: Vault, *options: str) -> None:
        self.vault, self.brands = vault, brands
        self.options = options  # of the brand's program, such as "--slow", "some-brand=3"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = vault.folder / "brands"
        self.home.mkdir(parents=True, exist_ok=True)
        self.process = Process(name, self.home, vault.environment)

    def start(self, first_number: int) -> None:
        """Write down who the brands are and start their server, which makes their keys."""
        for number, (folder, facts) in enumerate(self.brands.items(), first_number):
            endpoint = f"{self.url}/{folder}/events"
            written = facts.written(folder, self.vault.origin, endpoint, number)
            (self.home / folder).mkdir(exist_ok=True)
            text = json.dumps(written, ensure_ascii=False, indent=1)
            (self.home / folder / "brand.json").write_text(text)
        folders = [str(self.home / folder) for folder in self.brands]
        self.process.start(
            "-m", "examples.brand", *folders, "--port", str(self.port), *self.options
        )

    def ready(self) -> None:
        """Wait until it answers; then its registrations are written."""
        self.process.await_http(f"{self.url}/")

    def staff(self, folder: str) -> Staff:
        """Return the people of one brand."""
        return Staff(f"{self.url}/{folder}")

    def stop(self) -> int | None:
        """End it."""
        return self.process.stop()
