"""Tokens: short, hashed at rest, dead when they should be."""

import hashlib
import logging
import threading
from datetime import timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.utils import timezone

from audit.models import Entry
from consent import partners
from consent.models import AccessToken, Partner, SeenAssertion
from consent.oauth import limits, tokens
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask

pytestmark = pytest.mark.django_db


def _token(door: Browser, brand: Brand) -> str:
    answer = ask(door, brand.form())
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


def _probe(door: Browser, header: str | None) -> Any:
    return door.get("/api/probe", headers={"Authorization": header} if header else {})


def _leaves() -> list[dict[str, Any]]:
    return [
        orjson.loads(bytes(leaf))
        for leaf in Entry.objects.order_by("seq").values_list("leaf", flat=True)
    ]


@pytest.mark.rule("bearer tokens ≤ 5 minutes", "consent.md 2.2")
def test_a_token_is_bearer_for_five_minutes(door: Browser, brand: Brand) -> None:
    answer = ask(door, brand.form())
    body = answer.json()
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"
    assert body.keys() == {"access_token", "expires_in", "token_type"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert len(body["access_token"]) == 43


@pytest.mark.rule("tokens are hashed at rest", "issue, item 5")
def test_only_the_sha256_of_a_token_is_stored(door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    stored = AccessToken.objects.get()
    assert bytes(stored.digest) == hashlib.sha256(value.encode()).digest()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert value not in repr(cursor.fetchall()), table


def test_a_token_is_in_no_log_line_even_when_debugging(
    door: Browser, brand: Brand, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        form = brand.form()
        value = ask(door, form).json()["access_token"]
        ask(door, brand.form(token=value), "/oauth/revoke")
    written = caplog.text + "".join(capfd.readouterr())
    assert value not in written
    assert form["client_assertion"] not in written


def test_no_two_tokens_are_alike(door: Browser, brand: Brand) -> None:
    assert len({_token(door, brand) for _ in range(5)}) == 5


def test_a_token_names_its_client(door: Browser, brand: Brand) -> None:
    answer = _probe(door, f"Bearer {_token(door, brand)}")
    assert (answer.status_code, answer.json()) == (200, {"client": brand.client.client_id})


def test_the_scheme_has_no_case(door: Browser, brand: Brand) -> None:
    assert _probe(door, f"bEARER {_token(door, brand)}").status_code == 200


@pytest.mark.parametrize("header", [
    "Bearer", "Bearer ", "Bearer x", "Bearer x y", "Basic eDp5", "Bearer {0},Bearer {0}",
    "Bearer {0}x", "Bearer \x00{0}", "Bearer {0}\n", "{0}", "Token {0}", "Bearer " + "x" * 300,
    "Bearer 한글",
])  # fmt: skip
def test_anything_else_is_401_with_a_pointer(header: str, door: Browser, brand: Brand) -> None:
    answer = _probe(door, header.format(_token(door, brand)))
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:consent-vault:problem:invalid-token"
    where = f'resource_metadata="{world.ISSUER}/.well-known/oauth-protected-resource"'
    challenge = f'error="invalid_token", {where}'
    proof = f'DPoP error="invalid_token", algs="ES256", {where}'
    assert answer["WWW-Authenticate"] == f"Bearer {challenge}, {proof}"


def test_without_a_token_the_challenge_names_no_error(door: Browser, db: None) -> None:
    answer = _probe(door, None)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer resource_metadata=")


def test_a_token_in_the_query_is_never_looked_at(door: Browser, brand: Brand) -> None:
    assert door.get(f"/api/probe?access_token={_token(door, brand)}").status_code == 401


def test_the_digest_itself_opens_nothing(door: Browser, brand: Brand) -> None:
    digest = hashlib.sha256(_token(door, brand).encode()).hexdigest()
    assert _probe(door, f"Bearer {digest}").status_code == 401


def test_an_expired_token_is_refused(door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    with time_machine.travel(timezone.now() + timedelta(seconds=299)):
        assert _probe(door, f"Bearer {value}").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        assert _probe(door, f"Bearer {value}").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda brand: partners.suspend(brand.client.partner, "ground", partners.Operator()),
        lambda brand: partners.revoke_client(brand.client, partners.Operator()),
        lambda brand: Partner.objects.update(deregistered_at=timezone.now()),
    ],
)
def test_tokens_of_the_shut_out_are_refused(change: Any, door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    change(brand)
    assert _probe(door, f"Bearer {value}").status_code == 401


def test_finding_a_caller_takes_one_query(
    door: Browser, brand: Brand, django_assert_num_queries: Any
) -> None:
    value = _token(door, brand)
    with django_assert_num_queries(1):
        _probe(door, f"Bearer {value}")


# Revocation (RFC 7009)


@pytest.mark.rule("a killed token raises the partner's epoch in its transaction", "consent.md 6.3")
def test_killing_a_token_closes_the_partners_epoch(door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    answer = ask(door, brand.form(token=value), "/oauth/revoke")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Cache-Control"] == "no-store"
    assert _probe(door, f"Bearer {value}").status_code == 401
    assert Partner.objects.get().epoch == 2
    # Showing the dead one was refused, which is counted with other strangers' refusals.
    (leaf,) = [each for each in _leaves() if each["type"] != "call.refused"]
    assert (leaf["type"], leaf["closes"], leaf["opens"]) == ("partner.changed", 1, 2)
    assert leaf["reason"] == "token-killed"
    partner = brand.client.partner.ref
    assert leaf["actor"] == {"role": "partner", "partner": partner, "client": brand.client.ref}
    assert leaf["partner"] == partner


def test_killing_twice_is_once(door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    for _ in range(2):
        assert ask(door, brand.form(token=value), "/oauth/revoke").status_code == 200
    assert Partner.objects.get().epoch == 2
    assert len(_leaves()) == 1


def test_a_wrong_hint_changes_nothing(door: Browser, brand: Brand) -> None:
    for hint in ("refresh_token", "access_token", "nonsense"):
        value = _token(door, brand)
        form = brand.form(token=value, token_type_hint=hint)
        assert ask(door, form, "/oauth/revoke").status_code == 200
        assert _probe(door, f"Bearer {value}").status_code == 401


@pytest.mark.rule("unknown and not yours look alike", "consent.md P6")
def test_a_foreign_token_survives_and_nobody_learns_that_it_exists(
    door: Browser, brand: Brand
) -> None:
    other = world.register()
    value = _token(door, brand)
    foreign = ask(door, other.form(token=value), "/oauth/revoke")
    unknown = ask(door, other.form(token="nothing"), "/oauth/revoke")
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert _probe(door, f"Bearer {value}").status_code == 200
    assert not _leaves()


def test_revoking_needs_the_client_and_a_token(door: Browser, brand: Brand) -> None:
    value = _token(door, brand)
    forged = brand.form(brand.assertion(aud="x"), token=value)
    assert ask(door, forged, "/oauth/revoke").json() == world.REFUSAL
    assert ask(door, brand.form(), "/oauth/revoke").json()["error"] == "invalid_request"
    assert _probe(door, f"Bearer {value}").status_code == 200


def test_a_failure_in_the_middle_leaves_the_token_alive(
    door: Browser, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = _token(door, brand)

    def fail(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(partners.log, "append", fail)
    assert ask(door, brand.form(token=value), "/oauth/revoke").json()["error"] == "server_error"
    assert _probe(door, f"Bearer {value}").status_code == 200
    assert Partner.objects.get().epoch == 1


def test_purging_forgets_only_what_is_over(door: Browser, brand: Brand) -> None:
    _token(door, brand)
    assert tokens.purge(timezone.now()) == 0
    assert tokens.purge(timezone.now() + timedelta(minutes=6)) == 2
    assert not AccessToken.objects.exists()
    assert not SeenAssertion.objects.exists()


# Bad requests


@pytest.mark.parametrize(
    ("change", "error", "status"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": "implicit"}, "unsupported_grant_type", 400),
        ({"grant_type": "authorization_code"}, "invalid_request", 400),
        ({"grant_type": ""}, "invalid_request", 400),
        ({"scope": "read"}, "invalid_scope", 400),
        ({"client_secret": "s"}, "invalid_client", 401),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_client", 401),
        ({"client_id": "another"}, "invalid_client", 401),
    ],
)  # fmt: skip
def test_other_requests_get_their_oauth_error(
    change: dict[str, str], error: str, status: int, door: Browser, brand: Brand
) -> None:
    answer = ask(door, brand.form() | change | {"state": "echo-me"})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json().keys() <= {"error", "error_description"}
    assert b"echo-me" not in answer.content
    assert not AccessToken.objects.exists()


def test_client_id_may_stand_beside_the_assertion(door: Browser, brand: Brand) -> None:
    assert ask(door, brand.form(client_id=brand.client.client_id)).status_code == 200


def test_a_second_method_is_refused(door: Browser, brand: Brand) -> None:
    answer = ask(door, brand.form(), headers={"Authorization": "Basic eDp5"})
    assert answer.json() == world.REFUSAL


@pytest.mark.parametrize(
    "twice", ["client_assertion", "client_assertion_type", "client_id", "grant_type"]
)
def test_a_parameter_given_twice_is_refused(twice: str, door: Browser, brand: Brand) -> None:
    form = brand.form(client_id=brand.client.client_id)
    answer = ask(door, [*form.items(), (twice, form[twice])])  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_what_is_no_form_is_an_invalid_request(path: str, door: Browser, brand: Brand) -> None:
    form, before = brand.form(token="x"), world.refusals("too_large")
    as_json = ask(door, orjson.dumps(form), path, content_type="application/json")
    in_query = ask(door, form, f"{path}?state=1")
    huge = ask(door, form | {"filler": "x" * 40_000}, path)
    odd = ask(door, b"\xff\xfe=%zz&&&", path)
    assert "too large" in huge.json()["error_description"]
    assert world.refusals("too_large") == before + 1
    for answer in (as_json, in_query, huge, odd):
        assert answer.status_code in {400, 401}
        assert answer.json()["error"] in {"invalid_request", "invalid_client"}
        assert answer["Cache-Control"] == "no-store"
    got = door.get(path)
    assert (got.status_code, got.json()["error"], got["Allow"]) == (405, "invalid_request", "POST")
    assert not AccessToken.objects.exists()


# The brake


@pytest.mark.rule("unauthenticated calls are rate-limited and metered", "consent.md 6.7")
def test_an_address_that_keeps_failing_is_not_looked_at(
    door: Browser, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_FAILURES", 3)
    for _ in range(3):
        assert ask(door, brand.form("x")).status_code == 401
    answer = ask(door, brand.form())
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert answer.json()["error"] == "temporarily_unavailable"
    assert ask(door, brand.form(), REMOTE_ADDR="198.51.100.7").status_code == 200
    cache.clear()
    assert ask(door, brand.form()).status_code == 200


def test_who_succeeds_is_never_braked(
    door: Browser, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_FAILURES", 3)
    assert all(ask(door, brand.form()).status_code == 200 for _ in range(5))


def test_a_cache_that_is_away_does_not_close_the_door(door: Browser, brand: Brand) -> None:
    away = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1",
    }
    with override_settings(CACHES={"default": away}):
        assert ask(door, brand.form("x")).status_code == 401
        assert ask(door, brand.form()).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.1.1.1", "127.0.0.1"), (1, "9.9.9.9, 1.1.1.1", "1.1.1.1"),
        (2, "9.9.9.9, 1.1.1.1, 2.2.2.2", "1.1.1.1"), (1, "", "127.0.0.1"), (3, "1.1.1.1", "127.0.0.1"),
    ],
)  # fmt: skip
def test_only_our_own_proxies_say_who_calls(
    proxies: int, forwarded: str, address: str, rf: Any, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.post("/oauth/token", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    assert limits.address_of(request) == address


# Two at once


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL (row locks)")
def test_of_two_identical_assertions_at_once_one_gets_a_token() -> None:
    brand = world.register()
    for _ in range(5):
        statuses = _at_once(lambda form: ask(Browser(), form).status_code, brand.form())
        assert sorted(statuses) == [200, 401, 401, 401]
    assert AccessToken.objects.count() == 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL (row locks)")
def test_of_four_kills_at_once_one_raises_the_epoch() -> None:
    brand = world.register()
    value = tokens.issue(brand.client)
    _at_once(lambda client: tokens.kill(value, client), brand.client)
    assert Partner.objects.get().epoch == 2
    assert len(_leaves()) == 1


def _at_once(call: Any, argument: Any) -> list[Any]:
    barrier, results = threading.Barrier(4), []

    def run() -> None:
        try:
            barrier.wait(10)
            results.append(call(argument))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
