"""What owners are told: in the transaction of what happened, sent once a worker comes, no value in it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from audit import sequencer
from consent import alliances, deregistration, erasure, grants, letters
from consent.actors import Actor
from consent.letters import provisions, senders, sending, texts, times
from consent.letters.senders import Message
from consent.letters.wishes import Wishes
from consent.models import Client, Grant, Letter, LetterWish, Obligation
from consent.revocation import escalations
from tests import airport, cast
from tests.consent.grants.test_ending import read_once
from vault.models import Pod

pytestmark = pytest.mark.django_db
Kind = Letter.Kind
HOUSE = Actor.operator()


class Failing:
    """A mail server that takes nothing."""

    def send(self, message: Message) -> None:
        raise OSError("no")


def told(kind: str, **changes: Any) -> list[Letter]:
    return list(Letter.objects.filter(kind=kind, **changes))


def only_mail(kind: str) -> Any:
    Letter.objects.exclude(kind=kind).delete()
    assert sending.send_due() > 0
    (sent,) = mail.outbox
    return sent


def test_a_request_is_told_to_whom_it_reached_and_to_nobody_else(pod: Pod, hotel: Client) -> None:
    cast.make_request(pod, hotel)
    cast.submit(hotel, cast.make_body(subject={"mail": "nobody@example.com"}))
    cast.submit(hotel, cast.make_body())
    (letter,) = [each for each in told(Kind.ASKED) if each.owner is not None]
    assert letter.owner == pod.owner
    # What stands in for a letter to a stranger is no letter to anybody.
    assert not Letter.objects.unsettled().filter(owner=None).exists()


def test_a_journey_is_told_as_one(pod: Pod) -> None:
    airport.make_journey(pod)
    assert len(told(Kind.ASKED)) == 1


def test_ones_own_end_is_proved_once_however_many_ended(pod: Pod, owner: Actor) -> None:
    for _ in range(3):
        cast.make_grant(pod)
    grants.end_all(pod, Grant.EndKind.WITHDRAWN, "", owner)
    (letter,) = told(Kind.WITHDRAWN)
    assert (letter.count, letter.grant) == (3, None)
    assert "3건" in only_mail(Kind.WITHDRAWN).body


def test_what_others_end_is_told_in_one_message_naming_each(pod: Pod) -> None:
    mine = [cast.make_grant(pod), cast.make_grant(pod)]
    for grant in mine:
        deregistration.deregister(grant.partner, HOUSE)
    sent = only_mail(Kind.ENDED)
    for grant in mine:
        assert grant.partner.legal_name_ko in sent.body
    assert "이용 종료" in sent.body


def test_a_new_consent_in_place_of_another_is_no_news(pod: Pod, hotel: Client) -> None:
    cast.make_grant(pod, hotel)
    request = cast.submit(hotel, cast.make_body()).request
    from consent import requests

    requests.bind(request, pod)
    request.refresh_from_db()
    cast.approve(request)
    assert not told(Kind.WITHDRAWN)
    assert not told(Kind.ENDED)


def test_a_journeys_exit_is_proved_once(pod: Pod) -> None:
    journey = airport.make_journey(pod)
    for stop in journey.stops.all():
        cast.approve(stop.request)
    alliances.end_journey(journey, Actor.owner(pod.owner))
    (letter,) = told(Kind.WITHDRAWN)
    assert letter.count == 3


def test_suspending_and_going_on_are_told(grant: Grant) -> None:
    grants.suspend(grant, "court-order", HOUSE)
    grants.unsuspend(grant, "cleared", HOUSE)
    assert len(told(Kind.SUSPENDED)) == len(told(Kind.REINSTATED)) == 1


def test_a_late_brand_is_told_once(grant: Grant, owner: Actor) -> None:
    read_once(grant)
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", owner)
    long_ago = timezone.now() - timedelta(days=60)
    Obligation.objects.update(opened_at=long_ago, due_at=long_ago)
    for _ in range(3):
        escalations.escalate_overdue()
    assert len(told(Kind.OVERDUE)) == 1


@transaction.atomic
def end_and_fail(grant: Grant, owner: Actor) -> None:
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", owner)
    raise ZeroDivisionError


def test_nothing_is_told_of_what_was_rolled_back(grant: Grant, owner: Actor) -> None:
    before = Letter.objects.count()
    with pytest.raises(ZeroDivisionError):
        end_and_fail(grant, owner)
    assert Letter.objects.count() == before


# What a letter says -------------------------------------------------------------------
def all_kinds(grant: Grant) -> dict[str, Letter]:
    grant = Grant.objects.select_related("partner", "request__client").get(pk=grant.pk)
    return {
        kind: Letter(owner=grant.pod.owner, kind=kind, grant=grant, partner=grant.partner)
        for kind in Kind.values
    }


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.rule("at most 90 bytes, no brand and no category on a lock screen", "design/portal.md")
def test_what_a_lock_screen_shows_is_short_and_names_nobody(grant: Grant, language: str) -> None:
    for kind, letter in all_kinds(grant).items():
        letter.owner.language = language
        message = texts.compose([letter])
        assert message.short.startswith("[")
        assert len(message.short.encode()) <= senders.SHORT
        for secret in ("마루호텔", "Maru", "숙박", "Stay"):
            assert secret not in message.short + message.subject, kind
        assert grant.partner.legal_name(language) in message.body, kind
        assert "http" in message.body
        assert "&#" not in message.body


def test_a_letter_is_written_in_its_owners_language(grant: Grant) -> None:
    letter = all_kinds(grant)[Kind.SUSPENDED]
    korean = texts.compose([letter]).body
    letter.owner.language = "en"
    assert korean != texts.compose([letter]).body
    assert "운영자" in korean


def test_of_very_many_things_a_letter_names_some_and_counts_the_rest(grant: Grant) -> None:
    letter = all_kinds(grant)[Kind.ENDED]
    body = texts.compose([letter] * (texts.MOST_LINES + 5)).body
    assert body.count("\n- ") == texts.MOST_LINES
    assert "5" in body


# Sending ------------------------------------------------------------------------------
def test_of_very_many_letters_only_those_are_loaded_that_are_told_one_by_one(
    grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    Letter.objects.all().delete()
    known = {"owner": grant.pod.owner, "kind": Kind.PROVIDED, "grant": grant, "count": 2}
    made = Letter.objects.bulk_create([Letter(**known) for _ in range(texts.MOST_LINES + 15)])
    whole, loaded, compose = texts.compose(made), [], texts.compose

    def watched(letters: list[Letter], **more: int) -> senders.Message:
        loaded.append(len(letters))
        return compose(letters, **more)

    monkeypatch.setattr(texts, "compose", watched)
    assert sending.send_due() == len(made)
    (sent,) = mail.outbox
    assert (sent.body, loaded) == (whole.body, [texts.MOST_LINES])


def test_letters_that_went_while_they_were_claimed_are_no_error(grant: Grant) -> None:
    assert sending._send(uuid4(), Failing()) == 0


def test_a_letter_goes_out_once(grant: Grant) -> None:
    assert sending.send_due() == 1
    assert sending.send_due() == 0
    (sent,) = mail.outbox
    assert sent.to == [grant.pod.owner.email]
    assert Letter.objects.get().sent_at is not None


def test_what_is_leased_by_another_worker_is_left_alone(grant: Grant) -> None:
    soon = timezone.now() + times.LEASE
    Letter.objects.update(lease_token=grant.pk, leased_until=soon)
    assert sending.send_due() == 0
    Letter.objects.update(leased_until=timezone.now())
    assert sending.send_due() == 1


def test_what_was_not_taken_is_tried_again_and_given_up_at_last(grant: Grant) -> None:
    for wait in times.RETRY_AFTER:
        assert sending.send_due(Failing()) == 0
        letter = Letter.objects.get()
        assert letter.due_at >= timezone.now() + wait - timedelta(seconds=5)
        Letter.objects.update(due_at=timezone.now())
    sending.send_due(Failing())
    assert Letter.objects.get().dropped_at is not None
    assert sending.send_due() == 0


def test_nothing_about_anybody_stands_in_a_log_line(
    grant: Grant, caplog: pytest.LogCaptureFixture
) -> None:
    sending.send_due(Failing())
    assert caplog.records
    assert grant.pod.owner.email not in caplog.text
    assert "마루" not in caplog.text


def test_somebody_whose_account_is_closed_gets_nothing(grant: Grant) -> None:
    owner = grant.pod.owner
    owner.is_active = False
    owner.save()
    sending.send_due()
    assert not mail.outbox
    assert Letter.objects.get().dropped_at is not None


def test_old_letters_are_forgotten_and_unsent_ones_are_not(grant: Grant) -> None:
    old = timezone.now() - times.KEPT - timedelta(days=1)
    Letter.objects.update(due_at=old)
    assert sending.forget() == 0
    sending.send_due()
    Letter.objects.update(due_at=old)
    assert sending.forget() == 1


# Wishes -------------------------------------------------------------------------------
def test_whoever_wants_no_proof_of_own_ends_gets_none_and_everything_else(
    grant: Grant, owner: Actor, pod: Pod
) -> None:
    letters.wish(pod.owner, Wishes(wants_own_ends=False))
    grants.end(grant, Grant.EndKind.WITHDRAWN, "", owner)
    grants.suspend(cast.make_grant(pod), "court-order", HOUSE)
    Letter.objects.filter(kind=Kind.ASKED).delete()
    sending.send_due()
    assert [letter.subject for letter in mail.outbox] == ["[내정보금고] 브랜드 이용을 막았어요"]


@pytest.fixture
def track(pod: Pod) -> Grant:
    """A grant over location."""
    client = cast.make_client()
    cast.make_template(client.partner, categories={"track": {"actions": ["read"], "fields": None}})
    return cast.make_grant(pod, client, items=[cast.make_item("track")])


def provide(grant: Grant, category: str = "track") -> None:
    read_once(grant, category)
    sequencer.sequence_once()
    while provisions.note_provisions():
        pass


@pytest.mark.rule("consent.md", "11.5")
def test_each_provision_of_location_is_told_at_once_with_who_when_and_what_for(
    track: Grant, grant: Grant
) -> None:
    provide(track)
    provide(grant, "stay")
    assert len(told(Kind.PROVIDED)) == 1
    body = only_mail(Kind.PROVIDED).body
    assert track.partner.legal_name_ko in body
    assert "맞춤 서비스" in body
    assert str(timezone.localtime().year) in body


def test_of_somebody_who_erased_everything_no_new_letter_is_written(track: Grant, pod: Pod) -> None:
    read_once(track, "track")
    erasure.erase_pod(pod, Actor.owner(pod.owner))
    sequencer.sequence_once()
    while provisions.note_provisions():
        pass
    assert not told(Kind.PROVIDED)


@pytest.mark.rule("consent.md", "11.5")
def test_who_gathers_is_told_every_thirty_days_in_one_message(track: Grant, pod: Pod) -> None:
    letters.wish(pod.owner, Wishes(gathers_location=True))
    for _ in range(3):
        provide(track)
    Letter.objects.exclude(kind=Kind.PROVIDED).delete()
    assert sending.send_due() == 0
    (due,) = set(Letter.objects.values_list("due_at", flat=True))
    since = LetterWish.objects.get().gathered_since
    assert due == since + times.GATHERED_EVERY

    letters.wish(pod.owner, Wishes())
    assert sending.send_due() == 3
    assert len(mail.outbox) == 1


def test_a_provision_is_told_once_though_the_worker_runs_twice(track: Grant) -> None:
    provide(track)
    assert provisions.note_provisions() == 0
    assert len(told(Kind.PROVIDED)) == 1
