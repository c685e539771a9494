"""The keyring: outside the database, opened once, and clear about what is wrong with it."""

import multiprocessing
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import CommandError, call_command
from django.test import override_settings

from keys import checks, files, keyring, signing, tree
from keys.exceptions import (
    GenerationGone,
    KeyErased,
    KeyFileExposed,
    KeysError,
    ProviderAway,
    RootKeyDestroyed,
    RootKeyMissing,
    RootKeyWrong,
    Tampered,
)
from keys.generations import KEPT_AFTER_NEXT, NEW_EVERY, Keyring
from keys.providers import FileProvider
from keys.store import Store

SECRET = bytes(range(32))


@pytest.fixture
def directory(settings) -> Path:
    return settings.KEYRING_DIR


def root_file(directory: Path) -> Path:
    return next(directory.glob("root-*.key"))


def test_a_key_is_wrapped_under_the_current_generation_and_opens_again():
    ring = keyring.keyring()
    generation, blob = ring.wrap(SECRET, [b"here"])
    assert generation == ring.current()
    assert ring.unwrap(generation, blob, [b"here"]) == SECRET
    with pytest.raises(Tampered):
        ring.unwrap(generation, blob, [b"there"])


def test_the_keyring_is_opened_once_per_process(directory):
    ring = keyring.keyring()
    shutil.rmtree(directory)
    assert keyring.keyring() is ring
    assert ring.wrap(SECRET, [])


def test_every_file_of_a_keyring_is_readable_by_its_owner_only(directory):
    made = [path for path in directory.rglob("*") if path.is_file() and path.name != ".lock"]
    assert len(made) == 6
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(directory, mode):
    root_file(directory).chmod(mode)
    with pytest.raises(KeyFileExposed, match="chmod 600"):
        keyring.keyring()


def test_a_missing_root_key_says_so(directory):
    root_file(directory).unlink()
    with pytest.raises(RootKeyMissing, match="restore"):
        keyring.keyring()


def test_another_root_key_says_so(directory, tmp_path):
    other = FileProvider(tmp_path)
    shutil.copy(tmp_path / f"root-{other.create('other')}.key", root_file(directory))
    with pytest.raises(RootKeyWrong, match="same backup"):
        keyring.keyring()


def test_a_file_that_holds_no_root_key_says_so(directory):
    path = root_file(directory)
    path.unlink()
    files.write(path, {"key": "not base64!"})
    with pytest.raises(RootKeyWrong):
        keyring.keyring()


def test_a_destroyed_root_key_says_so(directory):
    root = root_file(directory).stem.removeprefix("root-")
    FileProvider(directory).destroy(root)
    FileProvider(directory).destroy(root)
    with pytest.raises(RootKeyDestroyed, match="destroyed"):
        keyring.keyring()
    assert not list(directory.glob("root-*.key"))


def test_a_damaged_file_says_which_one(directory):
    (directory / "keyring.json").write_text("{")
    with pytest.raises(KeysError, match=r"keyring\.json is damaged"):
        keyring.keyring()


def test_a_file_that_lacks_a_member_is_damaged_and_shuts_a_running_process(directory):
    ring = keyring.keyring()
    path = next((directory / "generations").iterdir())
    path.write_text('{"id": "x"}')
    assert not ring.reopen()
    keyring.forget()
    with pytest.raises(KeysError, match="is damaged"):
        keyring.keyring()


def test_a_keyring_without_generations_is_not_taken_for_an_empty_one(directory):
    for path in (directory / "generations").iterdir():
        path.unlink()
    with pytest.raises(GenerationGone):
        keyring.keyring()


def test_a_provider_that_cannot_be_read_is_away(directory):
    shutil.rmtree(directory)
    directory.write_text("in the way")
    with pytest.raises(ProviderAway):
        keyring.keyring()


def test_a_provider_that_goes_away_shuts_everything_until_it_is_back(directory, tmp_path):
    ring = keyring.keyring()
    generation, blob = ring.wrap(SECRET, [])
    directory.rename(tmp_path / "unmounted")
    assert not ring.reopen()
    for attempt in (
        lambda: ring.wrap(SECRET, []),
        lambda: ring.unwrap(generation, blob, []),
        lambda: ring.secret("x"),
        ring.signing_key,
        ring.log_key,
    ):
        with pytest.raises(ProviderAway):
            attempt()
    (tmp_path / "unmounted").rename(directory)
    assert ring.reopen()
    assert ring.unwrap(generation, blob, []) == SECRET


