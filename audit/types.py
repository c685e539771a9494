"""The registry of entry types and reason codes: the only such words that a leaf may hold.

A new kind of thing that happens gets its line here, in docs/events.md, and a retention class.
"""

from datetime import timedelta
from enum import StrEnum


class EntryType(StrEnum):
    """What happened. Past tense, `<object>.<what happened>`."""

    # Requests
    REQUEST_MADE = "request.made"
    REQUEST_REFUSED = "request.refused"  # by rule, before an owner saw it
    REQUEST_BOUND = "request.bound"  # a link was opened and belongs to somebody now
    REQUEST_APPROVED = "request.approved"
    REQUEST_DECLINED = "request.declined"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_EXPIRED = "request.expired"
    NOTICE_SERVED = "notice.served"
    RECEIPT_MADE = "receipt.made"
    # Grants: `opens` and `closes` on these are the epochs of the grant
    GRANT_GIVEN = "grant.given"
    GRANT_NARROWED = "grant.narrowed"
    GRANT_ITEM_ENDED = "grant.item_ended"
    GRANT_CHANGED = "grant.changed"  # any other change of what it allows, standing rules included
    GRANT_PAUSED = "grant.paused"
    GRANT_RESUMED = "grant.resumed"
    GRANT_SUSPENDED = "grant.suspended"
    GRANT_REINSTATED = "grant.reinstated"
    GRANT_WITHDRAWN = "grant.withdrawn"
    GRANT_REVOKED = "grant.revoked"
    GRANT_EXPIRED = "grant.expired"
    GRANT_CONSUMED = "grant.consumed"
    GRANT_SUPERSEDED = "grant.superseded"
    GRANT_INVALIDATED = "grant.invalidated"
    # A consent of its own beside an end: the brand may keep the copies that it has
    RETENTION_GIVEN = "retention.given"
    RETENTION_WITHDRAWN = "retention.withdrawn"
    # Records
    RECORD_READ = "record.read"
    RECORD_REFUSED = "record.refused"
    RECORD_FAILED = "record.failed"
    RECORD_CONTRIBUTED = "record.contributed"
    RECORD_ADDED = "record.added"  # by its owner, as the next ones
    RECORD_CHANGED = "record.changed"
    RECORD_HIDDEN = "record.hidden"  # from every brand
    RECORD_SHOWN = "record.shown"
    RECORD_DELETED = "record.deleted"
    RECORD_IMPORTED = "record.imported"
    CALL_REFUSED = "call.refused"  # at a door, before it came to a record or a request
    # What is owed to others after an end
    OBLIGATION_MADE = "obligation.made"
    OBLIGATION_ACKNOWLEDGED = "obligation.acknowledged"
    OBLIGATION_ATTESTED = "obligation.attested"
    OBLIGATION_REFUSED = "obligation.refused"  # an answer that was foreign, replayed or forged
    OBLIGATION_OVERDUE = "obligation.overdue"
    OBLIGATION_ESCALATED = "obligation.escalated"
    OBLIGATION_ABANDONED = "obligation.abandoned"
    DELIVERY_SENT = "delivery.sent"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_ABANDONED = "delivery.abandoned"
    # Pods, keys, holds, orders
    POD_MADE = "pod.made"
    POD_PAUSED = "pod.paused"
    POD_RESUMED = "pod.resumed"
    POD_EXPORTED = "pod.exported"
    POD_ERASE_ASKED = "pod.erase_asked"
    POD_ERASED = "pod.erased"
    CATEGORY_ERASED = "category.erased"
    JOURNEY_ASKED = "journey.asked"  # several brands together; each has a request of its own
    JOURNEY_BOUND = "journey.bound"  # its link was opened and belongs to somebody now
    JOURNEY_ENDED = "journey.ended"
    RULE_MADE = "rule.made"
    RULE_REMOVED = "rule.removed"
    KEY_OPENED = "key.opened"
    KEY_DESTROYED = "key.destroyed"
    KEY_ROTATED = "key.rotated"
    HOLD_MADE = "hold.made"
    HOLD_OPENED = "hold.opened"
    HOLD_DESTROYED = "hold.destroyed"
    ORDER_SERVED = "order.served"
    # Partners: `opens` and `closes` on these are the epochs of the partner
    PARTNER_REGISTERED = "partner.registered"
    PARTNER_CHANGED = "partner.changed"
    PARTNER_SUSPENDED = "partner.suspended"
    PARTNER_REINSTATED = "partner.reinstated"
    PARTNER_DEREGISTERED = "partner.deregistered"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_REVOKED = "client.revoked"
    PURPOSE_PUBLISHED = "purpose.published"
    PURPOSE_RETIRED = "purpose.retired"
    ALLIANCE_MADE = "alliance.made"
    ALLIANCE_JOINED = "alliance.joined"
    ALLIANCE_LEFT = "alliance.left"
    STATEMENT_RECEIVED = "statement.received"
    # People with rights here
    ACCOUNT_MADE = "account.made"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_CLOSED = "account.closed"
    ROLE_GIVEN = "role.given"
    ROLE_REMOVED = "role.removed"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGIN_ENDED = "login.ended"
    GUARDIAN_VERIFIED = "guardian.verified"
    GUARDIAN_REMOVED = "guardian.removed"
    RIGHTS_ASKED = "rights.asked"
    RIGHTS_ANSWERED = "rights.answered"
    # The log about itself
    EXPORT_MADE = "export.made"
    REVIEW_MADE = "review.made"
    LOG_HEARTBEAT = "log.heartbeat"
    LOG_KEY_ROTATED = "log.key_rotated"
    LOG_QUARANTINED = "log.quarantined"
    LOG_RECOVERED = "log.recovered"


