"""The receipt of a consent: what ISO/IEC TS 27560 asks for, and no value."""

import json

import pytest

from consent import grants, receipts
from consent.actors import Actor
from consent.models import Client, Grant
from tests import cast
from vault import pods
from vault.models import Pod

CANARY = "메밀 베개 7f3a"


@pytest.mark.rule("ISO/IEC TS 27560", "6: consent receipt")
def test_a_receipt_names_parties_purpose_data_notice_and_how_to_withdraw(
    pod: Pod, hotel: Client
) -> None:
    pods.put(pod, "preferences", {"note": CANARY})
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("preferences")])
    made = receipts.receipt(grant, "en")

    assert made["record_id"] == str(grant.pk)
    assert made["party_identification"][0]["party_name"] == hotel.partner.legal_name_en
    processing = made["pii_processing"]
    assert processing["privacy_notice"]["sha256"] == grant.notice_id
    assert processing["pii_information"][0]["dpv"]
    assert processing["withdrawal_method"]
    assert made["event"][0]["event_state"] == "dpv:ConsentGiven"
    assert CANARY not in json.dumps(made, ensure_ascii=False)
    assert pod.owner.email not in json.dumps(made)


def test_a_receipt_after_the_end_says_how_it_ended(grant: Grant, owner: Actor) -> None:
    ended = grants.end(grant, "withdrawn", "", owner)
    states = [event["event_state"] for event in receipts.receipt(ended)["event"]]
    assert states == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
