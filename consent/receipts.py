"""Receipts of a consent (동의 확인서), shaped after ISO/IEC TS 27560 with DPV terms, as JSON-LD.

Made anew each time from the grant, whose terms never change after it was given; re-requestable
as long as the grant is kept. Signing and the other kinds (철회, 파기) come on top of this form.
"""

from typing import Any

from django.conf import settings

from consent.models import Grant, GrantItem
from vault import categories

CONTEXT = {
    "@vocab": "https://w3id.org/consent-27560#",
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
}
SCHEMA_VERSION = "ISO/IEC TS 27560:2023"
_STATES = {
    "withdrawn": "dpv:ConsentWithdrawn",
    "revoked": "dpv:ConsentRevoked",
    "expired": "dpv:ConsentExpired",
    "consumed": "dpv:ConsentExpired",
    "superseded": "dpv:ConsentInvalidated",
    "invalidated": "dpv:ConsentInvalidated",
}


def receipt(grant: Grant, language: str = "ko") -> dict[str, Any]:
    """Return what an owner keeps as proof. It names the notice by its hash, and no value."""
    return {
        "@context": CONTEXT,
        "@type": "ConsentReceipt",
        "schema_version": SCHEMA_VERSION,
        "receipt_id": f"{grant.pk}/{grant.epoch}",
        "record_id": str(grant.pk),
        "pii_principal_id": grant.pairwise,
        "issuer": settings.ORIGIN,
        "pii_processing": _processing(grant, language),
        "party_identification": [_party(grant, language)],
        "event": _events(grant),
    }


def _processing(grant: Grant, language: str) -> dict[str, Any]:
    return {
        "privacy_notice": {"sha256": grant.notice_id, "language": grant.notice.language},
        "language": language,
        "purpose": grant.purpose,
        "lawful_basis": grant.legal_basis,
        "consent_type": grant.consent_kind,
        "pii_information": [_item(item, language) for item in grant.items.all()],
        "pii_controller": str(grant.partner_id),
        "storage_conditions": {
            "access_mode": grant.access_mode,
            "retention_days": grant.retention.days if grant.retention else None,
            "frequency": grant.frequency,
        },
        "validity": {
            "from": grant.valid_from.isoformat(),
            "until": grant.stops_at.isoformat(),
        },
        "jurisdiction": "KR",
        "withdrawal_method": f"{settings.ORIGIN}/",
    }


def _item(item: GrantItem, language: str) -> dict[str, Any]:
    category = categories.get(item.category)
    return {
        "category": item.category,
        "label": category.label.in_language(language),
        "dpv": list(category.dpv),
        "fields": item.fields,
        "action": item.action,
        "sensitive": bool(category.classes & {"sensitive", "unique_id"}),
    }


def _party(grant: Grant, language: str) -> dict[str, str]:
    partner = grant.partner
    return {
        "party_id": str(partner.pk),
        "party_type": "dpv:DataController",
        "party_name": partner.legal_name(language),
        "party_address": partner.address,
        "party_country": partner.country,
        "party_contact": partner.officer_mail,
        "privacy_policy": partner.privacy_url,
    }


def _events(grant: Grant) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {
            "event_time": grant.given_at.isoformat(),
            "event_type": "dpv:ExplicitlyExpressedConsent",
            "event_state": "dpv:ConsentGiven",
            "given_by": grant.given_by,
        }
    ]
    if grant.ended_at is not None:
        events.append(
            {
                "event_time": grant.ended_at.isoformat(),
                "event_type": grant.end_kind,
                "event_state": _STATES[grant.end_kind],
                "ended_by": grant.end_actor,
                "kept_by_consent": grant.kept_by_consent_at is not None,
                # Whether anonymising does not do for the copies, or for a part of them.
                "deletion_only": grant.obligations.filter(deletion_only=True).exists(),
            }
        )
    return events
