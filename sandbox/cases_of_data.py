"""How each refusal of the doors to data comes about: reads, batches, feeds, contributions."""

from collections.abc import Iterator
from uuid import UUID

from django.conf import settings

from consent.access import batch, limits
from sandbox import bodies
from sandbox.brands import ADVERTISING, PERSONAL
from sandbox.calls import NEW, Call, Case, keyed, read
from sandbox.seeding import Seeded
from sandbox.states import STAY

DESK, APP, PUSHED, FALLEN = "maru-desk", "maru-app", "bora", "sori"
NOBODY = "nobody-whom-we-know"
MOST_LINES = 4001
# As many as may come at once, and one record more than on one day.
BATCH = min(settings.PARTNER_RATE * limits.BURST, batch.MOST)
A_DAY = settings.CONTRIBUTIONS_PER_DAY + 1


def of_reads(seeded: Seeded) -> Iterator[Case]:
    """Yield the refusals that a customer's choice, or the lack of one, leads to."""
    for code, name, why in (
        ("grant-ended", "ended", "she took it back; you owe the destruction of what you read"),
        ("grant-ended", "expired", "its time is over"),
        ("grant-ended", "erased", "she erased everything"),
        ("grant-paused", "paused", "she paused it"),
        ("grant-paused", "all-paused", "she paused all brands"),
        ("grant-paused", "suspended", "the operator suspended it; it looks the same to you"),
        ("not-started", "later", "it begins later"),
        ("budget-spent", "used-up", "its one look is used, and does not come back"),
        ("record-unreadable", "damaged", "her records do not open"),
    ):
        # Right after seeding, the two seconds of the one that expires may not be over.
        seconds = 3 if name == "expired" else 0
        yield _of(code, name, why, _again(read(seeded.subjects[name], PERSONAL), seconds))
    yield from _of_scope(seeded)
    yield from _of_repeats(seeded)


def of_callers(seeded: Seeded) -> Iterator[Case]:
    """Yield the refusals that are about who calls, or how."""
    whose = seeded.subjects["granted"]
    call = {"subject": whose, "category": "stay", "purpose": PERSONAL}
    path = "/api/v1/reads"
    yield _of("invalid-token", "", "no token came", Call(path=path, body=call, shows="none"))
    yield _of("invalid-token", "", "nobody made it", Call(path=path, body=call, shows="made-up"))
    yield Case(code="invalid-token", program=APP, why="a bound token without its proof",
               calls=(Call(path=path, body=call, shows="bearer"),))  # fmt: skip
    yield Case(code="invalid-dpop-proof", program=APP, why="the proof is for another address",
               calls=(Call(path=path, body=call, proof="wrong"),))  # fmt: skip
    narrow = Call(method="GET", path="/api/v1/obligations", shows=seeded.grants["granted"])
    yield _of("token-narrowed", "granted", "the token is for one grant, this is for none", narrow)
    yield Case(
        code="partner-suspended", program=FALLEN, customer="complains",
        why="she complained, and the operator suspended you for 30 seconds",
        calls=(_asks("complains"), _again(read(NOBODY, PERSONAL), 20)),
    )  # fmt: skip
    many = {"subjects": [f"{NOBODY}-{n}" for n in range(BATCH)], "category": "stay"}
    fast = Call(path="/api/v1/reads/batch", body=many | {"purpose": PERSONAL})
    yield Case(code="rate-limited", program="neujeun", why=f"{BATCH} at once, and again",
               calls=(_again(fast, 20),))  # fmt: skip
    poll = Call(path="/api/v1/events/poll", body={"returnImmediately": True})
    yield Case(
        code="events-are-pushed", program=PUSHED, why="your events are pushed", calls=(poll,)
    )


