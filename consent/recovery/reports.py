"""Says in plain words what was lost, what came back, and what an operator has to do now."""

from collections.abc import Iterator
from typing import NamedTuple

from consent.models import Grant, Partner, PurposeTemplate
from consent.recovery.plans import Plan
from consent.recovery.states import LOST, GrantState
from keys.keyring import keyring
from keys.models import Key

# Lost entries whose change can be done again, by type.
DONE_AGAIN = {
    "grant.withdrawn": "grants withdrawn by their owners",
    "grant.revoked": "grants revoked",
    "grant.expired": "grants expired",
    "grant.consumed": "grants consumed",
    "grant.superseded": "grants superseded",
    "grant.invalidated": "grants invalidated",
    "grant.item_ended": "items of grants ended",
    "grant.paused": "grants paused",
    "grant.resumed": "grants resumed",
    "grant.suspended": "grants suspended",
    "grant.reinstated": "grants reinstated",
    "retention.given": "times owners let a brand keep its copies",
    "retention.withdrawn": "times owners took that back",
    "pod.erased": "pods erased",
    "category.erased": "categories erased",
    "pod.paused": "pods paused",
    "pod.resumed": "pods resumed",
    "partner.suspended": "partners suspended",
    "partner.reinstated": "partners reinstated",
    "partner.deregistered": "partners deregistered",
    "partner.changed": "changes of partners",
    "request.declined": "requests declined",
    "request.cancelled": "requests cancelled",
    "request.expired": "requests expired",
    "key.destroyed": "keys destroyed",
    "hold.destroyed": "holds destroyed",
    "role.removed": "roles removed",
    "account.closed": "accounts closed",
}
# Lost entries that tell of something which only the lost rows held, and what follows.
GONE = {
    "pod.made": "pods were made: their owners have to sign up again",
    "account.made": "accounts were made: they have to be made again",
    "account.changed": "accounts changed (password, passkeys): the old ones work again; warn them",
    "record.added": "times owners added records: the values are lost",
    "record.changed": "times owners changed records: the older values are back",
    "record.imported": "imports: the values are lost",
    "record.contributed": "contributions of brands: the values are lost",
    "record.deleted": "records were deleted: their categories are hidden from brands",
    "record.hidden": "records were hidden: their categories are hidden from brands",
    "request.made": "requests were made: brands have to ask again",
    "request.approved": "approvals: those requests are closed, brands may ask again",
    "client.registered": "clients were registered: register them again",
    "client.changed": "keys of clients changed: retired ones are out again, add the new ones again",
    "purpose.published": "purposes were published: publish them again",
    "rule.made": "standing rules were made: their owners have to make them again",
    "role.given": "roles were given: give them again",
    "obligation.attested": "signed answers about copies were received: brands are asked again",
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
            yield f"{plan.counts[kind]:>6,}  {text}"


def _grants(plan: Plan) -> Iterator[str]:
    for ref, state, reads, readers in lost_grants(plan):
        categories = ", ".join(state.terms.categories) if state.terms else "?"
        left = f", {state.end_kind} already" if state.ended_at else ""
        yield f"{ref}  given {state.given_at}: {state.purpose} ({categories}){left}"
        if reads:
            # No row can hold this obligation any more: it is the operator's to ask.
            yield f"  read {reads} times by {', '.join(readers)}: ask them to destroy the copies"


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
            f"{closed:,} keys of this backup do not open any more: it is older than their wrapping"
            " generation. Restore a newer backup if there is one."
        )


def _shut() -> Iterator[str]:
    yield "Brands get new tokens; people and staff sign in again."
    yield "Read budgets count as full until their next calendar window."
