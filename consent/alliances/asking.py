"""Takes a journey request: every stop is checked as a request of its own brand, or none is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import log
from audit.types import EntryType
from consent import digests, locking
from consent.actors import Actor
from consent.alliances import validation
from consent.alliances.validation import AskedJourney, AskedStop
from consent.exceptions import (
    ConsentError,
    KeyReuse,
    RequestAgainstRule,
    UnknownThing,
)
from consent.models import AccessRequest, Alliance, Client, Journey, Partner, Stop
from consent.requests import addressees, hints, kept_out, links, qr, rules, storing, submitting
from consent.requests.addressees import Addressee
from consent.requests.storing import Checked, Key


@dataclass(frozen=True, slots=True)
class Asked:
    """A journey that was asked for, with the code of its link where it has one."""

    journey: Journey
    link_code: str | None


def ask(
    client: Client, body: object, *, idempotency_key: str, now: datetime | None = None
) -> Asked:
    """Take a journey request of an alliance's lead, and put it before its owner if we know one.

    The answer is the same for somebody whom we do not know. The same key with the same body
    gives the same journey again. Raises as `requests.submit` does; `RequestAgainstRule` says
    which stop breaks which rule.
    """
    now = now or timezone.now()
    key = Key(idempotency_key, digests.of_body(body))
    if (earlier := _earlier(client, key)) is not None:
        return earlier
    journey = uuid4()
    asked = validation.parse(body, journey, now)
    try:
        if rules.holds_resident_number(key.text):
            raise rules.broken("resident-number")
        return _take(client, journey, asked, key, now)
    except (*submitting.REFUSALS, UnknownThing, IntegrityError) as error:
        # The same key at the same moment: the other call took it.
        if (earlier := _earlier(client, key)) is not None:
            return earlier
        if isinstance(error, ConsentError):
            submitting.log_refusal(client, [stop.asked for stop in asked.stops], error)
        raise


def answer(asked: Asked, partner: Partner) -> dict[str, Any]:
    """Return what the lead is told, or a member: of the brands, each only its own requests' ids.

    What became of a request only its own brand learns, when it asks for it (3.5).
    """
    journey = asked.journey
    told: dict[str, Any] = {
        "id": str(journey.pk),
        "alliance": str(journey.alliance_id),
        "name": {"ko": journey.name_ko, "en": journey.name_en},
        "starts": journey.starts_at,
        "ends": journey.ends_at,
        "expires_at": journey.expires_at,
        "stops": [_stop(stop) for stop in _visible(journey, partner)],
    }
    if asked.link_code is not None:
        url = f"{settings.ORIGIN.rstrip('/')}/link/#{asked.link_code}"
        told["link"] = {
            "code": asked.link_code,
            "url": url,
            "qr_svg": qr.svg(url),
            "expires_at": journey.expires_at,
        }
    return told


def found(partner: Partner, journey_id: UUID) -> Asked:
    """Return a journey that a partner leads or serves. Raises `UnknownThing`."""
    journey = Journey.objects.filter(pk=journey_id).select_related("client", "alliance").first()
    if journey is None or not _visible(journey, partner):
        raise UnknownThing
    leads = journey.client.partner_id == partner.pk
    return Asked(journey, _code(journey) if leads else None)


def _visible(journey: Journey, partner: Partner) -> list[Stop]:
    stops = list(journey.stops.select_related("request__client"))
    leads = journey.client.partner_id == partner.pk
    return [stop for stop in stops if leads or stop.request.partner_id == partner.pk]


def _stop(stop: Stop) -> dict[str, Any]:
    return {
        "order": stop.order,
        "place": {"ko": stop.place_ko, "en": stop.place_en},
        "client": stop.request.client.client_id,
        "request": str(stop.request_id),
    }


def _earlier(client: Client, key: Key) -> Asked | None:
    journey = Journey.objects.filter(client=client, idempotency_key=key.text).first()
    if journey is None:
        return None
    if bytes(journey.body_digest) != key.body_digest:
        raise KeyReuse
    return Asked(journey, _code(journey))


def _code(journey: Journey) -> str | None:
    first = journey.stops.select_related("request").first()
    return links.code_of(first.request) if first else None


@transaction.atomic
def _take(client: Client, journey_id: UUID, asked: AskedJourney, key: Key, now: datetime) -> Asked:
    alliance = _led(client, asked.alliance)
    clients = _members(alliance, asked)
    stops = [_checked(stop, clients, journey_id, now) for stop in asked.stops]
    for stop in stops:
        hints.throttle(stop.template, stop.asked.subject, now)
    met = addressees.find(client.partner, asked.subject)
    if met is not None and kept_out.is_ruled_out(met.place, client.partner, "", ()):
        met = met.nobody()  # the lead itself is kept away
    journey = Journey.objects.create(
        id=journey_id,
        alliance=alliance,
        client=client,
        pod_id=None if met is None else met.pod,
        name_ko=asked.name["ko"],
        name_en=asked.name["en"],
        starts_at=asked.starts,
        ends_at=asked.ends,
        idempotency_key=key.text,
        body_digest=key.body_digest,
        asked_at=now,
        expires_at=asked.ends,
    )
    actor = Actor.of_client(client)
    _append(journey, len(stops), actor, met)
    made = [_store(stop, actor, now, _at(stop, met)) for stop in stops]
    Stop.objects.bulk_create(
        Stop(
            journey=journey,
            order=stop.order,
            place_ko=stop.place["ko"],
            place_en=stop.place["en"],
            request=request,
        )
        for stop, request in zip(asked.stops, made, strict=True)
    )
    journey.expires_at = min(request.expires_at for request in made)
    journey.save(update_fields=["expires_at"])
    if met is not None:
        _write(made, met)
    first = min(zip(asked.stops, made, strict=True), key=lambda pair: pair[0].order)[1]
    return Asked(journey, links.make(first) if "link" in asked.subject else None)


def _led(client: Client, alliance_id: UUID) -> Alliance:
    locking.live_partner(client.partner_id)
    alliance = Alliance.objects.filter(pk=alliance_id, lead=client.partner_id).first()
    if alliance is None:
        raise validation.broken("alliance-not-led")
    return alliance


def _members(alliance: Alliance, asked: AskedJourney) -> Mapping[str, Client]:
    """Return the clients that the stops name, their partners and memberships held."""
    named = Client.objects.filter(client_id__in={stop.client for stop in asked.stops})
    clients = {client.client_id: client for client in named}
    if any(stop.client not in clients for stop in asked.stops):
        raise validation.broken("stop-not-a-member")
    pairs = [(clients[stop.client].partner_id, stop.asked.purpose) for stop in asked.stops]
    if len(set(pairs)) < len(pairs):
        raise validation.broken("stop-repeated")
    partners = {each: locking.live_partner(each) for each in sorted({one for one, _ in pairs})}
    if not locking.members(alliance.pk, partners):
        raise validation.broken("stop-not-a-member")
    for client in clients.values():
        client.partner = partners[client.partner_id]
    return clients


def _checked(
    stop: AskedStop, clients: Mapping[str, Client], journey_id: UUID, now: datetime
) -> Checked:
    client = clients[stop.client]
    try:
        template = submitting.allowed(client, stop.body, stop.asked, now)
    except RequestAgainstRule as error:
        raise RequestAgainstRule(error.rule, f"{stop.order}: {error}") from None
    key = Key(f"journey:{journey_id}:{stop.order}", digests.of_body(stop.body))
    return Checked(client=client, asked=stop.asked, template=template, key=key)


def _at(stop: Checked, met: Addressee | None) -> Addressee | None:
    """Return whom one stop concerns.

    Of a brand whose requests the owner does not take there is no stop in the owner's journey. It
    is asked at every stop, whoever is meant (3.5).
    """
    if met is None or kept_out.keeps_out_asked(met, stop.client.partner, stop.asked):
        return met and met.nobody()
    return met


def _store(
    checked: Checked, actor: Actor, now: datetime, addressee: Addressee | None
) -> AccessRequest:
    journey = AccessRequest.Reach.JOURNEY
    return storing.store(checked, actor, now, reach=journey, addressee=addressee)


def _write(made: Sequence[AccessRequest], met: Addressee) -> None:
    """Owe the news once: of the first brand that reaches the owner."""
    reached = [request for request in made if request.pod_id is not None]
    (met if reached else met.nobody()).write((reached or made)[0].partner)


def _append(journey: Journey, count: int, actor: Actor, met: Addressee | None) -> None:
    about = {} if met is None else met.facts(actor, journey=str(journey.pk))
    log.append(
        log.Draft(
            type=EntryType.JOURNEY_ASKED,
            journey=journey.ref,
            alliance=journey.alliance.ref,
            count=count,
            **actor.facts(),
            **about,
        )
    )