def of_contributions(seeded: Seeded) -> Iterator[Case]:
    """Yield the refusals of what a brand gives."""
    whose = seeded.subjects["granted"]
    good = {"subject": whose, "category": "stay", "purpose": PERSONAL, "record": STAY}
    bulk = "/api/v1/contributions/bulk"
    for code, why, changed in (
        ("record-invalid", "check_in is missing", {"record": {"hotel": "Maru Hotel"}}),
        ("rrn-found", "a resident number", {"record": STAY | {"requests": ["900101-1234567"]}}),
        ("not-granted", "nothing may be added to that", {"category": "itinerary"}),
        ("request-invalid", "a member that is not known", {"more": 1}),
    ):
        yield _of(code, "granted", why, keyed("/api/v1/contributions", good | changed))
    again = good | {"record": STAY | {"room": "7"}}
    first, second = (keyed("/api/v1/contributions", body) for body in (good, again))
    yield _of("idempotency-key-reused", "granted", "the same key, another body", first, second)
    lines = Call(path=bulk, body={}, repeat=MOST_LINES, headers={"Idempotency-Key": NEW})
    yield _of("too-many-records", "", f"{MOST_LINES} lines", lines)
    tiny = good | {"record": {"hotel": "M", "check_in": "2026-11-20"}}
    day = Call(path=bulk, body=tiny, repeat=A_DAY, headers={"Idempotency-Key": NEW})
    yield Case(code="quota-spent", program=DESK, customer="granted", one_of_many=True,
               why=f"{A_DAY} records on one day", calls=(day,))  # fmt: skip


def of_the_house(seeded: Seeded) -> Iterator[Case]:
    """Yield what is nobody's choice: the vault cannot answer."""
    call = read(seeded.subjects["granted"], PERSONAL)
    yield Case(code="keys-away", program=DESK, customer="granted", fault="keys-away",
               why="the root key is not there", calls=(_again(call, 60),))  # fmt: skip
    yield Case(code="try-again", program=DESK, customer="granted", fault="busy",
               why="somebody holds this grant's row", calls=(_again(call, 60),))  # fmt: skip


def _of_scope(seeded: Seeded) -> Iterator[Case]:
    shared, whose = seeded.subjects["granted"], seeded.subjects["fields"]
    yield _of("not-found", "", "we know nobody of this name", read(NOBODY, PERSONAL))
    yield _of("purpose-mismatch", "granted", "she agreed to another purpose",
              read(shared, ADVERTISING))  # fmt: skip
    yield _of("not-granted", "granted", "not this category", read(shared, PERSONAL, "itinerary"))
    yield _of("not-granted", "fields", "not this field", read(whose, PERSONAL, fields=["room"]))
    yield _of("level-too-low", "active", "sensitive data, and you are of level 1",
              read(seeded.subjects["active"], PERSONAL, "workout"))  # fmt: skip
    gone = Call(method="GET", path=f"/api/v1/grants/{seeded.grants['ended']}")
    yield _of("grant-ended", "ended", "a look at a grant that is over", gone)
    foreign = Call(method="GET", path=f"/api/v1/grants/{UUID(int=0)}")
    yield _of("not-found", "", "others' grants do not exist", foreign)
    many = {"subjects": [NOBODY, seeded.subjects["paused"]], "category": "stay"}
    call = Call(path="/api/v1/reads/batch", body=many | {"purpose": PERSONAL})
    yield Case(code="grant-paused", program=DESK, customer="paused", one_of_many=True,
               why="in a batch each is answered by itself", calls=(call,))  # fmt: skip


def _of_repeats(seeded: Seeded) -> Iterator[Case]:
    daily, counted = seeded.subjects["daily"], seeded.subjects["counted"]
    yield _of("budget-spent", "daily", "one look a day: the second one",
              read(daily, PERSONAL), read(daily, PERSONAL))  # fmt: skip
    first = read(counted, PERSONAL, idempotency_key=NEW)
    other = read(counted, PERSONAL, idempotency_key=NEW, fields=["hotel"])
    yield _of("repeat-refused", "counted", "the same key, another body", first, other)
    page = {"subject": seeded.subjects["granted"], "category": "stay", "purpose": PERSONAL}
    feed = Call(path="/api/v1/changes", body=page | {"cursor": "AAAA"})
    yield _of("cursor-refused", "granted", "no cursor of ours", feed)


def _of(code: str, customer: str, why: str, *calls: Call) -> Case:
    return Case(code=code, program=DESK, customer=customer, why=why, calls=calls)


def _asks(name: str) -> Call:
    return keyed("/api/v1/requests", bodies.good(subject=bodies.mail(name)))


def _again(call: Call, seconds: int) -> Call:
    return Call(method=call.method, path=call.path, body=call.body, within=seconds)
