"""Nothing starts where keyring and database are not of one vault, or where a key file is missing.

A vault on another's keyring would seal what its own keyring, once it is back, does not open.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import Settings

from config import celery, serving
from config.gate import Gate
from keys import keyring, tree
from keys.exceptions import KeyringDamaged, KeyringForeign, RootKeyMissing
from keys.providers import FileProvider
from keys.store import Store
from tests.consent.revocation.processes import ROOT

# What starts looks by a connection of its own, and closes it.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sealed(settings: Settings) -> None:
    """The database holds a key."""
    with transaction.atomic():
        tree.make_pod_key(uuid4())


@pytest.fixture
def foreign(settings: Settings, tmp_path: Path) -> Path:
    """Another vault's whole keyring in the place of ours."""
    directory = tmp_path / "foreign"
    directory.mkdir(mode=0o700)
    Store(directory, FileProvider(directory)).create(datetime.now(UTC))
    return directory


def use(settings: Settings, directory: Path) -> None:
    settings.KEYRING_DIR = directory
    keyring.forget()


STARTS: dict[str, Callable[[], Any]] = {
    "serve": serving.check,
    "worker": celery._need_one_vault,
    "sequence": lambda: call_command("sequence", "--once"),
    "verify_log": lambda: call_command("verify_log"),
}


@pytest.mark.parametrize("start", STARTS)
def test_no_part_starts_on_another_vaults_keyring(
    start: str, sealed: None, foreign: Path, settings: Settings
) -> None:
    own = settings.KEYRING_DIR
    use(settings, foreign)
    with pytest.raises((CommandError, KeyringForeign, serving.NotReady), match="another vault's"):
        STARTS[start]()
    use(settings, own)
    STARTS[start]()


def test_the_web_answers_that_it_serves_nothing_until_the_keyring_is_back(
    sealed: None, foreign: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own, served = settings.KEYRING_DIR, []
    gate = Gate(lambda *_: served.append(True) or [b"served"])

    def ask(path: str) -> str:
        said: list[str] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": BytesIO()}
        gate(environ, lambda status, _headers: said.append(status))
        return said[0] if said else ""

    use(settings, foreign)
    assert ask("/").startswith("503") and ask("/api/v1/reads").startswith("503")
    assert not served
    use(settings, own)
    ask("/")
    assert served


def test_a_vault_that_holds_nothing_yet_starts_on_any_keyring(
    foreign: Path, settings: Settings
) -> None:
    use(settings, foreign)
    keyring.check_start()


def test_a_keyring_that_is_gone_is_to_be_restored_not_made_anew(
    sealed: None, settings: Settings, tmp_path: Path
) -> None:
    use(settings, tmp_path / "gone")
    with pytest.raises(RootKeyMissing, match="the database holds keys"):
        keyring.check_start()
    for command in ("verify_log", "sequence"):
        with pytest.raises(CommandError, match="the database holds keys"):
            call_command(command, *(["--once"] if command == "sequence" else []))


@pytest.mark.parametrize("damage", [None, b"{}", b"no JSON", b'{"wrapped": "AAAA"}', b"[]"])
@pytest.mark.parametrize(
    ("name", "starts"), [("log", ["serve", "sequence"]), ("signing", ["serve", "worker"])]
)
def test_a_secret_that_is_missing_or_damaged_is_named_by_whoever_needs_it(
    name: str, starts: list[str], damage: bytes | None, sealed: None, settings: Settings
) -> None:
    path = Path(settings.KEYRING_DIR) / "secrets" / f"{name}.json"
    whole = path.read_bytes()
    for start in starts:
        path.unlink() if damage is None else path.write_bytes(damage)
        keyring.forget()
        with pytest.raises((CommandError, KeyringDamaged, serving.NotReady), match=f"{name}.json"):
            STARTS[start]()
        path.write_bytes(whole)
        path.chmod(0o600)
        keyring.forget()
        STARTS[start]()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VAULT_PARTNER_RATE", "abc", "VAULT_PARTNER_RATE must be a whole number"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL must be like postgres://"),
        ("DATABASE_URL", "nonsense://scott:tiger@h/x", "DATABASE_URL must be like postgres://"),
        ("VAULT_ENV", "production", "VAULT_ORIGIN is not set"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(name: str, value: str, sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=os.environ | {name: value},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1
    assert "tiger" not in done.stderr
