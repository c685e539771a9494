"""A partner registers a program by itself: once, for the partner and level that an operator named."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from consent import partners, suspensions
from consent.actors import Actor
from consent.models import Client, Partner, RegistrationToken
from consent.oauth import registering, tokens
from consent.recovery import doors
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask, new_key, private_jwk, public_jwk
from tests.leaves import leaves
from tests.threads import errors, together

pytestmark = pytest.mark.django_db
PATH = "/oauth/register"
BACK = "https://hotel.example/back"
WEEK = timedelta(days=7)


@pytest.fixture
def partner() -> Partner:
    return cast.make_partner()


def issue(partner: Partner, level: int = 1, life: timedelta = WEEK) -> str:
    return registering.issue(partner, level=level, life=life, actor=cast.OPERATOR)


def described(**changes: Any) -> dict[str, Any]:
    """What a program says of itself; `...` takes a member away."""
    whole = {
        "client_name": "Maru Hotel · Spa",
        "client_name#ko": "마루호텔 · 스파",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["client_credentials"],
        "jwks": {"keys": [public_jwk(new_key())]},
    }
    return world.with_changes(whole, changes)


def register(door: Browser, token: str | None, body: Any, **more: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    more.setdefault("content_type", "application/json")
    return door.post(PATH, data=raw, headers=headers, **more)


@pytest.mark.rule("a client registers with an initial access token", "RFC 7591, 3")
def test_a_program_registers_itself_and_gets_a_token(door: Browser, partner: Partner) -> None:
    key = new_key()
    answer = register(door, issue(partner), described(jwks={"keys": [public_jwk(key)]}))

    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    client = Client.objects.get()
    said = answer.json()
    assert said["client_id"] == client.client_id
    assert abs(said["client_id_issued_at"] - world.time.time()) < 60
    assert (said["client_name#ko"], said["client_name#en"]) == (
        "마루호텔 · 스파",
        "Maru Hotel · Spa",
    )
    assert said["grant_types"] == ["client_credentials"]
    assert said["dpop_bound_access_tokens"] is False
    assert "client_secret" not in said
    assert (client.partner, client.level) == (partner, 1)
    assert ask(door, Brand(client, key).form()).status_code == 200


def test_on_level_2_a_browser_may_come_back_and_tokens_are_bound(
    door: Browser, partner: Partner
) -> None:
    body = described(
        redirect_uris=[BACK],
        dpop_bound_access_tokens=True,
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
    )
    said = register(door, issue(partner, level=2), body).json()
    assert said["redirect_uris"] == [BACK]
    assert said["grant_types"] == ["authorization_code", "client_credentials", "refresh_token"]
    assert said["dpop_bound_access_tokens"] is True
    client = Client.objects.get()
    assert (client.level, client.redirect_uris) == (2, [BACK])


def test_it_is_entered_who_issued_and_who_registered(door: Browser, partner: Partner) -> None:
    register(door, issue(partner), described())
    (issued,) = leaves("partner.changed")
    assert (issued["reason"], issued["actor"]["role"]) == ("registration-token-issued", "operator")
    assert not {"opens", "closes"} & issued.keys()
    (registered,) = leaves("client.registered")
    assert registered["actor"]["role"] == "partner"
    assert registered["actor"]["partner"] == partner.ref


def test_what_is_not_known_is_ignored(door: Browser, partner: Partner) -> None:
    extra = {
        "software_id": "x",
        "logo_uri": "http://169.254.169.254/",
        "client_secret": "s",
        "level": 3,
    }
    said = register(door, issue(partner), described(**extra)).json()
    assert not extra.keys() & said.keys()
    assert Client.objects.get().level == 1


@pytest.mark.rule("주민등록번호 is neither stored nor requested", "consent.md 11.4")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_name#ko": "마루 900101-1234567"},
        {"client_name": "9 0 0 1 0 1 1 2 3 4 5 6 8"},
        {"jwks": {"keys": [public_jwk(new_key(), "900101-1234567")]}},
        {"redirect_uris": [f"{BACK}/900101-1234567"]},
    ],
)
def test_no_program_holds_a_resident_number(door: Browser, partner: Partner, changes: Any) -> None:
    answer = register(door, issue(partner, level=2), described(**changes))
    assert answer.status_code == 400
    assert "resident registration number" in answer.json()["error_description"].lower()
    assert not Client.objects.exists()


META, BACK_ERROR = "invalid_client_metadata", "invalid_redirect_uri"
REFUSED: dict[str, tuple[int, dict[str, Any], str]] = {
    "no name": (1, {"client_name": ...}, META),
    "an empty name": (1, {"client_name#ko": " "}, META),
    "a long name": (1, {"client_name": "x" * 81}, META),
    "a name that is a list": (1, {"client_name": ["x"]}, META),
    "a name with a line break": (1, {"client_name": "Maru\nHotel"}, META),
    "a name that turns direction": (1, {"client_name": "Maru\u202eletoH"}, META),
    "a secret instead of a key": (1, {"token_endpoint_auth_method": "client_secret_basic"}, META),
    "no authentication": (1, {"token_endpoint_auth_method": "none"}, META),
    "another algorithm": (1, {"token_endpoint_auth_signing_alg": "RS256"}, META),
    "keys to be fetched": (1, {"jwks_uri": "https://hotel.example/jwks"}, META),
    "keys to be fetched alone": (1, {"jwks": ..., "jwks_uri": "http://127.0.0.1/"}, META),
    "no keys": (1, {"jwks": {"keys": []}}, META),
    "keys that are none": (1, {"jwks": "CANARY"}, META),
    "a private key": (1, {"jwks": {"keys": [private_jwk(new_key())]}}, META),
    "a scope": (1, {"scope": "everything"}, META),
    "codes on level 1": (1, {"grant_types": ["authorization_code"]}, META),
    "an unknown grant type": (1, {"grant_types": ["password"]}, META),
    "implicit": (2, {"redirect_uris": [BACK], "response_types": ["token"]}, META),
    "codes and nowhere to come back": (2, {"grant_types": ["authorization_code"]}, META),
    "grant types as a text": (1, {"grant_types": "client_credentials"}, META),
    "bound on level 1": (1, {"dpop_bound_access_tokens": True}, META),
    "unbound on level 2": (2, {"dpop_bound_access_tokens": False}, META),
    "bound as a number": (2, {"dpop_bound_access_tokens": 1}, META),
    "a redirect on level 1": (1, {"redirect_uris": [BACK]}, BACK_ERROR),
    "a redirect in clear": (2, {"redirect_uris": ["http://hotel.example/"]}, BACK_ERROR),
    "a redirect with a fragment": (2, {"redirect_uris": [BACK + "#x"]}, BACK_ERROR),
    "a wildcard": (2, {"redirect_uris": ["https://*.example/"]}, BACK_ERROR),
    "redirects as a text": (2, {"redirect_uris": BACK}, BACK_ERROR),
    "a statement": (1, {"software_statement": "a.b.c"}, "unapproved_software_statement"),
}  # fmt: skip


@pytest.mark.rule("what is wrong is named, and nothing is registered", "RFC 7591, 3.2.2")
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_registered_is_refused_and_spends_nothing(
    what: str, door: Browser, partner: Partner
) -> None:
    level, changes, error = REFUSED[what]
    token, before = issue(partner, level), world.refusals("metadata_invalid")
    answer = register(door, token, described(**changes))

    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.content
    assert answer["Cache-Control"] == "no-store"
    said = answer.json()["error_description"]
    assert said.isascii()
    assert not set(said) & {'"', "\\"}
    assert "CANARY" not in said
    assert not Client.objects.exists()
    assert world.refusals("metadata_invalid") == before + 1
    assert register(door, token, described()).status_code == 201


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b"null", b'{"client_name":"a","client_name":"b"}', b"[" * 900,
     b'{"client_name":"' + b"x" * 40_000 + b'"}', b"\xff"],
)  # fmt: skip
def test_a_body_that_is_no_small_object_is_refused(
    raw: bytes, door: Browser, partner: Partner
) -> None:
    answer = register(door, issue(partner), raw)
    assert (answer.status_code, answer.json()["error"]) == (400, META)


def test_a_form_is_no_description(door: Browser, partner: Partner) -> None:
    form = "application/x-www-form-urlencoded"
    answer = register(door, issue(partner), b"client_name=x", content_type=form)
    assert (answer.status_code, answer.json()["error"]) == (400, META)


SHUT: dict[str, Callable[[Partner, str], object]] = {
    "used": lambda _partner, token: registering.register(token, json.dumps(described()).encode()),
    "killed": lambda *_: RegistrationToken.objects.update(killed_at=timezone.now()),
    "of a time before a restore": lambda *_: doors._kill_tokens(timezone.now()),
    "of a suspended partner": lambda partner, _: suspensions.suspend(
        partner, "court-order", Actor.operator()
    ),
    "of a partner that was struck off": lambda *_: Partner.objects.update(
        deregistered_at=timezone.now()
    ),
}


@pytest.mark.rule("a registration token counts once, for a week at most", "issue, onboarding")
@pytest.mark.parametrize("what", SHUT)
def test_a_token_that_is_over_registers_nothing(what: str, door: Browser, partner: Partner) -> None:
    token = issue(partner)
    SHUT[what](partner, token)
    before, clients = world.refusals("registration_token_unknown"), Client.objects.count()
    answer = register(door, token, described())
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert world.refusals("registration_token_unknown") == before + 1
    assert Client.objects.count() == clients


def test_a_token_ends_with_its_days_and_is_forgotten(door: Browser, partner: Partner) -> None:
    token = issue(partner, life=timedelta(days=1))
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)):
        assert register(door, token, described()).status_code == 401
        tokens.purge(timezone.now())
    assert not RegistrationToken.objects.exists()


def test_strangers_register_nothing(door: Browser, partner: Partner) -> None:
    assert register(door, None, described())["WWW-Authenticate"] == "Bearer"
    token = issue(partner)
    digest = tokens.digest(token).hex()
    access = tokens.issue(cast.make_client(partner))
    for shown in ("x", digest, token + "x", access, "", "two words"):
        assert register(door, shown, described()).status_code == 401
    for header in (f"Basic {token}", f"DPoP {token}", token, f"Bearer {token}, Bearer {token}"):
        body = json.dumps(described())
        sent = {"Authorization": header}
        answer = door.post(PATH, body, content_type="application/json", headers=sent)
        assert answer.status_code == 401
    answer = door.post(f"{PATH}?access_token={token}", "{}", content_type="application/json")
    assert answer.status_code == 401


def test_a_registration_token_is_no_access_token(door: Browser, partner: Partner) -> None:
    assert tokens.find(tokens.digest(issue(partner))) is None


def test_the_token_itself_is_kept_nowhere(partner: Partner) -> None:
    value = issue(partner)
    row = RegistrationToken.objects.get()
    assert bytes(row.digest) == tokens.digest(value)
    assert value not in str(RegistrationToken.objects.values().get())


@pytest.mark.parametrize(
    ("level", "life"),
    [(3, WEEK), (0, WEEK), (1, timedelta()), (1, WEEK + timedelta(seconds=1))],
)
def test_no_token_for_more_than_that(level: int, life: timedelta, partner: Partner) -> None:
    with pytest.raises(ValueError, match="7 days"):
        issue(partner, level, life)


def test_the_command_prints_it_once(door: Browser, partner: Partner) -> None:
    said = io.StringIO()
    call_command("issue_registration_token", str(partner.pk), "--level", "1", stdout=said)
    assert register(door, said.getvalue().strip(), described()).status_code == 201
    for wrong in (["--level", "3"], ["--level", "1", "--days", "8"]):
        with pytest.raises(CommandError):
            call_command("issue_registration_token", str(partner.pk), *wrong)
    with pytest.raises(CommandError, match="no partner"):
        call_command("issue_registration_token", str(cast.make_client().pk), "--level", "1")
    partners.suspend(partner, "court-order", cast.OPERATOR)
    with pytest.raises(CommandError, match="suspended"):
        call_command("issue_registration_token", str(partner.pk), "--level", "1")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_four_uses_at_once_one_registers(settings: Settings) -> None:
    token, body = issue(cast.make_partner()), json.dumps(described()).encode()
    outcomes = together(*[lambda: registering.register(token, body)] * 4)
    assert len(errors(outcomes)) == 3
    assert Client.objects.count() == 1
