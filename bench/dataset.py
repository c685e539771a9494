"""100,000 subjects with a pod, keys that really open, one record of 1 KB, and two grants each.

One grant has no budget, the other a budget that never runs out within a run. Everything is as
the product writes it, entries included, so that the verifier accepts the log afterwards.
"""

import os
import secrets
import shutil
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rich.progress import Progress

from accounts.models import User
from audit import drafts
from audit.models import Detail, Entry, Pending
from audit.types import EntryType
from bench.copying import Table
from consent.models import (
    AccessRequest,
    AccessToken,
    Client,
    Grant,
    GrantItem,
    NoticePin,
    Pair,
    Partner,
    PurposeTemplate,
)
from consent.oauth import tokens
from keys import keyring, rows, sealing, tree
from keys.models import CategoryKey, CategoryWrap, Key, Kind
from vault import sealed
from vault.models import Pod, Record

CATEGORY = "preferences"
PLAIN, BUDGETED = "dpv:ServicePersonalisation", "dpv:CustomerCare"
PARTNERS = 4
BATCH = 2_500
BODY = orjson.dumps({"note": "x" * 1010})  # about 1 KB; values do not matter here


class Batch:
    """The rows of some subjects, by table, in the order in which they may be inserted."""

    def __init__(self, pin: NoticePin, until: datetime, category: str, action: str) -> None:
        now, month = timezone.now(), timedelta(days=30)
        self.category, self.action = category, action
        self.until, self.now, self.pin = until, now, pin
        self.tables = {
            User: Table(User, password="!"),
            Pod: Table(Pod),
            Key: Table(Key),
            CategoryKey: Table(CategoryKey, category=category, version=1),
            CategoryWrap: Table(CategoryWrap, category=category, version=1),
            Record: Table(Record, category=category, key_version=1, source="owner"),
            Pair: Table(Pair),
            AccessRequest: Table(
                AccessRequest, access_mode="may_store", retention=month, grant_expires_at=until,
                benefit_ko="-", benefit_en="-", body_digest=b"\0" * 32, expires_at=until,
                decided_at=now, approved_at=now,
            ),
            Grant: Table(
                Grant, access_mode="may_store", retention=month, notice_id=pin.pk, given_at=now,
                valid_from=now, expires_at=until,
            ),
            GrantItem: Table(GrantItem, position=0, category=category, action=action),
        }  # fmt: skip
        self.rows: dict[type, list[list[Any]]] = {model: [] for model in self.tables}
        self.entries: list[drafts.Row] = []

    def add(self, model: type, **values: Any) -> None:
        """Put a row to the others of its table."""
        self.rows[model].append(self.tables[model].row(**values))

    def write(self, first_seq: int) -> None:
        """Insert everything; entries get the numbers from `first_seq` on."""
        for model, table in self.tables.items():
            table.copy(self.rows[model])
        numbered = list(enumerate(self.entries, first_seq))
        entry, detail = Table(Entry, numbered=True), Table(Detail)
        entry.copy(
            entry.row(
                seq=seq, event_id=row.event_id, type=row.type, leaf=row.leaf,
                leaf_hash=row.leaf_hash,
            )
            for seq, row in numbered
        )  # fmt: skip
        pending = Table(Pending)
        pending.copy(pending.row(seq=seq) for seq, _ in numbered)
        detail.copy(
            detail.row(
                seq=seq, person=row.person, grant_ref=row.grant_ref, type=row.type, at=row.at,
                sealed=row.detail,
            )
            for seq, row in numbered
        )  # fmt: skip


def is_there(subjects: int) -> bool:
    """Whether the data set of an earlier run is whole and of today's tables."""
    if any(_unapplied()):
        return False
    return Grant.objects.filter(purpose=PLAIN).count() == subjects and (keyring_dir()).exists()


def keyring_dir():
    """Return where the bench's keyring lies: beside its data set."""
    return settings.KEYRING_DIR


def _unapplied() -> list:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def forget_all() -> None:
    """Empty the bench's database; remove its keyring and its anchor."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    for folder in (settings.KEYRING_DIR, settings.ANCHOR_DIR):
        shutil.rmtree(folder, ignore_errors=True)
    keyring.forget()


def make(subjects: int, *, category: str = CATEGORY, action: str = "read") -> None:
    """Make the data set anew, with a progress bar. `action` is what the brands may do."""
    forget_all()
    call_command("migrate", verbosity=0)
    keyring.create_if_missing()
    partners = [_partner(number, category, action) for number in range(PARTNERS)]
    pin = NoticePin.objects.create(
        digest="0" * 64, template_version="bench", language="ko", layout="bench", body=b"bench"
    )
    _fill(subjects, partners, (pin, timezone.now() + timedelta(days=300), category, action))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('audit_entry', 'seq'),"
            " (SELECT max(seq) FROM audit_entry))"
        )
        cursor.execute("VACUUM ANALYZE")


def _fill(subjects: int, partners: list, terms: tuple) -> None:
    """Make and write the batches in as many processes as there are cores."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM audit_entry")
        (last,) = cursor.fetchone()
    connection.close()
    jobs = [
        (start, min(start + BATCH, subjects), last + 1 + 2 * start, partners, terms)
        for start in range(0, subjects, BATCH)
    ]
    with Progress() as progress, get_context("fork").Pool(os.cpu_count()) as pool:
        task = progress.add_task("making the data set", total=subjects)
        for made in pool.imap_unordered(_make_batch, jobs):
            progress.advance(task, made)


