"""Answers that only the client's own key opens, each bound to its grant and event."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from cryptography.exceptions import InvalidTag
from django.core.management import CommandError, call_command
from django.utils import timezone

from consent import client_keys, partners, registration
from consent.access import batch, calls, changes, reading
from consent.exceptions import NotGranted, RequestInvalid
from consent.models import Client, Grant
from consent.oauth import tokens
from keys import envelopes
from keys.exceptions import EnvelopeKeyInvalid
from tests import cast
from tests.consent.access.conftest import STAY
from tests.keys.test_envelopes import a_key, opened, text
from tests.leaves import leaves
from vault import pods
from vault.models import Pod

pytestmark = pytest.mark.django_db
JKT = "s" * 43


class Receiver:
    """A brand that registered a key, opening answers as the guide says."""

    def __init__(self, client: Client, suite: str) -> None:
        self.client, self.suite = client, suite
        self.key, self.private = a_key(suite)
        partners.set_sealing_key(client, self.key, cast.OPERATOR)
        self.token = tokens.digest(tokens.issue(client, jkt=JKT))

    def open(self, answer: dict[str, Any]) -> dict[str, Any]:
        names = (
            str(self.client.partner_id), self.client.client_id,
            answer["grant"]["id"], answer["event"],
        )  # fmt: skip
        info = envelopes.info(self.suite, [name.encode() for name in names])
        box = answer["sealed"]
        assert (box["suite"], box["kid"]) == (self.suite, "1")
        blob = base64.urlsafe_b64decode(box["data"] + "=" * (-len(box["data"]) % 4))
        found: dict[str, Any] = orjson.loads(opened(self.suite, self.private, blob, info))
        return found


@pytest.fixture(params=envelopes.SUITES)
def receiver(request: pytest.FixtureRequest, hotel: Client) -> Receiver:
    return Receiver(hotel, request.param)


@pytest.fixture
def grant(pod: Pod, hotel: Client) -> Grant:
    pods.put(pod, "stay", STAY)
    return cast.make_grant(pod, hotel)


def body(grant: Grant) -> dict[str, Any]:
    return {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}


def wire(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(answer, option=orjson.OPT_UTC_Z))
    return found


def test_a_read_is_sealed_and_opens_for_the_client(receiver: Receiver, grant: Grant) -> None:
    answer = wire(reading.read(receiver.token, calls.parse(body(grant)), proof_jkt=JKT))

    assert "records" not in answer
    assert "Maru Hotel" not in json.dumps(answer)
    assert answer["grant"]["state"] == "live"
    (record,) = receiver.open(answer)["records"]
    assert record["data"]["room"] == "1204"
    assert leaves("record.read")[0]["id"] == answer["event"]


def test_every_door_seals(receiver: Receiver, grant: Grant) -> None:
    call = body(grant)
    feed = wire(changes.read(receiver.token, changes.parse(call), proof_jkt=JKT))
    many = {"subjects": [call.pop("subject")], **call}
    (one,) = batch.read(receiver.token, batch.parse(many), proof_jkt=JKT)

    for answer, name in ((feed, "changes"), (wire(one), "records")):
        assert "Maru Hotel" not in json.dumps(answer)
        assert "Maru Hotel" in json.dumps(receiver.open(answer)[name])


def test_a_counted_read_in_a_batch_is_sealed_too(receiver: Receiver, pod: Pod) -> None:
    pods.put(pod, "stay", STAY)
    given = cast.make_grant(pod, receiver.client, frequency={"count": 9, "unit": "record"})
    call = body(given)
    many = {"subjects": [call.pop("subject")], **call}
    (one,) = batch.read(receiver.token, batch.parse(many), proof_jkt=JKT)

    assert "sealed" in one
    assert "records" not in one


def test_an_answer_that_is_passed_off_as_another_does_not_open(
    receiver: Receiver, grant: Grant
) -> None:
    one, other = (
        wire(reading.read(receiver.token, calls.parse(body(grant)), proof_jkt=JKT))
        for _ in range(2)
    )
    with pytest.raises(InvalidTag):
        receiver.open(other | {"sealed": one["sealed"]})


def test_a_refusal_is_in_clear(receiver: Receiver, grant: Grant) -> None:
    call = calls.parse(body(grant) | {"category": "itinerary"})
    with pytest.raises(NotGranted):
        reading.read(receiver.token, call, proof_jkt=JKT)


def test_without_a_key_answers_come_in_clear(token: bytes, grant: Grant) -> None:
    answer = reading.read(token, calls.parse(body(grant)))
    assert "records" in answer
    assert "sealed" not in answer


# Registering -------------------------------------------------------------------------
def test_a_key_makes_the_client_one_of_level_three_and_is_an_entry(hotel: Client) -> None:
    key, _ = a_key()
    before = hotel.partner.epoch
    partners.set_sealing_key(hotel, key, cast.OPERATOR)
    partners.set_sealing_key(hotel, key, cast.OPERATOR)

    hotel.refresh_from_db()
    hotel.partner.refresh_from_db()
    assert (hotel.level, hotel.sealing_key) == (3, key)
    assert hotel.partner.epoch == before + 1
    (changed,) = leaves("partner.changed")
    assert changed["reason"] == "sealing-key"


def test_another_key_takes_the_place_of_the_first(hotel: Client, grant: Grant) -> None:
    first, second = Receiver(hotel, envelopes.SUITES[0]), Receiver(hotel, envelopes.SUITES[0])
    answer = wire(reading.read(second.token, calls.parse(body(grant)), proof_jkt=JKT))

    assert second.open(answer)["records"]
    with pytest.raises(InvalidTag):
        first.open(answer)


def test_a_bad_key_changes_nothing(hotel: Client, tmp_path: Path) -> None:
    with pytest.raises(EnvelopeKeyInvalid):
        partners.set_sealing_key(hotel, {"suite": "x"}, cast.OPERATOR)
    with pytest.raises(EnvelopeKeyInvalid):
        cast.make_client(sealing_key={"suite": "x"})
    file = tmp_path / "key.json"
    for content in (
        "{",
        '{"suite": "x"}',
        json.dumps({"suite": envelopes.SUITES[0], "kid": "1", "key": text(bytes(32))}),
    ):
        file.write_text(content)
        with pytest.raises(CommandError):
            call_command("set_sealing_key", hotel.client_id, str(file))
    with pytest.raises(CommandError):
        call_command("set_sealing_key", "nobody", str(file))
    hotel.refresh_from_db()
    assert (hotel.level, hotel.sealing_key) == (1, None)


def test_the_operator_sets_it_by_a_command(hotel: Client, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(a_key()[0]))
    call_command("set_sealing_key", hotel.client_id, str(file))

    hotel.refresh_from_db()
    assert hotel.level == 3


@pytest.mark.rule("keys rotate with overlap", "issue, onboarding")
def test_from_a_moment_on_answers_are_sealed_to_the_next_key(hotel: Client, grant: Grant) -> None:
    old, (key, private) = Receiver(hotel, envelopes.SUITES[0]), a_key()
    at = timezone.now() + timedelta(minutes=2)
    client_keys.change_sealing_key(hotel, key | {"kid": "2"}, cast.OPERATOR, at=at)

    def asked() -> dict[str, Any]:
        return wire(reading.read(old.token, calls.parse(body(grant)), proof_jkt=JKT))

    with time_machine.travel(at - timedelta(seconds=1), tick=False):
        assert old.open(asked())["records"]
    with time_machine.travel(at, tick=False):
        answer = asked()
    assert answer["sealed"]["kid"] == "2"
    answer["sealed"]["kid"], old.private = "1", private
    assert old.open(answer)["records"]
    (changed,) = leaves("client.changed")
    assert changed["reason"] == "sealing-key"


def test_a_first_key_counts_at_once_and_a_bad_one_never(hotel: Client) -> None:
    at = timezone.now()
    for key in (a_key()[0], {"suite": "x"}):
        with pytest.raises(EnvelopeKeyInvalid):
            client_keys.change_sealing_key(hotel, key, cast.OPERATOR, at=at)
    hotel.refresh_from_db()
    assert (hotel.level, hotel.sealing_key) == (1, None)


def test_a_third_key_does_not_bring_the_first_one_back(hotel: Client) -> None:
    partners.set_sealing_key(hotel, a_key()[0] | {"kid": "1"}, cast.OPERATOR)
    past, future = timezone.now(), timezone.now() + timedelta(hours=1)
    for kid, at in (("2", past), ("3", future)):
        client_keys.change_sealing_key(hotel, a_key()[0] | {"kid": kid}, cast.OPERATOR, at=at)
    kept = Client.objects.get(pk=hotel.pk).sealing_key
    assert kept is not None
    assert [envelopes.in_use(kept, now)["kid"] for now in (past, future)] == ["2", "3"]


def test_a_registration_may_bring_it_along() -> None:
    made = cast.make_client_with_key()
    one = {"name_ko": "가", "name_en": "A", "jwks": made.client.jwks, "sealing_key": a_key()[0]}
    document = {
        "legal_name_ko": "가", "legal_name_en": "A", "registration_number": "1", "address": "가",
        "country": "KR", "officer_name": "가", "officer_phone": "02-0", "officer_mail": "a@b.example",
        "privacy_url": "https://a.example/", "kind": "company", "clients": [one],
        "purposes": [{
            "purpose": cast.PURPOSE, "title_ko": "가", "title_en": "A", "max_expiry_days": 1,
            "categories": {"stay": {"actions": ["read"]}, "adult": {"actions": ["read"]}},
            "max_retention_days": 1, "access_modes": ["may_store"],
        }],
    }  # fmt: skip
    (client,) = registration.register(document, cast.OPERATOR).clients
    assert (client.level, client.sealing_key) == (3, one["sealing_key"])

    one["sealing_key"] = one["sealing_key"] | {"key": text(bytes(32))}
    with pytest.raises(RequestInvalid) as refused:
        registration.register(document, cast.OPERATOR)
    assert [at for at, _ in refused.value.problems] == ["/clients/0/sealing_key"]


def test_the_guides_own_lines_open_an_answer(hotel: Client, grant: Grant) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "api-many.md").read_text()
    (code,) = [part.split("```")[0] for part in guide.split("```python\n")[1:]]
    names: dict[str, Any] = {}
    exec(code, names)
    receiver = Receiver(hotel, envelopes.SUITES[0])
    answer = wire(reading.read(receiver.token, calls.parse(body(grant)), proof_jkt=JKT))

    found = names["opened"](answer, receiver.private, str(hotel.partner_id), hotel.client_id)

    assert orjson.loads(found) == receiver.open(answer)
