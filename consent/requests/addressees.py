"""Whom a request concerns: an owner, or a stand-in that takes as long to be asked.

A partner must not learn from the time of an answer whether somebody is a customer, or has blocked
it (3.5). So for whoever is not reached the same statements run as for an owner, about nobody: an
entry with a sealed detail under a key of the house, and a letter that is settled before it is
written. That also leaves no difference in the log's leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit import nobody
from consent import letters, profiles
from consent.access import columns
from consent.actors import Actor
from consent.models import Letter, Partner
from keys import tree
from keys.models import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Who stands in the entry's detail; `pod` and `owner` are None where nobody is reached."""

    person: str
    audit_key: UUID
    nobodys_key: UUID
    pod: UUID | None = None
    owner: Any = None

    @property
    def place(self) -> UUID:
        """Return which pod to ask about: one that there is, or one that never was."""
        return self.pod or UUID(int=0)

    def nobody(self) -> "Addressee":
        """Return the stand-in, for a request that its owner's rules keep away."""
        key = self.nobodys_key
        return Addressee(person=nobody.REF, audit_key=key, nobodys_key=key)

    def facts(self, actor: Actor, **detail: str) -> dict[str, Any]:
        """Return the person of an entry, with the door that was used."""
        said = {"channel": actor.channel} | detail
        return {"person": self.person, "audit_key": self.audit_key, "detail": said}

    def write(self, partner: Partner) -> None:
        """Owe the news that this partner asks; what is for nobody is settled at once."""
        dropped = None if self.owner is not None else timezone.now()
        asked = Letter(
            owner_id=self.owner, kind=Letter.Kind.ASKED, partner=partner, dropped_at=dropped
        )
        letters.write([asked])


# allauth keeps which addresses are verified. Its app is not installed in the partner's slim
# process, so its table is asked directly. An address counts only
# while it is verified, and was shown to be the owner's within the clock of the profile (3.3).
_BY_MAIL = """
SELECT d.id, d.owner_id, d.audit_key_id, u.ref
  FROM account_emailaddress e
  JOIN accounts_mailproof m ON m.address = e.id
  JOIN accounts_user u ON u.id = e.user_id
  JOIN vault_pod d ON d.owner_id = u.id
 WHERE lower(e.email) = %s AND e.verified AND m.proved_at > %s AND u.is_active
   AND d.erased_at IS NULL
"""
_BY_PAIRWISE = """
SELECT d.id, d.owner_id, d.audit_key_id, u.ref
  FROM consent_pair p
  JOIN vault_pod d ON d.id = p.pod_id
  JOIN accounts_user u ON u.id = d.owner_id
 WHERE p.partner_id = %s AND p.pairwise = %s AND d.erased_at IS NULL
"""
# One statement whoever is meant. The first column is the key of nobody, who is always there.
_FIND = """
SELECT n.id, f.id, f.owner_id, f.audit_key_id, f.ref
  FROM keys_key n LEFT JOIN ({found}) f ON 1 = 1
 WHERE n.kind = %s AND n.ref = %s
"""


def find(partner: Partner, subject: Mapping[str, Any]) -> Addressee | None:
    """Return whom a partner means; None for a link, which is for whoever opens it.

    Nobody is reached where no customer is meant. Whether the owner takes such requests is another
    question (`kept_out`), to be asked about nobody as well.
    """
    if "link" in subject:
        return None
    row = _found(partner, subject)
    if row is None:
        nobody.make()
        row = _found(partner, subject)
        assert row is not None
    key, pod, owner, audit_key, person = row
    if pod is None or audit_key is None:
        pod, owner, audit_key, person = None, None, key, nobody.REF
    return Addressee(
        person=person,
        audit_key=columns.uuid(audit_key),
        nobodys_key=columns.uuid(key),
        pod=None if pod is None else columns.uuid(pod),
        owner=owner,
    )


def _found(partner: Partner, subject: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if "mail" in subject:
        sql, named = _BY_MAIL, [normal(subject["mail"]), _proved_since(partner)]
    else:
        sql, named = _BY_PAIRWISE, [_key(partner), subject["pairwise"]]
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND.format(found=sql), [*named, Kind.AUDIT.value, tree.person_ref(nobody.REF)]
        )
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _proved_since(partner: Partner) -> Any:
    since = timezone.now() - profiles.length("hint_verified_within", partner.bound_by)
    return connection.ops.adapt_datetimefield_value(since)


def _key(partner: Partner) -> Any:
    return partner.pk if connection.vendor == "postgresql" else partner.pk.hex


def normal(mail: str) -> str:
    """Return an address as it is compared."""
    return mail.strip().lower()
