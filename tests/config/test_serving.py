"""`manage.py serve`: one command, one parent, and nothing left behind however it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.consent.revocation.processes import ROOT, STARTS_WITHIN, House, house, wait_until
from tests.consent.revocation.receiver import Brand, brand

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def listening() -> Iterator[Brand]:
    with brand() as server:
        yield server


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


def serve(vault: House, port: int, **environment: str) -> "subprocess.Popen[bytes]":
    process = vault.serve("--port", str(port), **environment)
    wait_until(lambda: answers(port) or process.poll() is not None, STARTS_WITHIN)
    return process


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            return page.status == 200
    except OSError:
        return False


def refusal(vault: House, *arguments: str, **environment: str) -> str:
    """Start, expect an end at once with an error, and return what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", *arguments],
        cwd=ROOT, env=vault.environment | environment, capture_output=True, text=True,
        timeout=STARTS_WITHIN, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_one_command_serves_pages_and_delivers_events(
    vault: House, port: int, listening: Brand
) -> None:
    parent = serve(vault, port)
    vault.ask(f"make {listening.url} 1")
    vault.ask("end")

    wait_until(lambda: vault.ask("report")["unsettled"] == 0, 30)

    assert set(listening.effects().values()) == {1}
    assert answers(port)
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(STARTS_WITHIN) == 0
    assert not answers(port)
    assert vault.manage("verify_log") == 0


def test_ctrl_c_ends_everything_in_order(vault: House, port: int) -> None:
    parent = serve(vault, port)

    parent.send_signal(signal.SIGINT)

    assert parent.wait(STARTS_WITHIN) == 0
    assert not answers(port)


def test_a_parent_that_is_killed_leaves_no_web_server_behind(vault: House, port: int) -> None:
    parent = serve(vault, port)

    parent.kill()
    parent.wait()

    wait_until(lambda: is_free(port), 30)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_web_server_that_dies_ends_the_parent_with_an_error(
    vault: House, port: int, how: signal.Signals
) -> None:
    parent = serve(vault, port)
    (child,) = children(parent.pid)

    os.kill(child, how)

    assert parent.wait(STARTS_WITHIN) == 1
    wait_until(lambda: is_free(port), 10)


def test_a_port_that_is_taken_is_said_in_one_sentence(vault: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = refusal(vault, "--port", str(server.getsockname()[1]))

    assert "another --port" in said


def test_a_database_without_tables_is_refused_with_what_to_run(
    vault: House, tmp_path: Path
) -> None:
    said = refusal(vault, "--no-web", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")

    assert "manage.py migrate" in said


def test_a_vault_without_keys_is_refused_with_what_to_run(vault: House, tmp_path: Path) -> None:
    said = refusal(vault, "--no-web", VAULT_KEYRING=str(tmp_path / "nothing"))

    assert "keyring" in said


def test_a_database_behind_its_anchor_is_refused(vault: House, tmp_path: Path) -> None:
    anchor = vault.directory / "anchor"
    vault.manage("sequence", "--once")
    assert any(anchor.iterdir())
    behind = tmp_path / "old.sqlite3"
    environment = {"DATABASE_URL": f"sqlite:///{behind}", "VAULT_ANCHOR": str(anchor)}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0", "--skip-checks"],
        cwd=ROOT, env=vault.environment | environment, check=True, capture_output=True,
    )  # fmt: skip

    said = refusal(vault, "--no-web", **environment)

    assert "recover" in said


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]
