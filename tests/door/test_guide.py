"""Follows docs/api.md to the letter: every block of JSON in it is sent, and what it promises comes."""

import json
import re
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.utils import timezone
from joserfc.jwk import ECKey, KeySet

from consent import grants, registration
from consent.actors import Actor
from consent.models import AccessRequest, Client, Grant, Obligation
from consent.partners import Operator
from consent.requests import links
from tests import cast, problems
from tests.door.brand import ISSUER, STAY, Brand
from vault import pods
from vault.models import Pod

GUIDE = problems.PATH.read_text(encoding="utf-8")


def example(name: str, **replaced: Any) -> dict[str, Any]:
    """A block of the guide, with what only the moment knows put in."""
    block = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)```", GUIDE, re.S)
    assert block is not None, name
    return json.loads(block[1]) | replaced


@pytest.fixture
def brand(db: None, settings: Any) -> Brand:
    """Sections 1 to 3: a key, a registration, a token."""
    settings.ALLOW_LOOPBACK_ENDPOINTS = True
    key = ECKey.generate_key("P-256", {"kid": "2026-11"})
    body = example("registration")
    body["clients"][0]["jwks"] = KeySet([key]).as_dict(private=False)
    registered = registration.register(body, Operator())
    client = Client.objects.select_related("partner").get(pk=registered.clients[0].pk)
    made = Brand(cast.ClientWithKey(client, key), token="none yet")
    now = int(time.time())
    claims = example("assertion", iss=client.client_id, sub=client.client_id, aud=ISSUER,
                     jti=uuid4().hex, iat=now, exp=now + 60)  # fmt: skip
    answer = made.knock(client_assertion=made.signed(claims, typ="JWT")).json()
    assert answer.keys() == {"access_token", "token_type", "expires_in"}
    assert answer["expires_in"] == 300
    made.token = answer["access_token"]
    return made


def approved(brand: Brand, pod: Pod) -> dict[str, Any]:
    """Sections 4 and 5: the guest opens the link and agrees."""
    soon = (timezone.now() + timedelta(days=60)).isoformat()  # the guide's day will pass
    asked = brand.ask(example("request", expires=soon), key="ask-1")
    assert (asked.status_code, asked.json()["state"]) == (201, "pending")
    link = asked.json()["link"]
    assert {"url", "qr_svg", "code", "expires_at"} <= link.keys()
    found = links.open_link(link["code"], "203.0.113.7")
    cast.approve(links.bind(found, pod))
    told: dict[str, Any] = brand.poll(asked.json()["id"]).json()
    assert told["state"] == "approved"
    return told


@pytest.mark.rule("a guide that a brand's engineer follows in an hour", "docs/api.md")
def test_the_guide_works_from_the_first_line_to_the_last(brand: Brand) -> None:
    pod = cast.make_pod()
    pods.put(pod, "stay", STAY)
    told = approved(brand, pod)
    subject = told["subject"]

    read = brand.read(example("read", subject=subject))
    assert {"event", "grant", "records", "has_more"} == read.json().keys()
    assert {"id", "state", "expires_at", "remaining", "erase_by"} <= read.json()["grant"].keys()
    (record,) = read.json()["records"]
    assert record["data"] == {"room": "1204", "check_in": "2026-11-20"}
    assert {"id", "category", "version", "source", "obtained_at"} <= record.keys()
    given = brand.contribute(example("contribution", subject=subject), key="give-1")
    assert given.status_code == 201

    grants.end(Grant.objects.get(), Grant.EndKind.WITHDRAWN, "owner", Actor.owner(pod.owner))
    ended = brand.read(example("read", subject=subject))
    assert ended.json()["type"] == "urn:consent-vault:problem:grant-ended"
    (owed,) = brand.send("GET", "/api/v1/obligations").json()["obligations"]
    assert {"id", "grant", "categories", "open_categories", "due_at"} <= owed.keys()
    assert ended.json()["obligation"] == owed["id"]
    _attest(brand, owed["id"])


def _attest(brand: Brand, obligation: str) -> None:
    claims = example("attestation", iss=brand.made.client.client_id, aud=ISSUER,
                     iat=int(time.time()), jti=uuid4().hex, obligation=obligation)  # fmt: skip
    answer = brand.send(
        "POST", f"/api/v1/obligations/{obligation}/attestation",
        brand.signed(claims, typ="attestation+jwt").encode(), content_type="application/jwt",
    )  # fmt: skip
    assert answer.status_code == 201
    assert Obligation.objects.get().attested_at is not None
    assert AccessRequest.objects.count() == 1


def test_the_tables_of_errors_are_those_of_the_door() -> None:
    assert problems.written(GUIDE) == GUIDE, "run: python -m tests.problems"


def test_every_address_in_the_guide_exists(db: None) -> None:
    named = set(re.findall(r"`?(?:GET|POST) (/[a-z0-9/.<>-]+)", GUIDE))
    named |= set(re.findall(r"`(/\.well-known/[a-z.-]+)`", GUIDE))
    assert len(named) >= 8
    for path in named:
        answer = Browser().generic("PATCH", re.sub(r"<id>", str(uuid4()), path))
        assert answer.status_code in {401, 405}, path
