from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from audit.models import Entry
from audit.types import EntryType
from consent import grants
from consent.actors import Actor
from consent.exceptions import RequestsBarred
from consent.models import Client, Delivery, Grant, Obligation
from consent.revocation import clocks, escalations, obligations
from tests import cast
from tests.consent.revocation.conftest import obliged, send_all, was_read
from tests.consent.revocation.receiver import Brand
from tests.leaves import leaves

pytestmark = pytest.mark.django_db


def open_for(grant: Grant, **more: object) -> list[Obligation]:
    with transaction.atomic():
        return obligations.open_for(grant, timezone.now(), **more)  # type: ignore[arg-type]


def entries(prefix: str = "obligation") -> list[str]:
    return list(
        Entry.objects.filter(type__startswith=prefix).order_by("seq").values_list("type", flat=True)
    )


def test_nothing_is_owed_for_a_grant_that_was_never_read(grant: Grant) -> None:
    assert open_for(grant) == []


def test_a_refused_read_leaves_nothing_owed(grant: Grant) -> None:
    was_read(grant, EntryType.RECORD_REFUSED)

    assert open_for(grant) == []


def test_a_read_that_failed_to_open_leaves_nothing_owed(grant: Grant) -> None:
    was_read(grant)
    was_read(grant, EntryType.RECORD_FAILED)

    assert open_for(grant) == []


def test_one_read_that_was_answered_is_enough(grant: Grant) -> None:
    was_read(grant)

    (owed,) = open_for(grant)

    assert (owed.holder, owed.categories) == ("", ["stay"])
    assert entries() == ["obligation.made"]


def test_somebody_elses_read_leaves_nothing_owed(grant: Grant, hotel: Client) -> None:
    was_read(cast.make_grant(cast.make_pod(), hotel))

    assert open_for(grant) == []


def test_what_the_owner_let_the_brand_keep_is_not_owed(grant: Grant) -> None:
    was_read(grant)
    grant.kept_by_consent_at = timezone.now()

    assert open_for(grant) == []


def test_opening_twice_is_once(grant: Grant) -> None:
    was_read(grant)

    open_for(grant)

    assert open_for(grant) == []
    assert Obligation.objects.count() == 1


def test_every_holder_that_was_declared_owes_for_itself(pod, hotel: Client) -> None:
    # The request's own form of a processor is for others to test; a name is what counts here.
    grant = cast.make_grant(pod, hotel)
    grant.request.processors = [{"name": "세탁업체 주식회사"}]
    was_read(grant)

    assert [owed.holder for owed in open_for(grant)] == ["", "세탁업체 주식회사"]


def test_an_item_that_ended_before_is_not_owed_again(pod, hotel: Client) -> None:
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("stay"), cast.make_item("itinerary")])
    was_read(grant)
    open_for(grant, categories=["stay"])
    grant.epoch += 1

    (second,) = open_for(grant)

    assert second.categories == ["itinerary"]


def test_two_items_that_end_at_once_are_owed_together(pod, hotel: Client) -> None:
    grant = cast.make_grant(pod, hotel, items=[cast.make_item("stay"), cast.make_item("itinerary")])
    was_read(grant)
    open_for(grant, categories=["stay"])

    (both,) = open_for(grant, categories=["itinerary"])

    assert both.categories == ["itinerary", "stay"]


def test_ending_through_the_rules_owes_and_tells_and_is_acknowledged(
    told, grant: Grant, owner: Actor, listening: Brand
) -> None:
    was_read(grant)

    grants.end(grant, Grant.EndKind.WITHDRAWN, "", owner)
    send_all()

    owed = Obligation.objects.get()
    assert owed.told_at
    assert owed.acknowledged_at
    assert owed.attested_at is None
    assert entries() == ["obligation.made", "obligation.acknowledged"]
    (uri,) = listening.got[-1].claims["events"]
    assert uri.endswith("/secevent/event-type/grant-withdrawn")


def test_an_end_that_rolls_back_owes_nothing(grant: Grant, owner: Actor) -> None:
    was_read(grant)
    before = Delivery.objects.count()

    def fail() -> None:
        with transaction.atomic():
            grants.end(grant, Grant.EndKind.WITHDRAWN, "", owner)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not Obligation.objects.exists()
    assert Delivery.objects.count() == before


