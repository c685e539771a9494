"""Brands that read over HTTP and owners who decide, all the while; each writes down what it saw."""

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import Error, InterfaceError, connection
from django.utils import timezone

from tests.consent.revocation.receiver import Answer, Brand, Got

CANARY = "canary-5e1f9a7c-nobody-may-see-this"
BRANDS, OWNERS = 6, 4


@dataclass
class Account:
    """What was acknowledged to whoever asked, and what nobody can know."""

    reads: Counter[str] = field(default_factory=Counter)  # "yes", "no", "unknown"
    ends: dict[str, float] = field(default_factory=dict)  # grant → the moment its end was answered
    unknown_ends: set[str] = field(default_factory=set)
    after_end: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class World:
    """Who is there: clients with tokens, pods with one stay each."""

    tokens: dict[UUID, str]  # partner → token
    clients: list[object]
    pods: list[object]


def make(brand: Brand) -> World:
    """Make brands and owners, and let every owner say yes to every brand."""
    import secrets

    from consent.models import AccessToken, Delivery, Partner
    from consent.oauth import tokens as access_tokens
    from tests import cast
    from tests.door.brand import STAY
    from vault import pods

    made, clients = {}, []
    for number in range(BRANDS):
        partner = cast.make_partner(event_endpoint=brand.at(f"/brand{number}"))
        client = cast.make_client(partner)
        cast.make_template(partner)
        token = secrets.token_urlsafe(32)
        AccessToken.objects.create(
            digest=access_tokens.digest(token), client=client,
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        made[partner.pk] = token
        clients.append(client)
    people = [cast.make_pod() for _ in range(OWNERS)]
    for pod in people:
        pods.put(pod, "stay", STAY | {"hotel": CANARY})
        for client in clients:
            cast.make_grant(pod, client)
    # One is down from the first to the last moment; its events must stay known and owed.
    down = Partner.objects.get(pk=clients[-1].partner_id)
    brand.answers[f"/brand{BRANDS - 1}"] = Answer(status=500)
    assert down.event_endpoint.endswith(str(BRANDS - 1))
    assert Delivery.objects.exists()
    return World(made, clients, people)


def read_on(
    account: Account, world: World, port: int, chance: random.Random, stop: threading.Event
) -> None:
    """Read, one call after the other, under whatever grant there is or was."""
    from consent.models import Pair

    pairs = list(Pair.objects.values_list("partner_id", "pairwise"))
    connection.close()
    while not stop.is_set():
        partner, subject = chance.choice(pairs)
        body = {"subject": subject, "category": "stay", "purpose": "dpv:ServicePersonalisation"}
        began = time.monotonic()
        status, answer = _post(port, "/api/v1/reads", body, world.tokens[partner])
        word = "yes" if status == 200 else "no" if 400 <= status < 500 else "unknown"
        with account.lock:
            account.reads[word] += 1
            if word == "yes":
                ended = account.ends.get(answer["grant"]["id"])
                if ended is not None and began > ended:
                    account.after_end.append(answer["grant"]["id"])
        if word == "unknown":
            stop.wait(0.2)
        stop.wait(chance.uniform(0.01, 0.06))


def decide_on(
    account: Account, pods: list, clients: list, chance: random.Random, stop: threading.Event
) -> None:
    """End, pause, resume and say yes anew, for some owners."""
    while not stop.is_set():
        pod, client = chance.choice(pods), chance.choice(clients)
        act = chance.choices(("end", "pause", "resume", "again", "end-all"), (4, 3, 3, 6, 0.3))[0]
        try:
            _act(account, act, pod, client)
            with account.lock:
                account.acts[act] += 1
        except (Error, InterfaceError):
            connection.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the storm goes on and it is told
            from consent.exceptions import ConsentError

            if not isinstance(error, ConsentError):
                account.surprises.append(f"{act}: {type(error).__name__}: {error}")
            connection.close()
        stop.wait(chance.uniform(0.05, 0.4))
    connection.close()


def _act(account: Account, act: str, pod, client) -> None:
    from consent import grants
    from consent.actors import Actor
    from consent.models import Grant
    from tests import cast

    owner = Actor.owner(pod.owner)
    live = Grant.objects.of(pod).filter(partner=client.partner_id).unended()
    if act == "again":
        if not live.exists():
            cast.make_grant(pod, client)
        return
    chosen = list(Grant.objects.of(pod).unended()) if act == "end-all" else list(live)
    if act == "pause":
        for grant in chosen:
            grants.pause(grant, owner)
    elif act == "resume":
        for grant in chosen:
            grants.resume(grant, owner)
    else:
        ids = [str(grant.pk) for grant in chosen]
        account.unknown_ends.update(ids)
        if act == "end-all":
            grants.end_all(pod, Grant.EndKind.WITHDRAWN, "owner", owner)
        else:
            for grant in chosen:
                grants.end(grant, Grant.EndKind.WITHDRAWN, "owner", owner)
        answered = time.monotonic()
        with account.lock:
            account.ends.update(dict.fromkeys(ids, answered))


def effects(got: list[Got]) -> tuple[set[str], int]:
    """Return every event that some brand saw, and how many came to two different brands."""
    paths: dict[str, set[str]] = {}
    for one in got:
        paths.setdefault(one.claims["jti"], set()).add(one.path)
    return set(paths), sum(len(some) - 1 for some in paths.values())


def _post(port: int, path: str, body: dict[str, str], token: str) -> tuple[int, dict]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}",
         "X-Request": uuid4().hex},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}
    except (OSError, ValueError):
        return 0, {}
