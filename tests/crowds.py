"""Somebody who is known to very many brands: copies of one grant, each at a brand of its own.

Only the first is given through the doors; a thousand of them would take minutes.
"""

import copy
import uuid
from typing import Any, TypeVar

from django.db import models, transaction

from audit import log
from audit.drafts import Draft
from consent.models import (
    Grant,
    GrantItem,
    Pair,
    RequestItem,
)
from keys import rows, tree
from keys.models import Kind
from tests import cast
from vault.models import Pod

M = TypeVar("M", bound=models.Model)


@transaction.atomic
def known_to(pod: Pod, count: int, *, read: bool = True) -> list[Grant]:
    """Give `count` grants over a pod to as many brands; something was read under each."""
    first = cast.make_grant(pod)
    grants = [first, *_copies(first, count - 1)]
    if read:
        log.append_many([_read(grant) for grant in grants])
    return grants


def _copies(first: Grant, count: int) -> list[Grant]:
    asked = first.request
    partners = _insert([_copy(asked.partner, ref=_ref()) for _ in range(count)])
    clients = _insert(
        [_copy(asked.client, ref=_ref(), client_id=_ref(), partner=each) for each in partners]
    )
    templates = _insert([_copy(asked.template, partner=each) for each in partners])
    Pair.objects.bulk_create(Pair(partner=each, pod=first.pod) for each in partners)
    requests = _insert(
        [
            _copy(asked, ref=_ref(), partner=client.partner, client=client, template=template)
            for client, template in zip(clients, templates, strict=True)
        ]
    )
    items = list(asked.items.all())
    RequestItem.objects.bulk_create(
        _copy(item, request=each, pk=None) for each in requests for item in items
    )
    pairwise = dict(Pair.objects.filter(pod=first.pod).values_list("partner", "pairwise"))
    grants = [
        _copy(
            first,
            ref=_ref(),
            arrangement=uuid.uuid4(),
            partner=each.partner,
            request=each,
            pairwise=pairwise[each.partner_id],
        )
        for each in requests
    ]
    _give_keys(first, grants)
    return grants


def _give_keys(first: Grant, grants: list[Grant]) -> None:
    assert first.key_id is not None
    opened = rows.everything_under(rows.get(first.key_id))
    secret_of = {tree.grant_ref(each.pk): rows.new_secret() for each in grants}
    made = rows.make_all(Kind.GRANT, secret_of)
    rows.wrap_each((made[ref], secret, opened) for ref, secret in secret_of.items())
    for grant in grants:
        grant.key_id = made[tree.grant_ref(grant.pk)]
    _insert(grants)
    items = list(first.items.all())
    GrantItem.objects.bulk_create(
        _copy(item, grant=grant, pk=None) for grant in grants for item in items
    )


def _read(grant: Grant) -> Draft:
    return Draft(
        type="record.read",
        role="partner",
        partner=grant.partner.ref,
        grant=grant.ref,
        epoch=grant.epoch,
        partner_epoch=grant.partner.epoch,
        purpose=grant.purpose,
        categories=("stay",),
        actions=("read",),
        outcome="ok",
        person=grant.pod.owner.ref,
        audit_key=grant.pod.audit_key_id,
    )


def _copy(thing: M, **changes: Any) -> M:
    made = copy.copy(thing)
    made._state = copy.copy(thing._state)
    made._state.fields_cache = {}
    made._state.adding = True
    for name, value in ({"pk": uuid.uuid4()} | changes).items():
        setattr(made, name, value)
    return made


def _insert(things: list[M]) -> list[M]:
    # Not more than a statement takes parameters.
    return type(things[0])._default_manager.bulk_create(things, batch_size=500) if things else []


def _ref() -> str:
    return uuid.uuid4().hex
