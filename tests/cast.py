"""Builds the people, brands and grants that tests need, through the same doors as everybody.

Nobody here is real. Each builder takes what differs from a small, likely story: a guest lets a
hotel read her stays for personal service, for thirty days.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from allauth.account.models import EmailAddress
from django.utils import timezone
from joserfc.jwk import ECKey, KeySet

from accounts import proofs
from accounts.models import MailProof, User
from consent import notices, partners, requests
from consent.actors import Actor
from consent.models import AccessRequest, Client, Grant, Partner, PurposeTemplate
from consent.requests import Choices, ItemChoice, Submitted
from vault import pods
from vault.models import Pod

PURPOSE = "dpv:ServicePersonalisation"
OPERATOR = partners.Operator()
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ClientWithKey:
    """A client and the private key that only its brand has."""

    client: Client
    key: ECKey


def make_owner(mail: str | None = None, *, verified: bool = True, **changes: Any) -> User:
    """A person with a verified address and an empty pod."""
    mail = mail or f"guest{next(_numbers)}@example.com"
    user = User.objects.create_user(mail, None, **changes)
    address = EmailAddress.objects.create(user=user, email=mail, verified=verified, primary=True)
    if verified:
        proofs.note(address)
    pods.create(user)
    return user


def proved(owner: User, at: datetime) -> None:
    """Let the owner's address have been verified then."""
    MailProof.objects.filter(user=owner).update(proved_at=at)


def make_pod(owner: User | None = None) -> Pod:
    """The pod of an owner."""
    return Pod.objects.select_related("owner").get(owner=owner or make_owner())


def make_partner(**changes: Any) -> Partner:
    """A hotel."""
    number = next(_numbers)
    facts = {
        "legal_name_ko": f"마루호텔 주식회사 {number}",
        "legal_name_en": f"Maru Hotel Co., Ltd. {number}",
        "registration_number": f"000-00-{number:05}",
        "address": "서울특별시 중구 예시로 1",
        "country": "KR",
        "officer_name": "김보호",
        "officer_phone": "02-0000-0000",
        "officer_mail": f"privacy{number}@maru.example",
        "privacy_url": "https://maru.example/privacy",
        "kind": Partner.Kind.COMPANY,
    }
    return partners.register(OPERATOR, **facts | changes)


def make_client_with_key(partner: Partner | None = None, **changes: Any) -> ClientWithKey:
    """A client with a real ES256 key; the vault knows the public half only."""
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": uuid4().hex})
    facts = {
        "name_ko": "마루호텔 · 고객센터",
        "name_en": "Maru Hotel · Guest service",
        "jwks": KeySet([key]).as_dict(private=False),
    }
    made = partners.add_client(partner or make_partner(), OPERATOR, **facts | changes)
    return ClientWithKey(made, key)


def make_client(partner: Partner | None = None, **changes: Any) -> Client:
    """A client whose key the test does not need."""
    return make_client_with_key(partner, **changes).client


def make_template(partner: Partner, **changes: Any) -> PurposeTemplate:
    """A registered purpose: stays, itinerary and preferences; read and contribute."""
    both = {"actions": ["read", "contribute"], "fields": None}
    facts = {
        "purpose": PURPOSE,
        "title_ko": "머무는 동안의 맞춤 서비스",
        "title_en": "Personal service during your stay",
        "categories": dict.fromkeys(("stay", "itinerary", "preferences"), both),
        "max_expiry": timedelta(days=180),
        "max_retention": timedelta(days=90),
        "max_frequency": None,
        "access_modes": ["look_only", "may_store"],
    }
    return partners.publish_purpose(partner, OPERATOR, **facts | changes)


def make_item(category: str = "stay", **changes: Any) -> dict[str, Any]:
    """One item of a request's body."""
    return {
        "category": category,
        "action": "read",
        "why": {"ko": "취향에 맞게 방을 준비해요.", "en": "To prepare the room to your taste."},
        "required": False,
        "effect_if_refused": "none",
    } | changes


def make_body(pod: Pod | None = None, **changes: Any) -> dict[str, Any]:
    """A request's body; with `pod`, its owner is named by verified mail. None leaves a member out."""
    body = {
        "subject": {"mail": pod.owner.email} if pod else {"link": True},
        "purpose": PURPOSE,
        "items": [make_item()],
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": (timezone.now() + timedelta(days=30)).isoformat(),
        "benefit": {"ko": "늦은 퇴실 무료", "en": "Free late check-out"},
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def submit(client: Client, body: dict[str, Any], key: str | None = None) -> Submitted:
    """Ask, under a key of its own."""
    return requests.submit(client, body, idempotency_key=key or uuid4().hex)


def make_request(
    pod: Pod | None = None, client: Client | None = None, **changes: Any
) -> AccessRequest:
    """A request that reached the pod's owner. `changes` are members of the body."""
    pod = pod or make_pod()
    if client is None:
        client = make_client()
    if not client.partner.purposes.filter(retired_at=None).exists():
        make_template(client.partner)
    return submit(client, make_body(pod, **changes)).request


def approve(
    request: AccessRequest, choices: Choices | None = None, *, language: str = "ko", **changes: Any
) -> Grant:
    """Agree to everything, or to `choices`, with every tick and on the right notice."""
    choices = choices or Choices.everything(request)
    ticked = Choices(
        items=choices.items,
        expires_at=choices.expires_at,
        frequency=choices.frequency,
        ticks=notices.required_ticks(request, choices),
    )
    assert request.pod is not None
    facts = {
        "notice_digest": notices.digest(notices.render(request, choices, language)),
        "actor": Actor.owner(request.pod.owner),
        "language": language,
    }
    return requests.approve(request, ticked, **facts | changes)


def make_grant(
    pod: Pod | None = None,
    client: Client | None = None,
    *,
    items: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> Grant:
    """A grant that an owner gave. `changes` are members of the request's body."""
    if items is not None:
        changes["items"] = items
    return approve(make_request(pod, client, **changes))


def start(grant: Grant, moment: datetime) -> Grant:
    """Move a grant's period so that it started at `moment`: what the clock would have done."""
    Grant.objects.filter(pk=grant.pk).update(given_at=moment, valid_from=moment)
    grant.refresh_from_db()
    return grant


def choose(*items: ItemChoice, **changes: Any) -> Choices:
    """What an owner chose; ticks are added by `approve`."""
    return Choices(items=items, **changes)
