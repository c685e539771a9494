"""Attestations and knocks: signed messages that are forged, foreign, stale, replayed or huge."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from audit.models import Entry
from consent import grants
from consent.actors import Actor
from consent.models import Attestation, Grant, Obligation
from tests import cast
from tests.door import brand as brands
from tests.door.brand import Brand, code, segment
from tests.leaves import leaves
from vault.models import Pod

pytestmark = pytest.mark.django_db


@pytest.fixture
def owed(hotel: Brand, call: dict[str, Any], grant: Grant, pod: Pod) -> Obligation:
    assert hotel.read(call).json()["records"]
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    return Obligation.objects.get()


def at(seconds: float) -> int:
    return int(time.time() + seconds)


@pytest.mark.rule("P14: signed messages outside ±15 minutes are refused", "consent.md 9")
@pytest.mark.parametrize(
    ("skew", "status"), [(-14 * 60, 201), (14 * 60, 201), (-16 * 60, 422), (16 * 60, 422)]
)
def test_a_clock_may_differ_by_fifteen_minutes(
    skew: int, status: int, hotel: Brand, owed: Obligation
) -> None:
    assert hotel.attest(owed.pk, iat=at(skew)).status_code == status
    assert Attestation.objects.count() == (status == 201)


FORGED: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "somebody"},
    "another audience": {"aud": "https://elsewhere.example"},
    "another obligation": {"obligation": "00000000-0000-0000-0000-000000000000"},
    "no jti": {"jti": None},
    "a jti that is an object": {"jti": {}},
    "a long jti": {"jti": "x" * 129},
    "no moment": {"iat": None},
    "a moment as text": {"iat": "now"},
    "a moment that is true": {"iat": True},
    "a moment beyond all": {"iat": 1e300},
}
UNACCEPTABLE: dict[str, Any] = {
    "nothing": None, "an empty list": [], "no list": {}, "a text": "deleted", "numbers": [1],
    "an unknown outcome": [{"category": "stay", "outcome": "forgotten"}],
    "a category that is not owed": [{"category": "viewing", "outcome": "deleted"}],
    "a law that does not exist": [{"category": "stay", "outcome": "kept_by_law", "law": "x"}],
    "an unknown member": [{"category": "stay", "outcome": "deleted", "sold": True}],
}  # fmt: skip


@pytest.mark.rule("8.3: replayed, foreign or forged answers change nothing", "consent.md")
def test_what_is_not_a_genuine_attestation_changes_nothing(hotel: Brand, owed: Obligation) -> None:
    for name, changes in FORGED.items():
        answer = hotel.attest(owed.pk, **changes)
        assert (answer.status_code, code(answer)) == (422, "attestation-refused"), name
    for name, outcomes in UNACCEPTABLE.items():
        answer = hotel.attest(owed.pk, outcomes=outcomes)
        assert (answer.status_code, code(answer)) == (422, "request-invalid"), name
    assert not Attestation.objects.exists()
    owed.refresh_from_db()
    assert owed.attested_at is None


@pytest.mark.rule("CDR Rules 2020", "1.18, 4.14")
def test_where_deletion_is_owed_anonymising_is_refused_by_name_and_on_record(
    hotel: Brand, owed: Obligation
) -> None:
    Obligation.objects.filter(pk=owed.pk).update(deletion_only=True)
    (listed,) = hotel.send("GET", "/api/v1/obligations").json()["obligations"]
    assert listed["deletion_only"] is True
    anonymous = [{"category": "stay", "outcome": "anonymised", "method": "k-anonymity"}]

    answer = hotel.attest(owed.pk, outcomes=anonymous)

    assert (answer.status_code, code(answer)) == (422, "request-invalid")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/outcomes/0/outcome"
    assert "deleted, in_backup_until, kept_by_law, never_stored" in error["detail"]
    (refused,) = leaves("call.refused")
    assert (refused["reason"], refused["outcome"]) == ("request-invalid", "refused")
    assert not Attestation.objects.exists()

    assert hotel.attest(owed.pk).status_code == 201
    owed.refresh_from_db()
    assert owed.attested_at is not None


def test_a_message_signed_by_others_or_for_others_is_refused(
    hotel: Brand, other: Brand, owed: Obligation
) -> None:
    genuine = hotel.attestation(owed.pk)
    header, payload, _signature = genuine.split(".")
    thief = Brand(cast.ClientWithKey(hotel.made.client, other.made.key), token=hotel.token)
    none = segment(b'{"alg":"none","typ":"attestation+jwt"}')
    texts = {
        "another key": thief.attestation(owed.pk),
        "no signature": f"{header}.{payload}.",
        "alg none": f"{none}.{payload}.",
        "a cut signature": genuine[:-4],
        "an assertion instead": hotel.assertion(),
        "no JWS": "hello",
        "two parts": f"{header}.{payload}",
        "JSON form": '{"payload":"x","signatures":[]}',
        "not ASCII": "é" * 10,
        "nothing": "",
        "huge": "a" * 200_000,
    }
    for name, text in texts.items():
        answer = hotel.send(
            "POST", f"/api/v1/obligations/{owed.pk}/attestation", text.encode(),
            content_type="application/jwt",
        )  # fmt: skip
        assert answer.status_code in {413, 422}, name
        assert code(answer) in {"attestation-refused", "too-large"}, name
    as_json = hotel.send("POST", f"/api/v1/obligations/{owed.pk}/attestation", {"a": 1})
    assert code(as_json) == "unsupported-media-type"
    assert not Attestation.objects.exists()
    assert Entry.objects.filter(type="obligation.refused").exists()


@pytest.mark.rule("48: a replayed acknowledgement changes nothing", "pods-and-vaults.md 9")
def test_the_same_message_twice_is_once(hotel: Brand, owed: Obligation) -> None:
    text = hotel.attestation(owed.pk).encode()
    path = f"/api/v1/obligations/{owed.pk}/attestation"
    answers = [hotel.send("POST", path, text, content_type="application/jwt") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["attested_at"]
    assert Attestation.objects.count() == 1


# Knocking ----------------------------------------------------------------------------
SKEWS = {
    "a little behind": ({"iat": -8, "exp": 50}, 200),
    "a little ahead": ({"iat": 8, "exp": 68}, 200),
    "too far ahead": ({"iat": 30, "exp": 90}, 401),
    "just over": ({"iat": -70, "exp": -5}, 200),
    "over": ({"iat": -90, "exp": -30}, 401),
    "for an hour": ({"iat": 0, "exp": 3600}, 401),
    "not yet": ({"iat": 0, "exp": 60, "nbf": 30}, 401),
}


@pytest.mark.rule("clock skew", "consent-schemes.md 15, AA_1005")
def test_a_knock_bears_small_differences_of_clocks_only(hotel: Brand) -> None:
    for name, (moments, status) in SKEWS.items():
        answer = hotel.knock(claims={claim: at(offset) for claim, offset in moments.items()})
        assert answer.status_code == status, name


def test_a_knock_in_any_other_form_says_so_in_oauths_words(hotel: Brand) -> None:
    good = "application/x-www-form-urlencoded"
    sends: dict[str, Callable[[], Any]] = {
        "JSON": lambda: hotel.send("POST", "/oauth/token", {"grant_type": "client_credentials"}),
        "nothing": lambda: hotel.send("POST", "/oauth/token", b"", content_type=good),
        "huge": lambda: hotel.send(
            "POST", "/oauth/token", b"a=" + b"x" * 99_999, content_type=good
        ),
        "in the query": lambda: hotel.knock("/oauth/token?grant_type=client_credentials"),
        "another grant": lambda: hotel.knock(grant_type="password"),
        "a scope": lambda: hotel.knock(scope="everything"),
        "a secret": lambda: hotel.knock(client_secret="s"),
        "binary": lambda: hotel.send("POST", "/oauth/token", bytes(range(256)), content_type=good),
        "revoking nothing": lambda: hotel.knock("/oauth/revoke"),
    }
    for name, send in sends.items():
        answer = send()
        assert answer.status_code in {400, 401}, name
        assert answer["Content-Type"] == "application/json", name
        assert answer["Cache-Control"] == "no-store", name
        assert answer.json().keys() <= {"error", "error_description"}, name


def test_after_its_token_is_revoked_a_brand_is_a_stranger(
    hotel: Brand, call: dict[str, Any]
) -> None:
    token = hotel.knock().json()["access_token"]
    inside = Brand(hotel.made, token=token)
    assert inside.read(call).status_code == 200
    assert hotel.knock("/oauth/revoke", token=token).status_code == 200

    for answer in (inside.read(call), inside.ask(cast.make_body()), inside.poll(call["subject"])):
        assert answer.status_code in {401, 404}
    assert inside.read(call).status_code == 401
    assert hotel.read(call).status_code == 200  # its other token lives on
    assert brands.ISSUER


def test_a_brand_that_fails_too_often_is_told_to_wait(hotel: Brand) -> None:
    answers = [hotel.knock(client_assertion="x") for _ in range(65)]

    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0
