"""`manage.py recover` in processes of its own: killed at every step, run again, asked what it did."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction

from audit import anchor, log, notes, tiles
from audit.exceptions import DatabaseBehindAnchor
from audit.models import Entry, LogState
from consent import grants
from consent.actors import Actor
from consent.models import Client, Delivery, Grant, Partner
from tests import cast
from tests.backups import Backup, lose, need_continued, publish, signed_hashes
from tests.leaves import leaves
from vault.models import Pod

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
WITHDRAWN = Grant.EndKind.WITHDRAWN


class Restored:
    """A database that was restored from a backup, which other processes can open."""

    def __init__(self, path: Path, grant: Grant) -> None:
        """Take the backup; call `lose` when enough has happened since."""
        self.grant = grant
        self._path = path
        self._backup = Backup(path)

    def lose(self) -> None:
        """Restore the backup."""
        lose(self._backup)

    def look(self) -> None:
        """See the database as the last process left it."""
        # A test's SQLite lies in memory; the processes work on the backup file itself.
        if connection.vendor == "sqlite":
            self._backup.put_back()
        anchor.forget()

    def run(self, *words: str, fault: str = "") -> "subprocess.CompletedProcess[str]":
        """Run `manage.py recover` on it."""
        named = {
            "DATABASE_URL": self._url(),
            "VAULT_KEYRING": str(settings.KEYRING_DIR),
            "VAULT_ANCHOR": str(settings.ANCHOR_DIR),
            "VAULT_VAR": str(Path(settings.ANCHOR_DIR).parent),
            "VAULT_FAULT": fault,
        }
        return subprocess.run(
            [sys.executable, "manage.py", "recover", *words],
            cwd=ROOT,
            env={**os.environ, **named},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def _url(self) -> str:
        if connection.vendor == "sqlite":
            return f"sqlite:///{self._path}"
        at = connection.settings_dict
        return f"postgres://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


@pytest.fixture
def restored(pod: Pod, hotel: Client, owner: Actor, tmp_path: Path) -> Restored:
    """An end, pauses, and a grant that only the log knows: in three bundles that are lost."""
    grant, other = cast.make_grant(pod, hotel), cast.make_grant(pod, cast.make_client())
    publish()
    made = Restored(tmp_path / "backup.sqlite3", grant)
    grants.end(grant, WITHDRAWN, "", owner)
    for _ in range(20):
        grants.pause(other, owner)
        with transaction.atomic():
            log.append_many([log.Draft(type="review.made", role="operator")] * 30)
        grants.resume(other, owner)
    cast.make_grant(pod, cast.make_client())
    made.lose()
    return made


def size() -> int:
    return LogState.objects.get().size


@pytest.mark.rule("assurance.md", "promise 3")
def test_a_recovery_that_is_killed_at_every_step_ends_where_an_undisturbed_one_does(
    restored: Restored,
) -> None:
    signed, before = signed_hashes(), size()
    killed = restored.run("--yes", fault="recovery.stepping")  # everything done, nothing committed
    assert killed.returncode == -signal.SIGKILL
    restored.look()
    assert size() == before
    reached = [before]
    while True:
        killed = restored.run("--yes", fault="recovery.stepped")
        restored.look()
        reached.append(size())
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        if reached[-1] == len(signed):
            break
        # Half recovered is not recovered: it serves nobody.
        with pytest.raises(DatabaseBehindAnchor):
            anchor.check_start()
        assert reached[-1] % tiles.WIDTH == 0
    assert len(reached) == 4

    again = restored.run("--yes")
    restored.look()
    assert "Nothing is lost" in again.stdout
    need_continued(signed)
    assert Grant.objects.get(pk=restored.grant.pk).end_kind == WITHDRAWN
    assert Delivery.objects.filter(event_type="grant-withdrawn").count() == 1
    assert Delivery.objects.filter(event_type="grant-paused").count() == 20
    assert Entry.objects.filter(type="log.recovered").count() == 1
    assert len(leaves("grant.revoked")) == len(leaves("partner.deregistered")) == 1


def test_it_says_what_it_would_do_and_does_it_only_when_told(restored: Restored) -> None:
    before = size()
    for words, code in (((), 1), (("--dry-run",), 0)):
        looked = restored.run(*words)
        restored.look()
        assert looked.returncode == code
        assert "1 × grant withdrawn by its owner" in looked.stdout
        assert "Nothing was changed" in looked.stdout + looked.stderr
        assert size() == before
        assert not Entry.objects.filter(type="log.recovered").exists()

    done = restored.run("--yes")

    assert done.returncode == 0, done.stderr
    assert "Recovered." in done.stdout
    said, planned = done.stdout.splitlines(), looked.stdout.splitlines()
    assert (
        said[: planned.index("Shut for everybody:")]
        == planned[: planned.index("Shut for everybody:")]
    )
    restored.look()
    need_continued(signed_hashes())


def test_a_changed_bundle_changes_nothing(restored: Restored) -> None:
    path = anchor.directory() / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"grant.withdrawn", b"grant.suspended"))
    refused = restored.run("--yes")
    restored.look()
    assert refused.returncode == 1
    assert "not what was signed" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not Entry.objects.filter(type="log.recovered").exists()
    assert Partner.objects.exclude(epoch=1).count() == 0


def test_a_checkpoint_that_we_never_signed_changes_nothing(restored: Restored) -> None:
    # Whoever can write the anchor's files could have any pod erased by an invented leaf.
    said = anchor.signed()
    assert said is not None
    forged = notes.sign(said.text, said.origin, [Ed25519PrivateKey.generate()])
    anchor.write("signed", forged.encode())
    refused = restored.run("--yes")
    assert refused.returncode == 1
    assert "never signed" in refused.stderr
    assert "Traceback" not in refused.stderr