@pytest.mark.rule("민법", "제157조, 제159조")
@pytest.mark.parametrize(
    ("start", "end"),
    [
        # Chuseok 2026 (24 to 26 September) lies between: five days take until 1 October.
        ("2026-09-22T03:00", "2026-10-01T15:00"),
        # A Friday evening in Seoul.
        ("2026-11-20T10:00", "2026-11-27T15:00"),
        # 23:30 UTC is the next day in Seoul, a Saturday.
        ("2026-11-20T23:30", "2026-11-27T15:00"),
        # The new year is one day.
        ("2026-12-30T03:00", "2027-01-07T15:00"),
    ],
)
def test_five_business_days_end_with_the_day_in_seoul(start: str, end: str) -> None:
    began = datetime.fromisoformat(start).replace(tzinfo=UTC)

    due = clocks.attest_due(began)

    assert due == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_what_is_overdue_goes_from_mail_to_barred_to_the_regulator(
    grant: Grant, pod, hotel: Client
) -> None:
    (owed,) = obliged(grant)
    moments = [clocks.escalation_due(owed.opened_at, stage) for stage in (1, 2, 3)]
    assert moments[0] == owed.due_at

    stages = []
    for moment in moments:
        assert moment is not None
        assert escalations.escalate_overdue(moment - timedelta(seconds=1)) == 0
        assert escalations.escalate_overdue(moment) == 1
        assert escalations.escalate_overdue(moment) == 0
        owed.refresh_from_db()
        stages.append((owed.escalation, len(mail.outbox), _barred(hotel)))

    assert stages == [(1, 1, False), (2, 1, True), (3, 1, True)]
    assert entries() == [
        "obligation.made", "obligation.overdue", "obligation.escalated", "obligation.escalated",
    ]  # fmt: skip


def test_a_barred_partner_may_ask_nothing_new(grant: Grant, hotel: Client) -> None:
    (owed,) = obliged(grant)
    for stage in (1, 2):
        escalations.escalate_overdue(clocks.escalation_due(owed.opened_at, stage))
    hotel.refresh_from_db()

    with pytest.raises(RequestsBarred):
        cast.submit(hotel, cast.make_body(cast.make_pod()))


def test_the_mail_to_the_privacy_officer_names_no_person(grant: Grant, hotel: Client) -> None:
    (owed,) = obliged(grant)

    escalations.escalate_overdue(owed.due_at)

    (sent,) = mail.outbox
    assert sent.to == [hotel.partner.officer_mail]
    assert str(owed.pk) in sent.body
    assert grant.pod.owner.email not in sent.body
    assert grant.pairwise not in sent.body


def test_a_mail_that_is_not_taken_is_tried_again_and_does_not_stop_the_rest(
    grant: Grant, settings
) -> None:
    (owed,) = obliged(grant)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1

    assert escalations.escalate_overdue(owed.due_at) == 0
    assert escalations.escalate_overdue(clocks.escalation_due(owed.opened_at, 2)) == 1


def test_many_that_wait_for_a_later_stage_keep_nobody_from_the_last(grant: Grant) -> None:
    (oldest,) = obliged(grant)
    for stage in (1, 2):
        escalations.escalate_overdue(clocks.escalation_due(oldest.opened_at, stage))
    last = clocks.escalation_due(oldest.opened_at, 3)
    assert last is not None
    waiting = [obliged(cast.make_grant())[0] for _ in range(3)]
    Obligation.objects.filter(pk__in=[one.pk for one in waiting]).update(
        opened_at=last - timedelta(days=8), due_at=last - timedelta(days=1), escalation=1
    )

    assert escalations.escalate_overdue(last, limit=2) == 1
    oldest.refresh_from_db()
    assert oldest.escalation == 3


def test_a_brand_whose_officer_takes_no_mail_keeps_no_other_from_being_told(
    grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = cast.make_grant(client=grant.request.client)
    silent = [obliged(each)[0] for each in (grant, same)]
    (other,) = obliged(cast.make_grant())
    tried = []

    def send(message: mail.EmailMessage) -> int:
        tried.append(message.to[0])
        if message.to == [grant.partner.officer_mail]:
            raise OSError
        return 1

    monkeypatch.setattr(mail.EmailMessage, "send", send)
    assert escalations.escalate_overdue(other.due_at, limit=1) == 1

    other.refresh_from_db()
    assert (other.escalation, silent[0].escalation) == (1, 0)
    assert tried == [grant.partner.officer_mail, other.partner.officer_mail]


def test_abandoning_an_obligation_takes_two_persons_and_is_on_record(grant: Grant) -> None:
    (owed,) = obliged(grant)
    one, two = (Actor.operator(cast.make_owner()) for _ in range(2))

    assert obligations.abandon(owed, "brand dissolved", first=one, second=two)

    assert not Obligation.objects.open().exists()
    assert entries()[-2:] == ["obligation.abandoned", "obligation.abandoned"]


def test_a_partner_may_ask_again_once_what_barred_it_is_abandoned(
    grant: Grant, hotel: Client
) -> None:
    (owed,) = obliged(grant)
    for stage in (1, 2):
        escalations.escalate_overdue(clocks.escalation_due(owed.opened_at, stage))
    assert _barred(hotel)
    one, two = (Actor.operator(cast.make_owner()) for _ in range(2))

    obligations.abandon(owed, "brand dissolved", first=one, second=two)

    assert not _barred(hotel)
    assert [told["reason"] for told in leaves("partner.changed")] == [
        "requests-barred", "requests-allowed",
    ]  # fmt: skip


def test_the_list_of_a_partner_holds_nobody_elses(grant: Grant, hotel: Client) -> None:
    obliged(grant)
    obliged(cast.make_grant())

    (one,) = obligations.open_of(hotel.partner)

    assert one["grant"] == str(grant.pk)
    assert one["open_categories"] == ["stay"]


def _barred(client: Client) -> bool:
    client.partner.refresh_from_db()
    return client.partner.requests_barred_at is not None
