"""Keys change with overlap: the new one beside the old, until the old one proves nothing any more."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone

from consent import client_keys, partners
from consent.exceptions import AttestationRefused
from consent.models import AccessToken
from consent.oauth import keysets, signatures, tokens
from consent.oauth.exceptions import KeySetInvalid
from consent.revocation import attestations
from keys.exceptions import EnvelopeKeyInvalid
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask, new_key, public_jwk
from tests.consent.revocation.conftest import obliged
from tests.door import brand as door
from tests.leaves import leaves
from vault.models import Pod

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def brand() -> Brand:
    return world.register()


def with_second_key(brand: Brand) -> Any:
    """Add a key named k2, and return its private half."""
    key = new_key()
    client_keys.add(brand.client, public_jwk(key, "k2"), cast.OPERATOR)
    return key


def signed_by(brand: Brand, kid: str, key: Any) -> str:
    return world.compact(brand.header(kid=kid), brand.claims(), key)


def is_let_in(brand: Brand, kid: str, key: Any) -> bool:
    answer = ask(Browser(), brand.form(signed_by(brand, kid, key)))
    assert answer.status_code == 200 or answer.json() == world.REFUSAL
    return answer.status_code == 200


@pytest.mark.rule("keys rotate with overlap", "issue, onboarding")
def test_both_keys_open_until_the_old_one_is_retired(brand: Brand) -> None:
    new = with_second_key(brand)
    assert is_let_in(brand, "k1", brand.key)
    assert is_let_in(brand, "k2", new)
    at = timezone.now() + HOUR
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=at)
    with time_machine.travel(at - timedelta(seconds=2), tick=False):
        assert is_let_in(brand, "k1", brand.key)
    with time_machine.travel(at, tick=False):
        before = world.refusals("key_unknown")
        assert not is_let_in(brand, "k1", brand.key)
        assert world.refusals("key_unknown") == before + 1
        assert is_let_in(brand, "k2", new)


def test_an_assertion_that_was_signed_before_stops_at_the_moment(brand: Brand) -> None:
    with_second_key(brand)
    early = signed_by(brand, "k1", brand.key)
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    assert ask(Browser(), brand.form(early)).json() == world.REFUSAL


def test_at_once_means_that_its_tokens_die_and_reads_are_decided_anew(brand: Brand) -> None:
    with_second_key(brand)
    value = tokens.issue(brand.client)
    before = brand.client.partner.epoch
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    assert tokens.find(tokens.digest(value)) is None
    brand.client.partner.refresh_from_db()
    assert brand.client.partner.epoch == before + 1
    (changed,) = leaves("partner.changed")
    assert changed["reason"] == "key-retired"


def test_to_come_leaves_tokens_alone(brand: Brand) -> None:
    with_second_key(brand)
    tokens.issue(brand.client)
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=timezone.now() + HOUR)
    assert AccessToken.objects.get().killed_at is None


def test_a_key_whose_moment_is_over_leaves_no_token_to_whoever_had_it(brand: Brand) -> None:
    with_second_key(brand)
    at = timezone.now() + timedelta(seconds=30)
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=at)
    old = tokens.digest(tokens.issue(brand.client))
    with time_machine.travel(at + timedelta(seconds=60), tick=False):
        new = tokens.digest(tokens.issue(brand.client))
        for _twice in range(2):
            client_keys.retire(brand.client, "k1", cast.OPERATOR)
        assert tokens.find(old) is None
        assert tokens.find(new) is not None
    assert len(leaves("partner.changed", reason="key-retired")) == 1


def test_each_change_is_an_entry_that_names_the_key(brand: Brand) -> None:
    new = with_second_key(brand)
    at = timezone.now() + HOUR
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=at)
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=at + HOUR)  # never later
    added, retired = leaves("client.changed")
    assert (added["reason"], retired["reason"]) == ("key-added", "key-retired")
    assert added["key"] == keysets.reference(public_jwk(new))
    assert retired["key"] == keysets.reference(public_jwk(brand.key))
    assert retired["until"][:19] == at.isoformat()[:19]
    assert added["client"] == brand.client.ref


def test_the_last_key_stays_and_a_retired_one_does_not_count(brand: Brand) -> None:
    for _ in range(2):
        with pytest.raises(KeySetInvalid, match="last key"):
            client_keys.retire(brand.client, "k1", cast.OPERATOR)
    with_second_key(brand)
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=timezone.now() + HOUR)
    with pytest.raises(KeySetInvalid, match="last key"):
        client_keys.retire(brand.client, "k2", cast.OPERATOR)
    with pytest.raises(KeySetInvalid, match="no key"):
        client_keys.retire(brand.client, "k3", cast.OPERATOR)
    assert len(leaves("client.changed")) == 2


def test_what_is_to_be_retired_may_be_retired_earlier_and_twice_is_once(brand: Brand) -> None:
    with_second_key(brand)
    client_keys.retire(brand.client, "k1", cast.OPERATOR, at=timezone.now() + HOUR)
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    assert not is_let_in(brand, "k1", brand.key)
    assert len(leaves("client.changed")) == 3


def test_a_key_or_a_name_that_was_ever_there_is_not_taken_again(brand: Brand) -> None:
    with_second_key(brand)
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    for key in (public_jwk(brand.key, "k9"), public_jwk(new_key(), "k1")):
        with pytest.raises(KeySetInvalid):
            client_keys.add(brand.client, key, cast.OPERATOR)
    for key in (None, {}, world.private_jwk(new_key(), "k9")):
        with pytest.raises(KeySetInvalid):
            client_keys.add(brand.client, key, cast.OPERATOR)


def test_five_may_be_in_use_and_retired_ones_take_no_place(brand: Brand) -> None:
    for number in range(2, 6):
        client_keys.add(brand.client, public_jwk(new_key(), f"k{number}"), cast.OPERATOR)
    with pytest.raises(KeySetInvalid, match="5 keys"):
        client_keys.add(brand.client, public_jwk(new_key(), "k6"), cast.OPERATOR)
    client_keys.retire(brand.client, "k1", cast.OPERATOR)
    client_keys.add(brand.client, public_jwk(new_key(), "k6"), cast.OPERATOR)


@pytest.mark.rule("forged answers change nothing", "consent.md 8.3")
def test_a_retired_key_attests_nothing_and_what_it_signed_before_stands(pod: Pod) -> None:
    made = cast.make_client_with_key()
    cast.make_template(made.client.partner)
    first, second = (
        obliged(cast.make_grant(each, made.client))[0] for each in (pod, cast.make_pod())
    )
    at_door = door.Brand(made)
    signed = at_door.attestation(first.pk)
    late = at_door.attestation(second.pk)
    attestations.attest(made.client, first, signed)
    client_keys.add(made.client, public_jwk(new_key(), "k2"), cast.OPERATOR)
    client = client_keys.retire(made.client, made.key.kid, cast.OPERATOR)
    with pytest.raises(AttestationRefused, match="key_unknown"):
        attestations.attest(client, second, late)
    # The evidence can still be checked by the key that made it.
    kept = first.attestations.get().signed
    assert signatures.verify(signatures.parse(kept), client.jwks, types=attestations.TYPES) is None


def test_the_command_lists_adds_and_retires(brand: Brand, tmp_path: Path) -> None:
    file, said, name = tmp_path / "new.json", io.StringIO(), brand.client.client_id
    file.write_text(json.dumps(public_jwk(new_key(), "k2")))
    call_command("client_keys", "add", name, str(file), stdout=said)
    at = (timezone.now() + HOUR).replace(microsecond=0).isoformat()
    call_command("client_keys", "retire", name, "k1", "--at", at, stdout=said)
    shown = io.StringIO()
    call_command("client_keys", "list", name, stdout=shown)
    assert shown.getvalue() == f"k1  retired from {at}\nk2  in use\n"
    for wrong in (["retire", name, "k2"], ["add", name, str(file)], ["list", "nobody"],
                  ["add", name, str(tmp_path / "none")],
                  ["retire", name, "k1", "--at", "2026-01-01T00:00:00"]):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("client_keys", *wrong)


@pytest.mark.rule("주민등록번호 is neither stored nor requested", "consent.md 11.4")
def test_a_key_is_not_named_by_a_resident_number(brand: Brand) -> None:
    with pytest.raises(KeySetInvalid, match="resident registration number"):
        client_keys.add(brand.client, public_jwk(new_key(), "900101-1234567"), cast.OPERATOR)
    key = {"suite": "x25519-sha256-aes256gcm", "kid": "900101-1234567", "key": "A" * 43}
    with pytest.raises(EnvelopeKeyInvalid):
        partners.set_sealing_key(brand.client, key, cast.OPERATOR)
