"""Clocks of the jurisdiction profiles: data that must be whole, and the soonest of those that bind."""

from datetime import UTC, date, datetime, timedelta

import holidays
import pytest

from consent import profiles, registration
from consent.models import Grant, Obligation, Partner
from consent.revocation import clocks, escalations
from tests.consent.revocation.conftest import obliged

START = datetime(2026, 11, 20, 3, tzinfo=UTC)  # a Friday at noon in Seoul


def day(text: str) -> datetime:
    """The end of a day in Seoul."""
    return datetime.fromisoformat(text + "T15:00+00:00")


@pytest.mark.rule("clocks as data for KR, KR-credit, CDR and GDPR to begin with", "issue 3")
@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_says_all_that_an_obligation_needs(name: str) -> None:
    profile = profiles.load(name)
    stages = profile["clocks"]["attest_escalate"]
    assert profile["id"] == name
    assert profile["sources"] and profile["binds"]
    assert {"ko", "en"} == set(profile["label"])
    assert stages[0] == profile["clocks"]["attest"]
    dues = [clocks.escalation_due(START, stage, [name]) for stage in (1, 2, 3)]
    assert dues == sorted(dues)  # type: ignore[type-var]
    assert clocks.escalation_due(START, 4, [name]) is None
    assert profile["calendar"]["country"] in holidays.list_supported_countries()
    assert date.fromisoformat(profile["checked_on"]) <= date.today()


def test_what_ships_is_what_was_asked_for_and_no_law_has_two_meanings() -> None:
    assert profiles.names() == ("cdr", "gdpr", "kr", "kr-credit")
    codes = [law["code"] for name in profiles.names() for law in profiles.load(name)["laws"]]
    assert len(codes) == len(set(codes))


@pytest.mark.rule("10.1: only profiles that bind this owner or this partner apply", "consent.md")
@pytest.mark.parametrize(
    ("country", "declared", "bound"),
    [
        ("KR", [], ("kr",)),
        ("KR", ["kr-credit"], ("kr", "kr-credit")),
        ("AU", [], ("kr", "cdr")),
        ("DE", [], ("kr", "gdpr")),
        ("US", ["gdpr", "cdr", "../kr"], ("kr",)),  # a country cannot be declared
    ],
)
def test_a_partner_is_bound_by_its_owners_its_country_and_what_it_declared(
    country: str, declared: list[str], bound: tuple[str, ...]
) -> None:
    assert Partner(country=country, declared_profiles=declared).bound_by == bound


def test_a_registration_takes_exactly_the_profiles_that_can_be_declared() -> None:
    taken = registration.schema()["properties"]["declared_profiles"]["items"]["enum"]
    assert set(taken) == profiles.declarable()


@pytest.mark.rule("10.1: answers come soonest", "consent.md")
@pytest.mark.parametrize(
    ("bound", "dues"),
    [
        (["kr"], ("2026-11-27", "2026-12-04", "2027-01-05")),
        (["gdpr"], None),
        # 신용정보법 시행령 제32조 제3항: one month, where the house's own clock would take longer.
        (["kr", "kr-credit"], ("2026-11-27", "2026-12-04", "2026-12-21")),
        (["kr", "gdpr"], ("2026-11-27", "2026-12-04", "2027-01-05")),
    ],
)
def test_of_all_that_bind_the_soonest_counts(
    bound: list[str], dues: tuple[str, ...] | None
) -> None:
    found = tuple(clocks.escalation_due(START, stage, bound) for stage in (1, 2, 3))
    if dues is None:
        assert found[0] == datetime(2026, 12, 21, 23, tzinfo=UTC)  # in Brussels
        return
    assert found == tuple(map(day, dues))
    assert clocks.attest_due(START, bound) == found[0]


@pytest.mark.rule("민법", "제160조, 제161조")
@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-11-16", 1, "2026-12-16"),
        ("2026-11-20", 1, "2026-12-21"),  # the 20th is a Sunday
        ("2027-01-29", 1, "2027-03-02"),  # no 29th; the 28th is a Sunday, 1 March a holiday
        ("2026-08-25", 1, "2026-09-28"),  # Chuseok, then a weekend
        ("2026-12-30", 2, "2027-03-02"),
    ],
)
def test_a_month_ends_with_the_day_of_the_same_number_or_the_next_business_day(
    start: str, months: int, end: str
) -> None:
    noon = datetime.fromisoformat(start + "T03:00+00:00")
    assert clocks.after_months(noon, months) == day(end)


@pytest.mark.django_db
def test_a_credit_institution_is_flagged_after_a_month(grant: Grant) -> None:
    Partner.objects.filter(pk=grant.partner_id).update(declared_profiles=["kr-credit"])
    grant = Grant.objects.get(pk=grant.pk)
    (owed,) = obliged(grant)
    flagged = clocks.escalation_due(owed.opened_at, 3, ["kr", "kr-credit"])
    assert flagged and flagged < (clocks.escalation_due(owed.opened_at, 3) or flagged)

    for moment in (owed.due_at, flagged - timedelta(seconds=1)):
        escalations.escalate_overdue(moment)
    assert Obligation.objects.get().escalation == 2
    escalations.escalate_overdue(flagged)
    assert Obligation.objects.get().escalation == 3
