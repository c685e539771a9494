"""Says in plain words what was lost, what came back, and what an operator has to do now."""

from collections.abc import Iterator
from typing import NamedTuple

from consent.models import Grant, Partner, PurposeTemplate
from consent.recovery.plans import Plan
from consent.recovery.states import LOST, GrantState
from keys.keyring import keyring
from keys.models import Key

# Lost entries whose change can be done again, by type; a line counts them: "3 × pod erased".
DONE_AGAIN = {
    "grant.withdrawn": "grant withdrawn by its owner",
    "grant.revoked": "grant revoked",
    "grant.expired": "grant expired",
    "grant.consumed": "grant consumed",
    "grant.superseded": "grant superseded",
    "grant.invalidated": "grant invalidated",
    "grant.item_ended": "item of a grant ended",
    "grant.paused": "grant paused",
    "grant.resumed": "grant resumed",
    "grant.suspended": "grant suspended",
    "grant.reinstated": "grant reinstated",
    "retention.given": "time that an owner let a brand keep its copies",
    "retention.withdrawn": "time that an owner took that back",
    "pod.erased": "pod erased",
    "category.erased": "category erased",
    "pod.paused": "pod paused",
    "pod.resumed": "pod resumed",
    "partner.suspended": "partner suspended",
    "partner.reinstated": "partner reinstated",
    "partner.deregistered": "partner deregistered",
    "partner.changed": "change of a partner",
    "request.declined": "request declined",
    "request.cancelled": "request cancelled",
    "request.expired": "request expired",
    "key.destroyed": "key destroyed",
    "hold.destroyed": "hold destroyed",
    "role.removed": "role removed",
    "account.closed": "account closed",
}
# Lost entries that tell of something which only the lost rows held, and what follows.
GONE = {
    "pod.made": "pod made: its owner has to sign up again",
    "account.made": "account made: it has to be made again",
    "account.changed": "account changed (password, passkeys): the old ones work again; warn its owner",
    "record.added": "time an owner added a record: the values are lost",
    "record.changed": "time an owner changed a record: the older values are back",
    "record.imported": "import: the values are lost",
    "record.contributed": "contribution of a brand: the values are lost",
    "record.deleted": "record deleted: its category is hidden from brands",
    "record.hidden": "record hidden: its category is hidden from brands",
    "request.made": "request made: the brand has to ask again",
    "request.approved": "approval: the request is closed, the brand may ask again",
    "client.registered": "client registered: register it again",
    "client.changed": "key change of a client: retired ones are out again, add the new ones again",
    "purpose.published": "purpose published: publish it again",
    "rule.made": "standing rule made: its owner has to make it again",
    "role.given": "role given: give it again",
    "obligation.attested": "signed answer about copies received: the brand is asked again",
}


class LostGrant(NamedTuple):
    """A grant that only the log knows, as far as the log knows it."""

    ref: str
    state: GrantState
    reads: int
    readers: tuple[str, ...]  # legal names, or references where those are lost, too


def lines(plan: Plan) -> Iterator[str]:
    """Yield the report's lines, the same before and after the recovery."""
    gap = plan.gap
    total = gap.signed.size - gap.first
    yield f"The log was signed at {gap.signed.size:,} entries; the backup ends at {gap.first:,}."
    if gap.size > gap.first:
        yield f"An earlier run was interrupted at {gap.size:,}."
    lacked = plan.counts.total()
    yield f"Lost: {lacked:,} of {total:,} entries ({total - lacked:,} were still pending)."
    if lacked:
        yield f"They are from {plan.began_at} to {plan.ended_at}."
    yield from _section("Done again", _counted(plan, DONE_AGAIN))
    yield from _section("Cannot be brought back", _counted(plan, GONE))
    yield from _section("Grants that only the log knows, ended", _grants(plan))
    yield from _section("Grants ended because the log does not say how they were left", _unclear())
    yield from _section("Publish again", _purposes(plan))
    yield from _section("Keys", _keys())
    yield from _section("Shut for everybody", _shut())


def lost_grants(plan: Plan) -> list[LostGrant]:
    """Return the grants that were given after the backup."""
    given = plan.given()
    known = set(Grant.objects.filter(ref__in=given).values_list("ref", flat=True))
    partners = {ref for found in plan.readers.values() for ref in found}
    names = dict(Partner.objects.filter(ref__in=partners).values_list("ref", "legal_name_ko"))
    return [
        LostGrant(
            ref,
            state,
            plan.reads[ref],
            tuple(sorted(names.get(each, each) for each in plan.readers.get(ref, ()))),
        )
        for ref, state in given.items()
        if ref not in known
    ]


def _section(title: str, found: Iterator[str]) -> Iterator[str]:
    first = next(found, None)
    if first is not None:
        yield ""
        yield f"{title}:"
        yield f"  {first}"
        yield from (f"  {each}" for each in found)


def _counted(plan: Plan, words: dict[str, str]) -> Iterator[str]:
    for kind, text in words.items():
        if plan.counts[kind]:
            yield f"{plan.counts[kind]:>6,} × {text}"


def _grants(plan: Plan) -> Iterator[str]:
    for ref, state, reads, readers in lost_grants(plan):
        categories = ", ".join(state.terms.categories) if state.terms else "?"
        left = f", {state.end_kind} already" if state.ended_at else ""
        yield f"{ref}  given {state.given_at}: {state.purpose} ({categories}){left}"
        if reads:
            times = "once" if reads == 1 else f"{reads} times"
            # No row can hold this obligation any more: it is the operator's to ask.
            yield f"  read {times} by {', '.join(readers)}: ask them to destroy the copies"


def _unclear() -> Iterator[str]:
    ended = Grant.objects.filter(end_reason=LOST).select_related("partner").order_by("ended_at")
    for grant in ended:
        yield f"{grant.ref}  {grant.partner.legal_name_ko}: {grant.purpose}"


def _purposes(plan: Plan) -> Iterator[str]:
    names = dict(
        Partner.objects.filter(ref__in=[ref for ref, _ in plan.purposes]).values_list(
            "ref", "legal_name_ko"
        )
    )
    for ref, purpose in sorted(plan.purposes):
        current = PurposeTemplate.objects.filter(partner__ref=ref, purpose=purpose)
        version = current.count() + 1
        yield f"{purpose} of {names.get(ref, ref)} (version {version} or later)"


def _keys() -> Iterator[str]:
    known = [generation.id for generation in keyring().generations()]
    closed = Key.objects.exclude(generation__in=known).count()
    if closed:
        yield (
            f"Keys of this backup that do not open any more: {closed:,}. It is older than their"
            " wrapping generation. Restore a newer backup if there is one."
        )


def _shut() -> Iterator[str]:
    yield "Brands get new tokens; people and staff sign in again."
    yield "Read budgets count as full until their next calendar window."
