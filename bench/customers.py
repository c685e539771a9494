"""Customers with a grant at each of a thousand brands, every grant read once.

Rows by COPY, as the product writes them, keys and entries included: ending them does all that
an end does.
"""

import os
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.utils import timezone
from rich.progress import track

from accounts.models import User
from audit import drafts
from audit.types import EntryType
from bench import dataset
from bench.dataset import CATEGORY, PLAIN, Batch
from consent.models import (
    AccessRequest,
    Channel,
    Client,
    Delivery,
    Grant,
    GrantItem,
    NoticePin,
    Pair,
    Partner,
)
from keys import keyring, tree
from keys.models import CategoryKey, Kind
from vault.models import Pod

BRANDS = 1000
DEAD, SLOW = 10, 50  # 1 % and 5 %


def make_brands() -> None:
    """Make keyring, tables and brands, unless an earlier run did."""
    keyring.create_if_missing()
    # With every app of `serve`, which does not start on fewer tables than it knows.
    everything = {**os.environ, "VAULT_FACE": "all"}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, check=True, env=everything)
    NoticePin.objects.get_or_create(
        digest="0" * 64,
        defaults={
            "template_version": "bench", "language": "ko", "layout": "bench", "body": b"bench",
        },
    )  # fmt: skip
    there = Partner.objects.count()
    for number in track(range(there, BRANDS), "making the brands", disable=there >= BRANDS):
        dataset._partner(number, CATEGORY, "read")


def place_brands(port: int, nobody: int) -> None:
    """Give the brands this run's addresses; `nobody` is a port where none listens."""
    partners = list(Partner.objects.order_by("registered_at", "pk"))
    for number, partner in enumerate(partners):
        partner.event_endpoint = endpoint(number, port, nobody)
    Partner.objects.bulk_update(partners, ["event_endpoint"])


def endpoint(number: int, port: int, nobody: int) -> str:
    """Return where a brand listens: dead ones refuse or say nothing, half of them each."""
    if number < DEAD // 2:
        return f"http://127.0.0.1:{nobody}/brand/{number}/dead"
    behavior = "silent" if number < DEAD else "slow" if number < DEAD + SLOW else "well"
    return f"http://127.0.0.1:{port}/brand/{number}/{behavior}"


def make() -> Pod:
    """Return the pod of a new customer who said yes to every brand."""
    pin, until = NoticePin.objects.get(digest="0" * 64), timezone.now() + timedelta(days=300)
    batch = Batch(pin, until, CATEGORY, "read")
    pod = _fill(batch)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM audit_entry")
        batch.write(cursor.fetchone()[0] + 1)
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('audit_entry', 'seq'),"
            " (SELECT max(seq) FROM audit_entry))"
        )
        cursor.execute("ANALYZE")
    settle()
    return Pod.objects.select_related("owner").get(pk=pod)


def settle() -> None:
    """Let everything that is still on its way count as told: a run begins with nothing due."""
    Delivery.objects.unsettled().update(delivered_at=timezone.now())
    Channel.objects.all().delete()


def _fill(batch: Batch) -> object:
    user, pod, person = uuid4(), uuid4(), uuid4().hex
    pod_key_id, pod_key = dataset._key(batch, Kind.POD, tree.pod_ref(pod))
    audit = dataset._key(batch, Kind.AUDIT, tree.person_ref(person))
    category_key, key_id = dataset.secrets.token_bytes(32), uuid4()
    batch.add(User, id=user, ref=person, email=f"{user.hex}@bench.invalid")
    batch.add(Pod, id=pod, ref=uuid4().hex, owner_id=user, key_id=pod_key_id, audit_key_id=audit[0])
    batch.add(CategoryKey, key=key_id, pod=pod)
    dataset._wrap(batch, pod_key_id, pod_key, key_id, category_key)
    for client in Client.objects.select_related("partner"):
        _grant(batch, client, pod, person, audit, (key_id, category_key))
    return pod


def _grant(batch: Batch, client: Client, pod, person: str, audit: tuple, category: tuple) -> None:
    partner, pairwise = client.partner, uuid4().hex
    grant, grant_ref, request = uuid4(), uuid4().hex, uuid4()
    grant_key_id, grant_key = dataset._key(batch, Kind.GRANT, tree.grant_ref(grant))
    dataset._wrap(batch, grant_key_id, grant_key, *category)
    batch.add(Pair, partner_id=partner.pk, pod_id=pod, pairwise=pairwise)
    batch.add(
        AccessRequest, id=request, ref=uuid4().hex, partner_id=partner.pk, client_id=client.pk,
        pod_id=pod, template_id=_template(partner), purpose=PLAIN, frequency=None,
        idempotency_key=request.hex,
    )  # fmt: skip
    batch.add(
        Grant, id=grant, ref=grant_ref, partner_id=partner.pk, pod_id=pod, request_id=request,
        arrangement=uuid4(), pairwise=pairwise, purpose=PLAIN, frequency=None, key_id=grant_key_id,
    )  # fmt: skip
    batch.add(GrantItem, grant_id=grant)
    dataset._entry(batch, grant_ref, PLAIN, partner, person, *audit)
    read = drafts.Draft(
        type=EntryType.RECORD_READ, role="partner", partner=partner.ref, client=client.ref,
        grant=grant_ref, epoch=1, partner_epoch=1, purpose=PLAIN, categories=(CATEGORY,),
        actions=("read",), outcome="ok", person=person, audit_key=audit[0], detail={},
    )  # fmt: skip
    batch.entries.append(drafts.compose(read, audit[1]))


def _template(partner: Partner):
    return partner.purposes.filter(purpose=PLAIN).values_list("pk", flat=True).first()