KNOWN_TYPES: frozenset[str] = frozenset(EntryType)
ROLES = frozenset({"owner", "partner", "operator", "guardian", "regulator", "system"})
OUTCOMES = frozenset({"ok", "refused", "failed"})


class Reason(StrEnum):
    """Why, as a code. Packages above may add codes of their own; these are shared."""

    UNKNOWN = "unknown"  # stands for anything that a caller made up
    NOT_FOUND = "not-found"
    GRANT_ENDED = "grant-ended"
    GRANT_PAUSED = "grant-paused"
    GRANT_SUSPENDED = "grant-suspended"
    NOT_STARTED = "not-started"
    NOT_GRANTED = "not-granted"
    PURPOSE_MISMATCH = "purpose-mismatch"
    OUT_OF_RANGE = "out-of-range"
    BUDGET_SPENT = "budget-spent"
    RATE_LIMITED = "rate-limited"
    STANDING_RULE = "standing-rule"
    POD_PAUSED = "pod-paused"
    PARTNER_SUSPENDED = "partner-suspended"
    CLIENT_REVOKED = "client-revoked"
    LEVEL_TOO_LOW = "level-too-low"
    TAMPERED = "tampered"
    KEY_ERASED = "key-erased"
    PROVIDER_AWAY = "provider-away"
    LOST_IN_RESTORE = "lost-in-restore"
    HASH_MISMATCH = "hash-mismatch"


class RetentionClass(StrEnum):
    """How long the details of an entry are kept (leaves stay; see docs/events.md)."""

    CONSENT = "consent"  # consent, withdrawal, what was owed: 3 years
    ACCESS = "access"  # access log, PIPA safeguard standard Art. 8: 2 years
    RIGHTS = "rights"  # changes of access rights, same standard Art. 5: 3 years
    PLAIN = "plain"  # everything else: 1 year


KEPT_FOR: dict[RetentionClass, timedelta] = {
    RetentionClass.CONSENT: timedelta(days=3 * 365 + 1),
    RetentionClass.ACCESS: timedelta(days=2 * 365 + 1),
    RetentionClass.RIGHTS: timedelta(days=3 * 365 + 1),
    RetentionClass.PLAIN: timedelta(days=366),
}
_CLASS_OF_OBJECT = {
    **dict.fromkeys(
        ("request", "notice", "receipt", "grant", "retention", "obligation", "delivery", "pod",
         "category", "journey", "rule", "hold", "order", "rights", "guardian"),
        RetentionClass.CONSENT,
    ),
    **dict.fromkeys(("record", "call", "key", "login", "export"), RetentionClass.ACCESS),
    **dict.fromkeys(("role", "account", "partner", "client", "alliance"), RetentionClass.RIGHTS),
}  # fmt: skip


def retention_of(entry_type: str) -> RetentionClass:
    """Return the class that says how long the detail of such an entry is kept."""
    return _CLASS_OF_OBJECT.get(entry_type.partition(".")[0], RetentionClass.PLAIN)
