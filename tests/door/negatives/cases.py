"""The particular lines: over-asking, mass assignment, over-exposure, foreign names in bodies."""

from collections.abc import Iterator
from typing import Any

from tests import cast
from tests.door.negatives.table import Case

INVALID = "request-invalid"
RRN = "900101-1234567"  # nobody's
CANARY = "CANARY"
NOBODY = "00000000-0000-4000-8000-000000000000"
# What an object of ours has and no caller may set; the second half is what others' APIs obey.
ASSIGNED: tuple[dict[str, Any], ...] = (
    {"id": NOBODY}, {"partner": CANARY}, {"partner_id": NOBODY}, {"client": CANARY},
    {"pod": NOBODY}, {"owner": CANARY}, {"epoch": 99}, {"ended_at": None}, {"paused_at": None},
    {"is_admin": True}, {"role": "operator"}, {"level": 3}, {"source": "owner"},
)  # fmt: skip
EXPOSED: tuple[dict[str, Any], ...] = (
    {"sort": "-id"}, {"order_by": "pod__owner__email"}, {"filter": {"owner": CANARY}},
    {"where": "1=1"}, {"include": "owner"}, {"expand": ["pod"]}, {"count": True},
    {"limit_to": CANARY}, {"offset": 0}, {"page": 1}, {"record_id": NOBODY}, {"ids": [NOBODY]},
    {"pod__owner__email": CANARY}, {"explain": True}, {"debug": True},
)  # fmt: skip
BODIES = ("requests", "journeys", "reads", "reads/batch", "changes", "contributions")
READS = ("reads", "changes")


def particular() -> Iterator[Case]:
    """Lines that belong to one route, or to those that have a body."""
    yield from _bodies()
    yield from _assigned()
    yield from _exposed()
    yield from _foreign_subjects()
    yield from _not_granted()
    yield from _over_asked()
    yield from _cursors()
    yield from _attestations()
    yield from _keys()


def _bodies() -> Iterator[Case]:
    for route in (*BODIES, "events/poll"):
        for name, raw in (("a list", b"[]"), ("text", b'"CANARY"'), ("a number", b"7")):
            yield Case(name=name, route=route, raw=raw, status=422, code=INVALID)


def _assigned() -> Iterator[Case]:
    for route in BODIES:
        for change in ASSIGNED:
            yield Case(name=f"assigning {next(iter(change))}", route=route, change=change,
                       status=422, code=INVALID)  # fmt: skip


def _exposed() -> Iterator[Case]:
    for route in (*READS, "reads/batch"):
        for change in EXPOSED:
            yield Case(name=f"asking with {next(iter(change))}", route=route, change=change,
                       status=422, code=INVALID)  # fmt: skip


def _foreign_subjects() -> Iterator[Case]:
    for route in (*READS, "contributions"):
        yield Case(name="another brand's customer", route=route, who="other", status=404,
                   code="not-found")  # fmt: skip
        yield Case(name="nobody", route=route, change={"subject": CANARY}, status=404,
                   code="not-found")  # fmt: skip
        yield Case(name="an id of the house", route=route, change={"subject": "the pod"},
                   status=404, code="not-found")  # fmt: skip
        yield Case(name="a grant's id", route=route, change={"subject": "the grant"},
                   status=404, code="not-found")  # fmt: skip
        yield Case(name="a mail address", route=route, change={"subject": "the mail"},
                   status=404, code="not-found")  # fmt: skip
        yield Case(name="a customer of another grant", route=route, who="narrowed", status=404,
                   code="not-found")  # fmt: skip


