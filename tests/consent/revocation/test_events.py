"""Events are SETs that anybody with our JWKS can check: RFC 8417, RFC 8935, SSF 1.0 section 4."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from django.test import Client as Browser
from jwcrypto.jwk import JWK, JWKSet
from jwcrypto.jws import JWS

from consent.models import Delivery, Grant, Partner
from consent.revocation import claims, events, sending
from consent.revocation.events import Event, EventType
from keys import signing
from keys.keyring import keyring
from tests import cast
from tests.consent.revocation.conftest import listen, obliged, owed_for, send_all
from tests.consent.revocation.receiver import Brand

VECTORS = Path(__file__).parents[2] / "vectors" / "set"
EXAMPLES = json.loads((VECTORS / "rfc8417-examples.json").read_text())
EXCHANGES = json.loads((VECTORS / "rfc8935-8936-exchanges.json").read_text())
# RFC 8417 section 2.2, and what the Shared Signals Framework adds.
KNOWN = {"iss", "aud", "iat", "jti", "txn", "toe", "sub_id", "events"}


def public() -> dict[str, str]:
    return signing.public_jwk(keyring().signing_key())


@pytest.fixture
def event(grant: Grant, told: Partner) -> Event:
    Delivery.objects.all().delete()
    owed_for(grant)
    (claimed,) = claims.claim(1)
    return claimed.event


def well_formed(claims_: dict[str, Any]) -> bool:
    """What RFC 8417 section 2.2 asks of every SET."""
    return (
        isinstance(claims_["iss"], str)
        and isinstance(claims_["iat"], int)
        and isinstance(claims_["jti"], str)
        and isinstance(claims_["events"], dict)
        and len(claims_["events"]) >= 1
        and all(isinstance(each, dict) for each in claims_["events"].values())
    )


@pytest.mark.rule("RFC 8417", "2.2")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"figure-{one['figure']}")
def test_our_reading_of_the_standard_accepts_its_own_examples(example: dict[str, Any]) -> None:
    claims_ = json.loads("".join(example["text"].replace("\\\n", "").split()))
    assert well_formed(example.get("json") or claims_)


@pytest.mark.django_db
@pytest.mark.rule("RFC 8417", "2.2")
def test_an_event_is_a_set_with_one_event_and_nothing_unknown(event: Event) -> None:
    claims_ = events.claims_of(event)

    assert well_formed(claims_)
    assert set(claims_) == KNOWN
    assert len(claims_["events"]) == 1


@pytest.mark.django_db
@pytest.mark.rule("SSF 1.0", "4.1")
def test_an_event_has_an_explicit_type_no_sub_and_no_expiry(event: Event) -> None:
    header = pyjwt.get_unverified_header(events.build_set(event))
    claims_ = events.claims_of(event)

    assert header == {"alg": "ES256", "typ": "secevent+jwt", "kid": public()["kid"]}
    assert not {"sub", "exp"} & set(claims_)
    assert claims_["sub_id"]["format"] == "opaque"


@pytest.mark.django_db
def test_two_libraries_that_the_vault_does_not_use_verify_our_events(
    event: Event, settings
) -> None:
    compact = events.build_set(event)

    by_jwcrypto = JWS()
    by_jwcrypto.deserialize(compact)
    by_jwcrypto.verify(JWK(**public()))
    by_pyjwt = pyjwt.decode(
        compact,
        pyjwt.PyJWK(public()).key,
        algorithms=["ES256"],
        audience=str(event.partner),
        issuer=settings.ORIGIN,
    )
    assert (
        json.loads(by_jwcrypto.payload) == by_pyjwt == events.claims_of(event, now=by_pyjwt["iat"])
    )


@pytest.mark.django_db
@pytest.mark.rule("RFC 8935", "2.2")
@pytest.mark.parametrize("kind", EventType)
def test_both_libraries_verify_every_kind_of_event_as_it_arrives_with_the_published_keys(
    grant: Grant, told: Partner, listening: Brand, client: Browser, settings, kind: EventType
) -> None:
    Delivery.objects.all().delete()
    delivery = owed_for(grant, kind, obligation=obliged(grant))
    send_all()
    (got,) = listening.got

    keys = client.get("/.well-known/jwks.json").content.decode()

    by_jwcrypto = JWS()
    by_jwcrypto.deserialize(got.body)
    by_jwcrypto.verify(JWKSet.from_json(keys), alg="ES256")
    kid = pyjwt.get_unverified_header(got.body)["kid"]
    by_pyjwt = pyjwt.decode(
        got.body,
        pyjwt.PyJWKSet.from_json(keys)[kid].key,
        algorithms=["ES256"],
        audience=str(told.pk),
        issuer=settings.ORIGIN,
        options={"require": ["iss", "aud", "iat", "jti"]},
    )
    assert json.loads(by_jwcrypto.payload) == by_pyjwt
    assert by_pyjwt["jti"] == str(delivery.pk)
    assert list(by_pyjwt["events"]) == [kind.uri]


@pytest.mark.django_db
def test_an_event_changed_by_one_bit_does_not_verify(event: Event) -> None:
    head, payload, signature = events.build_set(event).split(".")
    raw = bytearray(base64.urlsafe_b64decode(payload + "=="))
    raw[20] ^= 1
    changed = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(
            f"{head}.{changed}.{signature}",
            pyjwt.PyJWK(public()).key,
            algorithms=["ES256"],
            options={"verify_aud": False},
        )


@pytest.mark.django_db
def test_every_attempt_carries_the_same_jti(event: Event) -> None:
    first, second = (events.claims_of(event, now=at) for at in (1_700_000_000, time.time()))
    assert first["jti"] == second["jti"] == str(event.id)


@pytest.mark.django_db
def test_two_brands_cannot_tell_from_txn_that_one_act_reached_both(grant: Grant) -> None:
    Delivery.objects.all().delete()
    other = cast.make_grant(grant.pod)
    Delivery.objects.all().delete()
    owed_for(grant, action="one act")
    owed_for(other, action="one act")
    owed_for(grant, action="one act", epoch=9)

    txns = [
        events.claims_of(claims._claimed(one, grant.pk).event)["txn"]
        for one in Delivery.objects.select_related("partner").order_by("happened_at", "epoch")
    ]

    assert txns[0] != txns[1]
    assert txns[0] == txns[2]
    assert not any("act" in txn for txn in txns)


@pytest.mark.django_db
def test_an_ending_tells_what_is_owed_and_no_person(grant: Grant, told: Partner) -> None:
    Delivery.objects.all().delete()
    owed = obliged(grant)
    owed_for(grant, EventType.GRANT_WITHDRAWN, obligation=owed)

    (claimed,) = claims.claim(1)
    claims_ = events.claims_of(claimed.event)

    (payload,) = claims_["events"].values()
    assert payload["obligations"][0]["id"] == str(owed[0].pk)
    assert payload["obligations"][0]["categories"] == ["stay"]
    said = json.dumps(claims_)
    assert grant.pod.owner.email not in said
    assert grant.pod.owner.ref not in said
    assert grant.pod.ref not in said


@pytest.mark.django_db
@pytest.mark.rule("RFC 8935", "2.1")
def test_a_push_looks_as_the_standard_shows_it(
    event: Event, grant: Grant, listening: Brand
) -> None:
    shown = EXCHANGES["push"]
    listen(grant.partner, listening)

    outcome = sending.post_set(listening.at("/events"), events.build_set(event))

    (got,) = listening.got
    assert got.headers["content-type"] == shown["headers"]["Content-Type"]
    assert got.headers["accept"] == shown["headers"]["Accept"]
    assert got.body.count(".") == shown["body"].count(".") == 2
    assert outcome.accepted


@pytest.mark.rule("RFC 8935", "2.4")
def test_every_error_code_of_the_standard_is_known() -> None:
    assert set(EXCHANGES["push"]["error_codes"]) == sending.ERRORS
