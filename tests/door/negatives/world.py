"""One of everything that somebody may not have, and everybody who may not have it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from consent import grants, partners
from consent.actors import Actor
from consent.models import Client, Grant, Obligation, Partner
from consent.oauth import tokens
from tests import airport, cast
from tests.consent.oauth import world as oauth
from tests.consent.oauth.flow import hotel as level2
from tests.door import brand as brands
from tests.door.brand import STAY, Brand
from tests.door.negatives.table import Case
from vault import pods
from vault.models import Pod

API = "/api/v1/"
GRANTED = ("hotel", "room")


@dataclass
class World:
    """A hotel with a guest, another brand, and callers who should be told nothing."""

    pod: Pod
    grant: Grant
    ended: Grant
    ids: dict[str, str]  # of the hotel's things, by the name in the route
    callers: dict[str, Client]
    tokens: dict[str, str]
    key: level2.Hotel
    journey: dict[str, Any]
    cursors: dict[str, str]

    def send(self, case: Case) -> Any:
        """Send what the case says."""
        path = API + self._filled(case)
        headers = {"Idempotency-Key": uuid4().hex} | self._shown(case, path) | dict(case.headers)
        kept = {name: value for name, value in headers.items() if value}
        return self.key.http.generic(
            case.method, path, self._body(case), content_type=self._type(case), headers=kept
        )

    def client(self, case: Case) -> Client:
        return self.callers.get(case.who, self.key.client)

    def _filled(self, case: Case) -> str:
        path = case.route
        for name, value in self.ids.items():
            path = path.replace(f"<uuid:{name}>", value if case.ids == "hotel's" else str(uuid4()))
        return path

    def _type(self, case: Case) -> str:
        if case.content_type:
            return case.content_type
        if case.route.endswith("attestation"):
            return "application/jwt"
        return "application/x-ndjson" if case.route.endswith("bulk") else "application/json"

    def _body(self, case: Case) -> bytes:
        if case.raw is not None:
            return case.raw
        body = oauth.with_changes(self._good(case.route), dict(case.change))
        if case.who == "paused":
            body["subject"] = Grant.objects.get(partner=self.callers["paused"].partner).pairwise
        return json.dumps({name: self._named(name, value) for name, value in body.items()}).encode()

    def _named(self, name: str, value: Any) -> Any:
        if name == "cursor":
            return self.cursors.get(value, value)
        own = {"the pod": str(self.pod.pk), "the grant": str(self.grant.pk),
               "the mail": self.pod.owner.email, "the ended": self.ended.pairwise}  # fmt: skip
        return own.get(value, value) if name == "subject" and isinstance(value, str) else value

    def _good(self, route: str) -> dict[str, Any]:
        read = {"subject": self.grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
        many = {name: read[name] for name in ("category", "purpose")}
        return {
            "requests": cast.make_body(), "journeys": self.journey, "reads": read, "changes": read,
            "reads/batch": many | {"subjects": [self.grant.pairwise]},
            "contributions": read | {"record": STAY}, "contributions/bulk": read | {"record": STAY},
        }.get(route, {})  # fmt: skip

    def _shown(self, case: Case, path: str) -> dict[str, str]:
        """What the caller shows: a token that is not good here, or none."""
        token, bound = self.tokens.get(case.who), self.tokens["bound"]
        if token is not None:
            return {"Authorization": f"Bearer {token}"}
        plain = {
            "nobody": "", "a made-up token": f"Bearer {uuid4().hex}", "another scheme": "Basic eDp5",
            "two tokens": f"Bearer {bound}, Bearer {bound}",
            "bearer of a bound token": f"Bearer {bound}",
        }  # fmt: skip
        if case.who in plain:
            return {"Authorization": plain[case.who]}
        return {"Authorization": f"DPoP {bound}"} | self._proof(case, path, bound)

    def _proof(self, case: Case, path: str, bound: str) -> dict[str, str]:
        if case.who == "without a proof":
            return {}
        wrong: dict[str, Mapping[str, Any]] = {
            "with a proof for another path": {"htu": oauth.ISSUER + "/oauth/token"},
            "with a proof for another method": {"htm": "BREW"},
            "with a proof for another token": {"ath": "x" * 43},
            "with an old proof": {"iat": int(time.time()) - 3600},
            "thief": {"key": oauth.new_key()},
        }
        url = oauth.ISSUER + path
        proof = self.key.proof(case.method, url, bound, **wrong.get(case.who, {}))
        if case.who == "with a used proof":
            # Shown once before, where it was good.
            from consent.oauth import proofs

            proofs.check(proof, method=case.method, url=url, token=bound)
        return {"DPoP": proof}


def make() -> World:
    pod, sky = cast.make_pod(), airport.make_airport()
    pods.put(pod, "stay", STAY)
    hotel, other, key = Brand(_keyed(sky.lead)), brands.arrive(), level2.Hotel.arrive()
    grant = cast.make_grant(pod, sky.lead, items=[cast.make_item("stay", fields=list(GRANTED))])
    ended = _ended(hotel)
    callers, values = _shut_out(hotel, other, grant)
    values["bound"] = tokens.issue(key.client, jkt=level2.jkt(key.proving))
    owed = Obligation.objects.get(grant=ended)
    ids = {"request_id": str(grant.request_id), "grant_id": str(grant.pk),
           "obligation_id": str(owed.pk), "journey_id": str(airport.ask(sky).journey.pk)}  # fmt: skip
    made = World(pod, grant, ended, ids, callers, values, key, airport.body_of(sky), {})
    made.cursors |= _cursors(made, hotel, other)
    return made


def _keyed(client: Client) -> cast.ClientWithKey:
    made = cast.make_client_with_key(client.partner)
    return cast.ClientWithKey(client, made.key)


def _ended(hotel: Brand) -> Grant:
    """A grant that was read from and is over, so that its copies are owed."""
    guest = cast.make_pod()
    pods.put(guest, "stay", STAY)
    grant = cast.make_grant(guest, hotel.made.client)
    call = {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}
    assert hotel.read(call).status_code == 200
    grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(guest.owner))
    return grant


def _shut_out(hotel: Brand, other: Brand, grant: Grant) -> tuple[dict[str, Client], dict[str, str]]:
    suspended, revoked, barred, paused = (brands.arrive() for _ in range(4))
    partners.suspend(suspended.made.client.partner, "court-order", cast.OPERATOR)
    partners.revoke_client(revoked.made.client, cast.OPERATOR)
    Partner.objects.filter(pk=barred.made.client.partner_id).update(
        requests_barred_at=grant.given_at
    )
    asleep = cast.make_grant(cast.make_pod(), paused.made.client)
    grants.pause(asleep, Actor.owner(asleep.pod.owner))
    another = cast.make_grant(cast.make_pod(), hotel.made.client)
    killed = tokens.issue(hotel.made.client)
    tokens.kill(killed, hotel.made.client)
    known = {"hotel": hotel, "other": other, "suspended": suspended, "revoked": revoked,
             "barred": barred, "paused": paused}  # fmt: skip
    callers = {name: brand.made.client for name, brand in known.items()}
    values = {name: brand.token for name, brand in known.items()}
    mine = hotel.made.client
    callers |= {"killed": mine, "narrowed": mine}
    return callers, values | {"killed": killed, "narrowed": tokens.issue(mine, grant=another)}


def _cursors(world: World, hotel: Brand, other: Brand) -> dict[str, str]:
    """Cursors that are good, elsewhere."""
    theirs = cast.make_grant(cast.make_pod(), other.made.client)
    more = cast.make_grant(cast.make_pod(), hotel.made.client, items=[cast.make_item("itinerary")])
    call = {"purpose": cast.PURPOSE}
    pages = {
        "the other's": other.send(
            "POST", API + "changes", call | {"subject": theirs.pairwise, "category": "stay"}
        ),
        "another category's": hotel.send(
            "POST", API + "changes", call | {"subject": more.pairwise, "category": "itinerary"}
        ),
    }
    return {name: str(page.json()["cursor"]) for name, page in pages.items()}
