"""The brands and owners of the storm; owners decide all the while and write down what was answered."""

import random
import secrets
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import Error, InterfaceError, connection
from django.utils import timezone

from consent import grants
from consent.actors import Actor
from consent.exceptions import ConsentError
from consent.models import AccessToken, Client, Grant, Pair, Partner
from consent.oauth import tokens as access_tokens
from tests import cast
from tests.chaos.account import Account
from tests.chaos.doors import CANARY
from tests.consent.revocation.receiver import Answer, Brand
from tests.door.brand import STAY
from vault import pods
from vault.models import Pod

BRANDS, OWNERS = 6, 4
ASKED = [cast.make_item(), cast.make_item(action="contribute")]


@dataclass(frozen=True)
class World:
    """Who is there: brands with tokens, owners with one stay each."""

    tokens: dict[UUID, str]  # partner → token
    clients: list[Client]
    pods: list[Pod]
    subjects: dict[UUID, list[str]]  # partner → its names of the owners
    down: UUID  # answers 500 from the first to the last moment
    fetching: UUID  # has no address, and polls


def make(brand: Brand) -> World:
    """Make brands and owners, and let every owner say yes to every brand."""
    clients = [_client(brand, number) for number in range(BRANDS)]
    tokens = {client.partner_id: _token(client) for client in clients}
    fetching, down = clients[-2].partner_id, clients[-1].partner_id
    Partner.objects.filter(pk=fetching).update(event_delivery=Partner.EventDelivery.POLL)
    brand.answers[f"/brand{BRANDS - 1}"] = Answer(status=500)
    people = [cast.make_pod() for _ in range(OWNERS)]
    for pod in people:
        pods.put(pod, "stay", STAY | {"hotel": CANARY})
        for client in clients:
            cast.make_grant(pod, client, items=ASKED)
    subjects: defaultdict[UUID, list[str]] = defaultdict(list)
    for partner, name in Pair.objects.values_list("partner_id", "pairwise"):
        subjects[partner].append(name)
    return World(tokens, clients, people, dict(subjects), down, fetching)


def _client(brand: Brand, number: int) -> Client:
    partner = cast.make_partner(event_endpoint=brand.at(f"/brand{number}"))
    cast.make_template(partner)
    return cast.make_client(partner)


def _token(client: Client) -> str:
    token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        digest=access_tokens.digest(token), client=client,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return token


def decide_on(
    account: Account,
    owned: list[Pod],
    clients: list[Client],
    chance: random.Random,
    pause: float,
    stop: threading.Event,
) -> None:
    """End, pause, resume and say yes anew, for some owners, until told to stop."""
    while not stop.is_set():
        pod, client = chance.choice(owned), chance.choice(clients)
        act = chance.choices(("end", "pause", "resume", "again", "end-all"), (4, 3, 3, 6, 0.3))[0]
        try:
            _act(account, act, pod, client)
        except (Error, InterfaceError):
            # The database went away: done or not, nobody knows.
            connection.close()
        except ConsentError:
            pass  # somebody else was first; the refusal is an answer too
        except Exception as error:  # noqa: BLE001 - whatever it is, the storm goes on and it is told
            account.surprise(f"{act}: {type(error).__name__}: {error}")
            connection.close()
        else:
            with account.lock:
                account.acts[act] += 1
        stop.wait(chance.uniform(0.05, pause))
    connection.close()


def _act(account: Account, act: str, pod: Pod, client: Client) -> None:
    owner = Actor.owner(pod.owner)
    unended = Grant.objects.of(pod).unended()
    chosen = list(unended if act == "end-all" else unended.filter(partner=client.partner_id))
    if act == "again":
        if not chosen:
            cast.make_grant(pod, client, items=ASKED)
    elif act == "pause":
        for grant in chosen:
            grants.pause(grant, owner)
    elif act == "resume":
        for grant in chosen:
            grants.resume(grant, owner)
    else:
        _end(account, act, pod, chosen, owner)


def _end(account: Account, act: str, pod: Pod, chosen: list[Grant], owner: Actor) -> None:
    ids = [str(grant.pk) for grant in chosen]
    with account.lock:
        account.unknown_ends.update(ids)
    if act == "end-all":
        grants.end_all(pod, Grant.EndKind.WITHDRAWN, "owner", owner)
    else:
        for grant in chosen:
            grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
    account.ended(ids, time.monotonic())