def test_the_background_look_notices_and_stops_when_told(settings, directory, tmp_path):
    settings.KEYRING_REOPEN_EVERY = timedelta(milliseconds=5)
    looked = threading.Event()
    ring = keyring.keyring()
    ring.reopen = looked.set
    assert looked.wait(10)
    assert [thread.name for thread in threading.enumerate()].count("keys") == 1
    keyring.forget()
    keyring.keyring()
    assert [thread.name for thread in threading.enumerate()].count("keys") == 1
    keyring.stop_watching()
    assert "keys" not in [thread.name for thread in threading.enumerate()]


def test_a_generation_made_by_another_process_is_found_at_once(directory):
    here = keyring.keyring()
    elsewhere = Keyring(directory, FileProvider(directory))
    elsewhere.ensure_generation(force=True)
    generation, blob = elsewhere.wrap(SECRET, [])
    assert generation != here.current()
    assert here.unwrap(generation, blob, []) == SECRET
    assert here.current() == generation


def test_a_generation_that_is_gone_says_so():
    with pytest.raises(GenerationGone):
        keyring.keyring().unwrap(uuid4().hex, b"", [])


def test_a_new_generation_is_made_when_it_is_due_and_not_before():
    ring = keyring.keyring()
    first, now = ring.current(), datetime.now(UTC)
    assert ring.ensure_generation(now=now) == first
    second = ring.ensure_generation(now=now + NEW_EVERY)
    assert second != first
    assert ring.ensure_generation(now=now + NEW_EVERY) == second


def test_a_clock_that_went_back_does_not_reorder_generations():
    ring = keyring.keyring()
    ahead = ring.ensure_generation(now=datetime.now(UTC) + timedelta(days=400))
    newest = ring.ensure_generation(now=datetime.now(UTC), force=True)
    assert [generation.id for generation in ring.generations()][1:] == [ahead, newest]


def test_no_generation_lives_longer_than_the_promise_to_backups():
    longest = NEW_EVERY + KEPT_AFTER_NEXT
    assert longest <= timedelta(days=14)


def test_the_current_generation_is_never_retired():
    ring = keyring.keyring()
    with pytest.raises(ValueError, match="never retired"):
        ring.retire(ring.current())


def test_derived_secrets_differ_by_name_and_survive_rotation_and_restart():
    ring = keyring.keyring()
    pairwise = ring.secret("pairwise")
    assert len(pairwise) == 32
    assert pairwise != ring.secret("cursor")
    ring.ensure_generation(force=True)
    keyring.forget()
    assert keyring.keyring().secret("pairwise") == pairwise


def test_the_log_key_is_the_same_after_a_restart():
    first = keyring.keyring().log_key().public_key().public_bytes_raw()
    keyring.forget()
    assert keyring.keyring().log_key().public_key().public_bytes_raw() == first


def test_the_signing_key_is_a_p256_jwk_and_its_public_half_says_nothing_private():
    jwk = keyring.keyring().signing_key()
    assert (jwk["kty"], jwk["crv"], jwk["alg"]) == ("EC", "P-256", "ES256")
    assert set(jwk) - set(signing.public_jwk(jwk)) == {"d"}
    assert keyring.keyring().signing_key() == jwk


def test_a_jwk_is_what_another_library_makes_of_the_same_key():
    from joserfc.jwk import ECKey

    jwk = keyring.keyring().signing_key()
    imported = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y", "d")})
    assert imported.thumbprint() == jwk["kid"]
    assert isinstance(imported.private_key, ec.EllipticCurvePrivateKey)


# Making ------------------------------------------------------------------------------
def _create(directory: Path, start, answers) -> None:
    start.wait()
    with override_settings(KEYRING_DIR=directory, KEYRING_REOPEN_EVERY=None):
        # A process of its own, forked from a test: it must not touch the parent's database.
        keyring._refuse_beside_old_keys = lambda directory: None
        answers.put(keyring.create_if_missing().secret("agree"))


