"""The first start on one machine, and the first operator."""

import io
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from audit.models import Entry
from keys import keyring


@pytest.mark.django_db(transaction=True)
def test_the_first_run_makes_keys_and_says_where_everything_is(
    settings: Settings, tmp_path: Path
) -> None:
    settings.VAR_DIR, settings.KEYRING_DIR = tmp_path / "var", tmp_path / "var" / "keyring"
    settings.EMAIL_FILE_PATH = str(tmp_path / "var" / "mail")
    keyring.forget()
    said = io.StringIO()
    call_command("first_run", stdout=said)
    made = keyring.keyring().current()
    assert str(tmp_path / "var") in said.getvalue()
    assert "make_operator you@example.com" in said.getvalue()

    # A second run changes nothing.
    keyring.forget()
    call_command("first_run", stdout=said)
    assert keyring.keyring().current() == made


@pytest.mark.django_db
@pytest.mark.rule("Issue 2", "Bad input: a missing root key")
def test_no_new_keyring_is_made_beside_a_database_that_holds_keys(
    settings: Settings, tmp_path: Path
) -> None:
    from tests import cast

    settings.VAR_DIR, settings.EMAIL_FILE_PATH = tmp_path, str(tmp_path / "mail")
    cast.make_owner()
    shutil.rmtree(settings.KEYRING_DIR)
    keyring.forget()
    with pytest.raises(CommandError, match="restore the keyring"):
        call_command("first_run")


def test_production_makes_nothing_by_itself(settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="your own steps"):
        call_command("first_run")


@pytest.mark.django_db
def test_an_operator_is_made_with_a_good_password_and_is_on_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "correct-horse-battery")
    call_command("make_operator", "You@Example.com", stdout=io.StringIO())
    user = User.objects.get(email="you@example.com")
    assert user.is_staff
    assert user.check_password("correct-horse-battery")
    assert {entry.type for entry in Entry.objects.all()} == {"account.made", "role.given"}
    assert "you@example.com" not in str([bytes(entry.leaf) for entry in Entry.objects.all()])
    with pytest.raises(CommandError, match="already"):
        call_command("make_operator", "you@example.com")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "password"), [("nobody", "correct-horse-battery"), ("a@b.example", "short")]
)
def test_a_bad_address_or_password_makes_nobody(
    monkeypatch: pytest.MonkeyPatch, address: str, password: str
) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", password)
    with pytest.raises(CommandError):
        call_command("make_operator", address)
    assert not User.objects.exists()
