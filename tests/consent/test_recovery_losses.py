"""What a backup cannot give back: it stays shut, and the operator reads what it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from audit import log
from audit.models import Detail
from audit.types import EntryType
from consent import client_keys, erasure, grants, requests
from consent.actors import Actor
from consent.exceptions import AlreadyDecided, ConsentError
from consent.models import AccessRequest, Client, Delivery, Grant, Obligation, PurposeTemplate
from consent.recovery import reports
from consent.revocation import obligations
from keys import rotation, tree
from keys.models import Key
from tests import cast
from tests.backups import Taken, lose, recover
from tests.consent.oauth.world import new_key, public_jwk
from tests.consent.restored import LOST, STAY, THREE, WITHDRAWN, fresh
from tests.leaves import leaves
from vault import pods
from vault.models import Pod, Record

pytestmark = pytest.mark.django_db(transaction=True)


@transaction.atomic
def enter(kind: EntryType, **fields: Any) -> None:
    """Append an entry of something for which there is no rule yet, or none without a browser."""
    log.append(log.Draft(**{"type": kind, "role": "operator", **fields}))


# Decisions -----------------------------------------------------------------------------
@pytest.mark.rule("consent.md", "3.7")
def test_a_decision_that_was_made_is_not_made_again(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    declined, cancelled = cast.make_request(pod, hotel), cast.make_request(pod, cast.make_client())
    backup = back_up()
    requests.refuse(declined, actor=owner)
    requests.cancel(cancelled, Actor.of_client(cancelled.client))
    lose(backup)
    recover()
    declined.refresh_from_db()
    assert declined.refused_at is not None
    with pytest.raises(ConsentError):
        cast.approve(AccessRequest.objects.get(pk=cancelled.pk))
    with pytest.raises(AlreadyDecided):
        cast.approve(declined)


def test_an_obligation_that_was_given_up_stays_so_and_a_lost_answer_is_asked_for_again(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    owed = []
    for client in (hotel, cast.make_client()):
        grant = cast.make_grant(pod, client)
        enter(
            EntryType.RECORD_READ, role="partner", grant=grant.ref, epoch=1, partner_epoch=1,
            partner=client.partner.ref, purpose=grant.purpose, categories=("stay",),
            actions=("read",), outcome="ok", person=pod.owner.ref, audit_key=pod.audit_key_id,
        )  # fmt: skip
        grants.end(grant, WITHDRAWN, "", owner)
        owed.append(Obligation.objects.get(grant=grant))
    Obligation.objects.update(due_at=timezone.now() - timedelta(days=1))
    backup = back_up()
    first, second = (
        Actor(role="operator", channel="command", account="a" * 32),
        Actor(role="operator", channel="command", account="b" * 32),
    )
    obligations.abandon(owed[0], "insolvent", first=first, second=second)
    enter(EntryType.OBLIGATION_ATTESTED, role="partner", grant=owed[1].grant.ref,
          obligation=owed[1].ref, outcome="ok")  # fmt: skip
    lose(backup)
    told = Delivery.objects.count()

    recover()

    given_up, asked = (Obligation.objects.get(pk=one.pk) for one in owed)
    assert given_up.abandoned_at is not None
    assert asked.attested_at is None
    assert asked.due_at > timezone.now()
    assert Delivery.objects.count() == told + 1
    again = Delivery.objects.order_by("-happened_at").first()
    assert again is not None
    assert again.claims["payload"]["obligations"][0]["id"] == str(asked.pk)


# Who may do what -----------------------------------------------------------------------
def test_rights_that_were_taken_away_stay_away_and_sessions_end(back_up: Taken) -> None:
    staff = cast.make_owner(is_staff=True, is_superuser=True)
    gone, other = cast.make_owner(), cast.make_owner(is_staff=True)
    Session.objects.create(session_key="k", session_data="", expire_date=timezone.now())
    backup = back_up()
    enter(EntryType.ROLE_REMOVED, account=other.ref, account_object=staff.ref)
    enter(EntryType.ACCOUNT_CLOSED, role="owner", account=gone.ref)
    lose(backup)
    recover()
    for user in (staff, gone, other):
        user.refresh_from_db()
    assert (staff.is_staff, staff.is_superuser) == (False, False)
    assert not gone.is_active
    assert other.is_staff
    assert not Session.objects.exists()


def test_a_purpose_that_was_published_anew_is_not_asked_for_by_its_old_ceilings(
    hotel: Client, back_up: Taken
) -> None:
    backup = back_up()
    cast.make_template(hotel.partner, max_expiry=timedelta(days=1))
    lose(backup)
    found = recover()
    assert not PurposeTemplate.objects.filter(retired_at=None).exists()
    assert (
        f"  {cast.PURPOSE} of {hotel.partner.legal_name_ko} (version 2 or later)"
        in reports.lines(found)
    )


def test_a_key_that_was_retired_is_out_again_and_the_report_names_the_new_one(
    back_up: Taken,
) -> None:
    made = cast.make_client_with_key()
    backup = back_up()
    new = public_jwk(new_key(), "k2")
    client_keys.add(made.client, new, cast.OPERATOR)
    client_keys.retire(made.client, made.key.kid, cast.OPERATOR)
    lose(backup)
    found = recover()
    (key,) = Client.objects.get(pk=made.client.pk).jwks["keys"]
    assert key["exp"] <= timezone.now().timestamp()
    assert any("key change of a client" in line for line in reports.lines(found))
    client_keys.add(made.client, new, cast.OPERATOR)


def test_a_barred_partner_stays_barred_and_a_deregistered_one_out(back_up: Taken) -> None:
    barred, out = cast.make_partner(), cast.make_partner()
    backup = back_up()
    enter(EntryType.PARTNER_CHANGED, role="system", partner_object=barred.ref,
          reason="requests-barred")  # fmt: skip
    enter(EntryType.PARTNER_DEREGISTERED, partner_object=out.ref, closes=1)
    lose(backup)
    recover()
    barred.refresh_from_db()
    out.refresh_from_db()
    assert barred.requests_barred_at is not None
    assert (out.deregistered_at is not None, out.epoch) == (True, 2)


# Grants that the log does not say enough about -------------------------------------------
@pytest.mark.parametrize("kind", [EntryType.GRANT_NARROWED, EntryType.GRANT_CHANGED])
def test_a_change_that_no_leaf_describes_ends_the_grant(
    grant: Grant, back_up: Taken, kind: EntryType
) -> None:
    backup = back_up()
    # Fields and frequency stand in no leaf: which were taken away, only the lost row knew.
    enter(kind, role="system", grant=grant.ref, closes=1, opens=2, purpose=grant.purpose,
          categories=("stay",), actions=("read",), since=grant.valid_from,
          until=grant.stops_at)  # fmt: skip
    lose(backup)
    recover()
    assert (fresh(grant).end_kind, fresh(grant).end_reason) == ("revoked", LOST)
    (end,) = leaves("grant.revoked")
    assert end["closes"] == 2


def test_terms_that_the_row_does_not_have_end_the_grant(
    grant: Grant, owner: Actor, back_up: Taken
) -> None:
    backup = back_up()
    Grant.objects.filter(pk=grant.pk).update(expires_at=grant.expires_at + timedelta(days=1))
    grants.pause(grant, owner)
    grants.resume(grant, owner)
    lose(backup)
    recover()
    assert fresh(grant).end_reason == LOST


def test_a_period_that_was_cut_short_is_cut_short_again(
    grant: Grant, owner: Actor, back_up: Taken
) -> None:
    backup = back_up()
    sooner = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    Grant.objects.filter(pk=grant.pk).update(bound_ends_at=sooner)
    grants.pause(grant, owner)
    grants.resume(grant, owner)
    lose(backup)
    recover()
    assert fresh(grant).is_live
    assert fresh(grant).stops_at == sooner


# Keys ----------------------------------------------------------------------------------
def test_an_audit_key_that_was_destroyed_is_destroyed_again(pod: Pod, back_up: Taken) -> None:
    assert pod.audit_key_id is not None
    pods.put(pod, "preferences", {"pillow": "soft"})
    backup = back_up()
    with transaction.atomic():
        enter(EntryType.KEY_DESTROYED, role="system", key=pod.audit_key_id.hex)
        tree.destroy(pod.audit_key_id)
    lose(backup)
    assert Detail.objects.filter(person=pod.owner.ref).exists()
    recover()
    assert not Key.objects.filter(pk=pod.audit_key_id).exists()
    assert not Detail.objects.filter(person=pod.owner.ref).exists()
    assert Pod.objects.get(pk=pod.pk).audit_key_id is None


def test_nobody_whose_details_were_erased_gets_any_again(
    grant: Grant, pod: Pod, back_up: Taken
) -> None:
    assert pod.audit_key_id is not None
    with transaction.atomic():
        tree.destroy(pod.audit_key_id)
        Pod.objects.filter(pk=pod.pk).update(audit_key_id=None)
        Detail.objects.all().delete()
    backup = back_up()
    grants.end(grant, WITHDRAWN, "", Actor.owner(pod.owner))
    lose(backup)
    recover()
    assert fresh(grant).end_kind == WITHDRAWN
    assert not Detail.objects.filter(person=pod.owner.ref).exists()


@pytest.mark.rule("design/architecture.md", "Erasing")
def test_a_backup_that_is_older_than_its_generation_opens_nothing_and_still_recovers(
    pod: Pod, hotel: Client, owner: Actor, back_up: Taken
) -> None:
    narrowed = cast.make_grant(pod, hotel, items=THREE)
    ended = cast.make_grant(pod, cast.make_client())
    pods.put(pod, "stay", STAY)
    backup = back_up()
    later = datetime.now(UTC) + timedelta(days=8)
    rotation.rotate(force=True)
    rotation.rotate(now=later)
    grants.end_item(narrowed.items.get(category="itinerary"), WITHDRAWN, "", owner)
    erasure.erase_category(pod, "stay", owner)
    grants.end(ended, WITHDRAWN, "", owner)
    lose(backup)

    found = recover()

    assert not Record.objects.filter(category="stay").exists()
    assert fresh(ended).end_kind == WITHDRAWN
    # Its item cannot be taken out of reach without the pod's keys, so all of it is.
    assert fresh(narrowed).end_reason == LOST
    assert any("do not open any more" in line for line in reports.lines(found))


# The report ----------------------------------------------------------------------------
def test_the_report_names_what_is_lost_and_whom_to_ask(
    pod: Pod, hotel: Client, back_up: Taken
) -> None:
    backup = back_up()
    grant = cast.make_grant(pod, hotel)
    enter(
        EntryType.RECORD_READ, role="partner", grant=grant.ref, epoch=1, partner_epoch=1,
        partner=hotel.partner.ref, purpose=grant.purpose, categories=("stay",),
        actions=("read",), outcome="ok",
    )  # fmt: skip
    pods.put(pod, "preferences", {"pillow": "soft"})
    cast.make_pod()
    lose(backup)
    said = "\n".join(reports.lines(recover()))
    assert f"{grant.ref}  given" in said
    assert f"read once by {hotel.partner.legal_name_ko}: ask them to destroy the copies" in said
    assert "1 × pod made: its owner has to sign up again" in said
    assert "1 × time an owner added a record: the values are lost" in said
    assert "Brands get new tokens" in said
