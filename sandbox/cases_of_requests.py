"""How each refusal of a request comes about: one rule broken each, everything else as it should be."""

from collections.abc import Iterator
from typing import Any

from django.utils import translation

from consent.alliances import validation
from consent.requests import rules
from sandbox import bodies, states
from sandbox.bodies import advertising, age, days, good, mail
from sandbox.brands import ADVERTISING
from sandbox.calls import NEW, Call, Case, keyed
from sandbox.cases_of_data import DESK
from sandbox.seeding import Seeded
from sandbox.states import item

ASK, JOURNEYS = "/api/v1/requests", "/api/v1/journeys"
RRN = "900101-1234567"  # nobody's


def of_rules(_seeded: Seeded) -> Iterator[Case]:
    """Yield a request for each rule (consent.md, 3.6), under which nobody is ever shown it."""
    for code, body in {**_of_items(), **_of_terms()}.items():
        yield _case(code, _said(rules.SENTENCES[code]), keyed(ASK, body))


def of_asking(_seeded: Seeded) -> Iterator[Case]:
    """Yield what else may be wrong with asking."""
    yield _case("request-invalid", "benefit is missing", keyed(ASK, good(benefit=None)))
    yield _case("request-invalid", "no Idempotency-Key", Call(path=ASK, body=good()))
    reused = (keyed(ASK, good()), keyed(ASK, good(retention_days=7)))
    yield _case("idempotency-key-reused", "the same key, another body", *reused)
    twice = [keyed(ASK, good(subject=mail("ignores"))), _other(good(subject=mail("ignores")))]
    yield Case(code="request-throttled", program=DESK, customer="ignores", calls=tuple(twice),
               why="by mail once a day, unless it was approved")  # fmt: skip
    yield Case(code="requests-barred", program="neujeun", calls=(keyed(ASK, good()),),
               why="an obligation has been unanswered for too long")  # fmt: skip


def of_journeys(seeded: Seeded, ids: dict[str, str]) -> Iterator[Case]:
    """Yield a journey for each rule that journeys add. `ids`: program → client_id."""
    ours, bora = seeded.alliance, ids["bora"]

    def journey(**changes: Any) -> dict[str, Any]:
        return bodies.journey(ours, bora, **changes)

    for code, body in {
        "stop-not-a-member": journey(stops=[bodies.stop(ids["sori"])]),
        "stop-repeated": journey(stops=[bodies.stop(bora), bodies.stop(bora)]),
        "stop-states-subject": journey(stops=[bodies.stop(bora, subject={"link": True})]),
        "journey-past": journey(starts=days(-20), ends=days(-10)),
        "journey-above-year": journey(ends=days(400)),
    }.items():
        yield _case(code, _said(validation.SENTENCES[code]), keyed(JOURNEYS, body))
    yield Case(code="alliance-not-led", program="bora", why="it is led by Maru Hotel",
               calls=(keyed(JOURNEYS, journey()),))  # fmt: skip


def of_attesting(seeded: Seeded) -> Iterator[Case]:
    """Yield what is no attestation."""
    owed = seeded.obligations["ended"]
    forged = Call(path=f"/api/v1/obligations/{owed}/attestation", raw="e30.e30.AAAA",
                  headers={"Content-Type": "application/jwt"})  # fmt: skip
    yield Case(code="attestation-refused", program=DESK, customer="ended", calls=(forged,),
               why="nobody signed it")  # fmt: skip


def _of_items() -> dict[str, dict[str, Any]]:
    ruled = {"ko": f"번호 {RRN}", "en": f"Number {RRN}"}
    unnamed = item("stay", effect_if_refused="feature_missing")
    refused = item("stay", required=False, effect_if_refused="service_refused")
    return {
        "zero-items": good(items=[]),
        "item-repeated": good(items=[item("stay"), item("stay")]),
        "category-unknown": good(items=[item("horoscope")]),
        "category-not-registered": good(items=[item("purchase")]),
        "action-not-registered": good(items=[item("itinerary", action="contribute")]),
        "view-only-read": age(action="contribute"),
        "field-unknown": good(items=[item("stay", fields=["horoscope"])]),
        "field-not-registered": good(items=[item("preferences", fields=["scent"])]),
        "level-too-low": good(items=[item("workout")]),
        "look-only-category": good(items=[item("family_photo")]),
        "service-refused-for-optional": good(items=[refused]),
        "effect-unnamed": good(items=[unnamed]),
        "resident-number": good(items=[item("stay", why=ruled)]),
    }


def _of_terms() -> dict[str, dict[str, Any]]:
    looks = {"access_mode": "look_only", "retention_days": None}
    trip = {"kind": "stay", "ref": "booking-4711"}
    return {
        "session-without-person": good(in_session=True, subject=mail("granted")),
        "purpose-not-registered": good(purpose="dpv:CustomerCare"),
        "access-mode-not-registered": advertising(**looks),
        "retention-missing": good(retention_days=None),
        "retention-of-look-only": good(access_mode="look_only"),
        "retention-above-ceiling": good(retention_days=91),
        "frequency-above-ceiling": advertising(frequency={"count": 2, "unit": "day"}),
        "range-empty": good(range={"since": "2026-02-01", "until": "2026-01-01"}),
        "start-past": good(valid_from=days(-2)),
        "expiry-past": good(expires=days(-2)),
        "expiry-above-ceiling": advertising(expires=days(40)),
        "expiry-above-year": good(expires=days(400)),
        "bound-to-past": good(bound_to=trip | {"ends_at": days(-1)}),
        "at-least-above-asked": good(at_least={"expires": days(90)}),
        "onward-bundled": good(onward=[{"name": "Somebody else"}]),
        "marketing-not-declared": good(
            purpose=ADVERTISING, items=[states.item("interest")], expires=days(20),
            frequency={"count": 1, "unit": "day"},
        ),
    }  # fmt: skip


def _said(sentence: object) -> str:
    with translation.override("en"):
        return str(sentence)


def _other(body: dict[str, Any]) -> Call:
    return Call(path=ASK, body=body, headers={"Idempotency-Key": f"{NEW}-2"})


def _case(code: str, why: str, *calls: Call) -> Case:
    return Case(code=code, program=DESK, why=why, calls=calls)