def _not_granted() -> Iterator[Case]:
    for route in READS:
        for name, change, code in (
            ("another category", {"category": "itinerary"}, "not-granted"),
            ("a category that nobody has", {"category": CANARY}, "not-granted"),
            ("another purpose", {"purpose": "dpv:Marketing"}, "purpose-mismatch"),
            ("a purpose that nobody has", {"purpose": CANARY}, "purpose-mismatch"),
            ("a field that was left out", {"fields": ["check_in"]}, "not-granted"),
            ("a granted field and another", {"fields": ["hotel", "check_in"]}, "not-granted"),
        ):  # fmt: skip
            yield Case(name=name, route=route, change=change, status=403, code=code)
        yield Case(name="a field that nobody has", route=route, change={"fields": [CANARY]},
                   status=422, code=INVALID)  # fmt: skip
    yield Case(name="reading what was paused", route="reads", who="paused", status=403,
               code="grant-paused")  # fmt: skip
    yield Case(name="reading what has ended", route="reads", change={"subject": "the ended"},
               status=403, code="grant-ended")  # fmt: skip
    yield Case(name="bringing what was granted for reading", route="contributions",
               change={"category": "itinerary", "record": {}}, status=403, code="not-granted")  # fmt: skip


def _over_asked() -> Iterator[Case]:
    item = cast.make_item
    for name, change, code in (
        ("a purpose of others", {"purpose": "dpv:DirectMarketing"}, "purpose-not-registered"),
        ("a category too many", {"items": [item("health")]}, "category-not-registered"),
        ("a category that nobody has", {"items": [item(CANARY)]}, "category-unknown"),
        ("a field that nobody has", {"items": [item(fields=[CANARY])]}, "field-unknown"),
        ("the same twice", {"items": [item(), item()]}, "item-repeated"),
        ("a residents' number", {"partner_ref": "900101-1234568"}, "resident-number"),
    ):  # fmt: skip
        yield Case(name=name, route="requests", change=change, status=422, code=code)
    yield Case(name="nothing at all", route="requests", change={"items": []}, status=422,
               code="zero-items")  # fmt: skip
    yield Case(name="asking while barred", route="requests", who="barred", status=403,
               code="requests-barred")  # fmt: skip
    yield Case(name="leading an alliance of others", route="journeys", who="other", status=422,
               code="alliance-not-led")  # fmt: skip
    yield Case(name="leading what is none", route="journeys", change={"alliance": NOBODY},
               status=422, code="alliance-not-led")  # fmt: skip


def _cursors() -> Iterator[Case]:
    for name, cursor in (("made up", CANARY), ("empty", ""), ("of another brand", "the other's"),
                         ("of another category", "another category's")):  # fmt: skip
        yield Case(name=f"a cursor {name}", route="changes", change={"cursor": cursor}, status=422,
                   code="cursor-refused")  # fmt: skip
    for limit in (0, -1, 10**9, "1", True):
        yield Case(name=f"{limit!r} at once", route="changes", change={"limit": limit}, status=422,
                   code=INVALID)  # fmt: skip


def _attestations() -> Iterator[Case]:
    route = "obligations/<uuid:obligation_id>/attestation"
    for name, raw, reason in (
        ("no JWS", b"CANARY", "malformed"),
        ("without a signature", b"eyJhbGciOiJub25lIn0.e30.", "malformed"),
        ("too large", b"a" * 20_000, "too_large"),
    ):
        yield Case(name=name, route=route, raw=raw, status=422, code="attestation-refused",
                   reason=reason)  # fmt: skip


def _keys() -> Iterator[Case]:
    for route in ("requests", "journeys", "contributions"):
        for name, key in (
            ("none", ""),
            ("too long", "x" * 65),
            ("in Korean", "\u00ed\u0095\u009c"),
        ):
            yield Case(name=f"an idempotency key: {name}", route=route,
                       headers={"Idempotency-Key": key}, status=422, code=INVALID)  # fmt: skip
    for route, code in (
        ("requests", "resident-number"),
        ("journeys", "resident-number"),
        ("contributions", "rrn-found"),
        ("contributions/bulk", "rrn-found"),
    ):
        yield Case(name="an idempotency key: a resident number", route=route,
                   headers={"Idempotency-Key": RRN}, status=422, code=code)  # fmt: skip
    for route in ("reads", "reads/batch"):
        yield Case(name="an idempotency key: a resident number", route=route,
                   change={"idempotency_key": RRN}, status=422, code="rrn-found")  # fmt: skip