def _make_batch(job: tuple[int, int, int, list, tuple]) -> int:
    start, end, first_seq, partners, terms = job
    batch = Batch(*terms)
    for number in range(start, end):
        _subject(batch, *partners[number % PARTNERS])
    batch.write(first_seq)
    connection.close()
    return end - start


def new_tokens() -> list[tuple[UUID, str]]:
    """Return a live token for each partner, by partner id; a day long, for the bench alone."""
    AccessToken.objects.all().delete()
    made = []
    for client in Client.objects.select_related("partner").order_by("client_id"):
        token = secrets.token_urlsafe(32)
        AccessToken.objects.create(
            digest=tokens.digest(token), client=client,
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        made.append((client.partner_id, token))
    return made


def _partner(
    number: int, category: str, action: str
) -> tuple[Partner, Client, dict[str, PurposeTemplate]]:
    from consent import partners

    operator = partners.Operator()
    partner = partners.register(
        operator,
        legal_name_ko=f"벤치 {number}", legal_name_en=f"Bench {number}", registration_number="0",
        address="-", country="KR", officer_name="-", officer_phone="-",
        officer_mail="officer@bench.invalid", privacy_url="https://bench.invalid/",
        kind=Partner.Kind.COMPANY,
    )  # fmt: skip
    client = Client.objects.create(
        partner=partner, client_id=f"bench-{number}", name_ko="벤치", name_en="Bench", jwks={}
    )
    templates = {
        purpose: PurposeTemplate.objects.create(
            partner=partner, purpose=purpose, title_ko="벤치", title_en="Bench",
            categories={category: {"actions": [action], "fields": None}},
            max_expiry=timedelta(days=365), max_retention=timedelta(days=30),
            access_modes=["may_store"],
        )
        for purpose in (PLAIN, BUDGETED)
    }  # fmt: skip
    return partner, client, templates


def _subject(
    batch: Batch, partner: Partner, client: Client, templates: dict[str, PurposeTemplate]
) -> None:
    user, pod, person, pairwise = uuid4(), uuid4(), uuid4().hex, uuid4().hex
    pod_key_id, pod_key = _key(batch, Kind.POD, tree.pod_ref(pod))
    audit_key_id, audit_key = _key(batch, Kind.AUDIT, tree.person_ref(person))
    category_key, key_id = secrets.token_bytes(32), uuid4()
    batch.add(User, id=user, ref=person, email=f"{user.hex}@bench.invalid")
    batch.add(
        Pod, id=pod, ref=uuid4().hex, owner_id=user, key_id=pod_key_id, audit_key_id=audit_key_id
    )
    batch.add(CategoryKey, key=key_id, pod=pod)
    _wrap(batch, pod_key_id, pod_key, key_id, category_key)
    _record(batch, pod, key_id, category_key)
    batch.add(Pair, partner_id=partner.pk, pod_id=pod, pairwise=pairwise)
    for purpose, frequency in ((PLAIN, None), (BUDGETED, {"count": 1_000_000, "unit": "day"})):
        grant, grant_ref, request = uuid4(), uuid4().hex, uuid4()
        grant_key_id, grant_key = _key(batch, Kind.GRANT, tree.grant_ref(grant))
        _wrap(batch, grant_key_id, grant_key, key_id, category_key)
        batch.add(
            AccessRequest, id=request, ref=uuid4().hex, partner_id=partner.pk,
            client_id=client.pk, pod_id=pod, template_id=templates[purpose].pk, purpose=purpose,
            frequency=frequency, idempotency_key=request.hex,
        )  # fmt: skip
        batch.add(
            Grant, id=grant, ref=grant_ref, partner_id=partner.pk, pod_id=pod,
            request_id=request, arrangement=uuid4(), pairwise=pairwise, purpose=purpose,
            frequency=frequency, key_id=grant_key_id,
        )  # fmt: skip
        batch.add(GrantItem, grant_id=grant)
        _entry(batch, grant_ref, purpose, partner, person, audit_key_id, audit_key)


def _key(batch: Batch, kind: Kind, ref: str) -> tuple[UUID, bytes]:
    key_id, secret = uuid4(), secrets.token_bytes(32)
    generation, wrapped = keyring.keyring().wrap(secret, rows.key_context(kind, key_id, ref))
    batch.add(Key, id=key_id, kind=str(kind), ref=ref, generation=generation, wrapped=wrapped)
    return key_id, secret


def _wrap(batch: Batch, under: UUID, under_key: bytes, key_id: UUID, category_key: bytes) -> None:
    context = rows.wrap_context(under, key_id, 1)
    wrapped = sealing.wrap(under_key, category_key, context, key_id=under.bytes)
    batch.add(CategoryWrap, category_key=key_id, under=under, wrapped=wrapped)


def _record(batch: Batch, pod: UUID, key_id: UUID, category_key: bytes) -> None:
    record = uuid4()
    place = sealed.Place(pod, batch.category, record, 1)
    blob = sealing.seal(
        category_key, key_id=key_id.bytes, key_version=1, plaintext=BODY, context=place.context
    )
    batch.add(Record, id=record, pod_id=pod, sealed=blob)


def _entry(
    batch: Batch,
    grant_ref: str,
    purpose: str,
    partner: Partner,
    person: str,
    audit_key_id: UUID,
    audit_key: bytes,
) -> None:
    draft = drafts.Draft(
        type=EntryType.GRANT_GIVEN, role="owner", grant=grant_ref, partner_object=partner.ref,
        opens=1, purpose=purpose, categories=(batch.category,), actions=(batch.action,),
        since=batch.now, until=batch.until, notice=batch.pin.pk,
        person=person, audit_key=audit_key_id, detail={},
    )  # fmt: skip
    batch.entries.append(drafts.compose(draft, audit_key))