def test_two_processes_that_start_at_once_agree(tmp_path):
    fork = multiprocessing.get_context("fork")
    start, answers = fork.Barrier(3), fork.Queue()
    given = (tmp_path / "new", start, answers)
    processes = [fork.Process(target=_create, args=given, daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    assert len({answers.get(timeout=60) for _ in processes}) == 1
    for process in processes:
        process.join(60)
    assert len(list((tmp_path / "new").glob("root-*.key"))) == 1


def test_a_start_that_was_killed_before_the_manifest_starts_over(tmp_path):
    store = Store(tmp_path / "ring", FileProvider(tmp_path / "ring"))
    store.create(datetime.now(UTC))
    (tmp_path / "ring" / "keyring.json").unlink()
    assert not store.exists
    store.create(datetime.now(UTC))
    assert Keyring(tmp_path / "ring", FileProvider(tmp_path / "ring")).current()
    assert len(list((tmp_path / "ring").glob("unfinished-*"))) == 2


def test_a_file_is_never_replaced(tmp_path):
    files.write(tmp_path / "one", {"a": "1"})
    with pytest.raises(FileExistsError):
        files.write(tmp_path / "one", {"a": "2"})
    assert files.read(tmp_path / "one") == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_key_moves_from_one_root_key_to_another(tmp_path):
    provider = FileProvider(tmp_path)
    old, new = provider.create("old"), provider.create("new")
    moved = provider.rewrap(old, provider.wrap(old, SECRET, [b"x"]), new, [b"x"])
    provider.destroy(old)
    assert provider.unwrap(new, moved, [b"x"]) == SECRET


@pytest.mark.django_db
def test_make_keyring_makes_one_and_a_second_run_changes_nothing(settings, tmp_path, capsys):
    settings.KEYRING_DIR = tmp_path / "fresh"
    call_command("make_keyring")
    made = keyring.keyring().current()
    keyring.forget()
    call_command("make_keyring")
    assert keyring.keyring().current() == made
    assert str(tmp_path / "fresh") in capsys.readouterr().out


@pytest.mark.django_db
def test_a_lost_keyring_beside_a_used_database_is_never_replaced(settings, tmp_path):
    tree.make_pod_key(uuid4())
    settings.KEYRING_DIR = tmp_path / "lost"
    keyring.forget()
    with pytest.raises(RootKeyMissing, match="the database holds keys"):
        keyring.create_if_missing()
    with pytest.raises(CommandError, match="the database holds keys"):
        call_command("make_keyring")
    assert not list((tmp_path / "lost").glob("root-*"))


@pytest.mark.django_db
def test_a_destroyed_key_alone_also_counts_as_a_used_database(settings, tmp_path):
    key_id = tree.make_pod_key(uuid4())
    tree.destroy(key_id)
    assert isinstance(tree.missing(key_id), KeyErased)
    settings.KEYRING_DIR = tmp_path / "lost"
    keyring.forget()
    with pytest.raises(RootKeyMissing):
        keyring.create_if_missing()


# Checks ------------------------------------------------------------------------------
def test_a_keyring_in_order_passes_the_check():
    assert checks.keyring_opens() == []


@pytest.mark.parametrize(("production", "expected"), [(True, "keys.E001"), (False, "keys.I001")])
def test_no_keyring_stops_production_and_is_mentioned_elsewhere(
    settings, tmp_path, production, expected
):
    settings.KEYRING_DIR, settings.PRODUCTION = tmp_path / "none", production
    (found,) = checks.keyring_opens()
    assert found.id == expected
    assert "make_keyring" in found.msg


def test_a_root_key_gone_from_a_keyring_stops_every_start(directory):
    root_file(directory).unlink()
    (found,) = checks.keyring_opens()
    assert found.id == "keys.E001"


def test_an_exposed_root_key_stops_every_start(directory):
    root_file(directory).chmod(0o644)
    (found,) = checks.keyring_opens()
    assert found.id == "keys.E002"


def test_an_overdue_generation_is_warned_of(settings, tmp_path):
    settings.KEYRING_DIR = tmp_path / "old"
    old = datetime.now(UTC) - timedelta(days=15)
    Store(tmp_path / "old", FileProvider(tmp_path / "old")).create(old)
    (found,) = checks.keyring_opens()
    assert found.id == "keys.W001"
