"""A sandbox is never taken for a vault, nor the other way round."""

import re
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from accounts.adapter import AccountAdapter
from examples.demo.processes import ProcessFailed, Vault
from examples.demo.staff import until
from sandbox import guarding
from sandbox.marking import HEADER, Marked
from tests import cast
from tests.sandbox.conftest import Practice


def said(tmp_path: Path, *command: str, **environment: str) -> str:
    """What a command says that must fail."""
    made = Vault(tmp_path, **environment)
    with pytest.raises(ProcessFailed) as failed:
        made.manage(*command)
    return str(failed.value)


@pytest.mark.rule("never possible in production by accident", "issue 4")
def test_without_the_setting_there_is_no_such_command(tmp_path: Path) -> None:
    assert "Unknown command: 'sandbox'" in said(tmp_path, "sandbox", "--seed-only")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"VAULT_ENV": "production"}, "VAULT_SANDBOX must be 0 in production."),
        ({"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}, "no mail leaves it"),
        ({"VAULT_LOG_ORIGIN": "vault.example/log"}, "ends in /sandbox in a sandbox and nowhere"),
    ],
)
def test_a_sandbox_does_not_start_with(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    assert sentence in said(tmp_path, "sandbox", VAULT_SANDBOX="1", **environment)


def test_a_vault_does_not_take_a_sandboxs_name(tmp_path: Path) -> None:
    told = said(tmp_path, "check", VAULT_LOG_ORIGIN="vault.example/sandbox")
    assert "ends in /sandbox in a sandbox and nowhere else" in told


@pytest.mark.rule("refuses to start on a database that has real customers", "issue 4")
@pytest.mark.django_db
def test_a_database_with_customers_is_no_sandbox(settings: Any) -> None:
    settings.SANDBOX = True
    guarding.need_sandbox()
    cast.make_owner("approves@sandbox.example")
    guarding.need_sandbox()
    cast.make_owner("somebody@mail.test")
    with pytest.raises(guarding.NotASandbox, match="not invented"):
        guarding.need_sandbox()


@pytest.mark.django_db
def test_a_vault_that_is_none_is_no_sandbox(settings: Any) -> None:
    with pytest.raises(guarding.NotASandbox, match="VAULT_SANDBOX=1"):
        guarding.need_sandbox()


def test_neither_serves_on_the_others_database(practice: Practice, tmp_path: Path) -> None:
    """By the name of the log, which stands in the database and in every checkpoint."""
    database = practice.vault.environment.get(
        "DATABASE_URL", f"sqlite:///{practice.vault.folder / 'vault.sqlite3'}"
    )
    keyring = str(practice.vault.folder / "keyring")
    other = Vault(tmp_path, DATABASE_URL=database, VAULT_KEYRING=keyring)
    with pytest.raises(ProcessFailed) as failed:
        other.manage("serve", "--no-web")
    assert "/sandbox" in str(failed.value)

    (tmp_path / "real").mkdir()
    real = Vault(tmp_path / "real")
    real.manage("first_run")
    _sequence(real)
    wrong = Vault(real.folder, VAULT_SANDBOX="1")
    with pytest.raises(ProcessFailed) as failed:
        wrong.manage("sandbox", "--seed-only")
    assert "the log of a vault that is no sandbox" in str(failed.value)


def _sequence(vault: Vault) -> None:
    """Serve long enough for the log to have its name."""
    vault.start()
    try:
        until(vault.checkpoint.exists, "a checkpoint")
    finally:
        vault.stop()


@pytest.mark.rule("marked SANDBOX on every page and in metadata", "issue 4")
def test_every_answer_says_where_it_comes_from(practice: Practice) -> None:
    with urllib3.PoolManager(retries=False) as http:
        for path in ("/account/login/", "/account/signup/", "/link/", "/no/such/page",
                     "/oauth/authorize?client_id=x&request_uri=y"):  # fmt: skip
            page = http.request("GET", practice.vault.origin + path)
            assert page.headers[HEADER] == "1", path
            assert page.headers["Content-Type"].startswith("text/html")
            assert b"<strong>SANDBOX</strong>" in page.data, path
            assert int(page.headers["Content-Length"]) == len(page.data)
        style = re.search(rb'href="([^"]*banner.css)"', page.data)
        assert style is not None
        assert http.request("GET", practice.vault.origin + style[1].decode()).status == 200
        for name in ("oauth-authorization-server", "oauth-protected-resource"):
            told = http.request("GET", f"{practice.vault.origin}/.well-known/{name}")
            assert told.json()["consent_vault_sandbox"] is True
            assert told.headers[HEADER] == "1"


def test_only_pages_get_the_banner() -> None:
    for content, kind, marked in (
        (b"<html><body class='x'><p>a</p></body></html>", "text/html; charset=utf-8", True),
        (b"<p>a part of a page</p>", "text/html", False),
        (b'{"<body>": 1}', "application/json", False),
    ):
        answer = HttpResponse(content, content_type=kind)
        told = Marked(lambda _request, answer=answer: answer)(RequestFactory().get("/"))
        assert told[HEADER] == "1"
        assert isinstance(told, HttpResponse)
        assert (b"SANDBOX" in told.content) == marked


@override_settings(SANDBOX=True)
def test_nobody_real_signs_up_there() -> None:
    from django.core.exceptions import ValidationError

    assert AccountAdapter().clean_email("a@practice.example") == "a@practice.example"
    with pytest.raises(ValidationError):
        AccountAdapter().clean_email("a@mail.test")


def test_a_real_vault_says_nothing_of_a_sandbox(client: Any) -> None:
    told = client.get("/.well-known/oauth-authorization-server")
    assert "consent_vault_sandbox" not in told.json()
    assert HEADER not in told.headers
