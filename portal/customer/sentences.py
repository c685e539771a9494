"""What happened, as a sentence for the person it happened to: one line of the registry each."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.types import EntryType, Reason
from consent.revocation.events import EventType


@dataclass(frozen=True, slots=True)
class Sentence:
    """How an entry of one type looks. The text may name %(brand)s and %(what)s."""

    icon: str
    tone: str  # "", "good", "caution" or "stop"
    text: str | Promise


SENTENCES: dict[str, Sentence] = {
    EntryType.REQUEST_MADE: Sentence("inbox", "", _("%(brand)s asked for %(what)s.")),
    EntryType.REQUEST_BOUND: Sentence("link", "", _("You took a request of %(brand)s into your vault.")),
    EntryType.REQUEST_DECLINED: Sentence("x", "", _("You refused %(brand)s.")),
    EntryType.REQUEST_CANCELLED: Sentence("x", "", _("%(brand)s took its request back.")),
    EntryType.REQUEST_EXPIRED: Sentence("clock", "", _("A request of %(brand)s ran out undecided.")),
    EntryType.GRANT_GIVEN: Sentence("check", "good", _("You let %(brand)s see %(what)s.")),
    EntryType.GRANT_NARROWED: Sentence("scissors", "", _("You narrowed what %(brand)s sees.")),
    EntryType.GRANT_ITEM_ENDED: Sentence(
        "scissors", "", _("A part of what you share with %(brand)s ended.")
    ),
    EntryType.GRANT_CHANGED: Sentence("pencil", "", _("What you share with %(brand)s changed.")),
    EntryType.GRANT_PAUSED: Sentence("pause", "", _("You paused %(brand)s.")),
    EntryType.GRANT_RESUMED: Sentence("play", "", _("%(brand)s may go on.")),
    EntryType.GRANT_SUSPENDED: Sentence(
        "ban", "caution", _("The operator stopped %(brand)s for now.")
    ),
    EntryType.GRANT_REINSTATED: Sentence("play", "", _("The operator let %(brand)s go on.")),
    EntryType.GRANT_WITHDRAWN: Sentence(
        "circle-x", "", _("You ended sharing with %(brand)s (consent withdrawn).")
    ),
    EntryType.GRANT_REVOKED: Sentence("circle-x", "", _("Sharing with %(brand)s was ended.")),
    EntryType.GRANT_EXPIRED: Sentence("clock", "", _("The time of %(brand)s is over.")),
    EntryType.GRANT_CONSUMED: Sentence("circle-check", "", _("What %(brand)s could see is used up.")),
    EntryType.GRANT_SUPERSEDED: Sentence(
        "refresh-cw", "", _("A new consent took the place of the earlier one for %(brand)s.")
    ),
    EntryType.GRANT_INVALIDATED: Sentence(
        "ban", "caution", _("The consent for %(brand)s was found to be void.")
    ),
    EntryType.RETENTION_GIVEN: Sentence(
        "folder-lock", "", _("You let %(brand)s keep what it has of %(what)s.")
    ),
    EntryType.RETENTION_WITHDRAWN: Sentence(
        "folder-lock", "", _("You no longer let %(brand)s keep what it has.")
    ),
    EntryType.RECORD_READ: Sentence("eye", "", _("%(brand)s looked at %(what)s.")),
    EntryType.RECORD_REFUSED: Sentence(
        "shield-check", "stop", _("%(brand)s tried to look at %(what)s. It was stopped, nothing was handed over.")
    ),
    EntryType.RECORD_FAILED: Sentence(
        "triangle-alert", "caution", _("%(brand)s should have seen %(what)s, but it could not be opened.")
    ),
    EntryType.RECORD_CONTRIBUTED: Sentence("plus", "", _("%(brand)s left something in %(what)s.")),
    EntryType.RECORD_ADDED: Sentence("plus", "", _("You added to %(what)s.")),
    EntryType.RECORD_CHANGED: Sentence("pencil", "", _("You changed something in %(what)s.")),
    EntryType.RECORD_HIDDEN: Sentence("eye-off", "", _("You hid something in %(what)s from brands.")),
    EntryType.RECORD_SHOWN: Sentence("eye", "", _("You let brands see something in %(what)s again.")),
    EntryType.RECORD_DELETED: Sentence("trash-2", "", _("You deleted something in %(what)s.")),
    EntryType.RECORD_IMPORTED: Sentence("upload", "", _("You brought a file into %(what)s.")),
    EntryType.OBLIGATION_MADE: Sentence("file-text", "", _("%(brand)s now has to destroy what it holds.")),
    EntryType.OBLIGATION_ACKNOWLEDGED: Sentence(
        "check", "", _("%(brand)s answered that it will destroy what it holds.")
    ),
    EntryType.OBLIGATION_ATTESTED: Sentence(
        "circle-check", "good", _("%(brand)s confirmed with its signature what became of your data.")
    ),
    EntryType.OBLIGATION_REFUSED: Sentence(
        "circle-alert", "caution", _("An answer in the name of %(brand)s was not genuine and does not count.")
    ),
    EntryType.OBLIGATION_OVERDUE: Sentence("clock", "caution", _("%(brand)s is late with its confirmation.")),
    EntryType.OBLIGATION_ESCALATED: Sentence(
        "megaphone", "caution", _("We asked the privacy officer of %(brand)s.")
    ),
    EntryType.OBLIGATION_ABANDONED: Sentence(
        "circle-alert", "caution", _("We gave up waiting for %(brand)s; the reason is on record.")
    ),
    EntryType.DELIVERY_SENT: Sentence("send", "", _("%(brand)s was told.")),
    EntryType.DELIVERY_FAILED: Sentence("send", "caution", _("%(brand)s could not be told yet. We keep trying.")),
    EntryType.DELIVERY_ABANDONED: Sentence("send", "caution", _("%(brand)s could not be told.")),
    EntryType.POD_MADE: Sentence("folder-lock", "good", _("You opened your vault.")),
    EntryType.POD_PAUSED: Sentence("pause", "", _("You paused your whole vault.")),
    EntryType.POD_RESUMED: Sentence("play", "", _("Your vault goes on.")),
    EntryType.POD_EXPORTED: Sentence("download", "", _("You took your data with you.")),
    EntryType.POD_ERASE_ASKED: Sentence("trash-2", "", _("You asked for your vault to be erased.")),
    EntryType.POD_ERASED: Sentence("trash-2", "", _("Your vault was erased.")),
    EntryType.CATEGORY_ERASED: Sentence("trash-2", "", _("You erased %(what)s.")),
    EntryType.JOURNEY_ASKED: Sentence("map-pin", "", _("Several brands asked together, for a journey.")),
    EntryType.JOURNEY_BOUND: Sentence("map-pin", "", _("You took a journey into your vault.")),
    EntryType.JOURNEY_ENDED: Sentence("circle-x", "", _("You ended a journey with every brand.")),
    EntryType.RULE_MADE: Sentence("ban", "", _("You take no more requests of %(brand)s.")),
    EntryType.RULE_REMOVED: Sentence("inbox", "", _("You take requests of %(brand)s again.")),
    EntryType.KEY_OPENED: Sentence(
        "key-round", "caution", _("The operator opened a key of yours. The reason is on record.")
    ),
    EntryType.ACCOUNT_MADE: Sentence("user-round", "good", _("You made your account and agreed to its notice.")),
    EntryType.ACCOUNT_CHANGED: Sentence("user-round", "", _("You changed your account.")),
    EntryType.LOGIN_SUCCEEDED: Sentence("log-in", "", _("You signed in.")),
    EntryType.LOGIN_FAILED: Sentence("circle-alert", "caution", _("Somebody tried to sign in and did not succeed.")),
    EntryType.LOGIN_ENDED: Sentence("log-out", "", _("You signed out.")),
}  # fmt: skip

# A rule that is about a kind of data or a purpose, whoever asks.
RULES: dict[str, str | Promise] = {
    EntryType.RULE_MADE: _("You take no more requests about %(what)s, whoever asks."),
    EntryType.RULE_REMOVED: _("You take requests about %(what)s again."),
}

_ENDED = _("%(brand)s was told that the sharing has ended.")
# What a brand was told of, by the type of the event.
TOLD: dict[str, str | Promise] = {
    EventType.GRANT_GIVEN: _("%(brand)s was told that you agreed."),
    EventType.GRANT_NARROWED: _("%(brand)s was told that you share less with it."),
    EventType.ITEM_ENDED: _("%(brand)s was told that you share less with it."),
    EventType.GRANT_PAUSED: _("%(brand)s was told of the pause."),
    EventType.GRANT_RESUMED: _("%(brand)s was told that it may go on."),
    EventType.GRANT_SUSPENDED: _("%(brand)s was told that the operator stopped it for now."),
    EventType.GRANT_REINSTATED: _("%(brand)s was told that it may go on."),
    EventType.GRANT_SUPERSEDED: _("%(brand)s was told that a new consent took the earlier one's place."),
    EventType.GRANT_INVALIDATED: _("%(brand)s was told that the consent is void."),
    EventType.RETENTION_WITHDRAWN: _("%(brand)s was told to destroy what it had kept."),
    EventType.REQUEST_APPROVED: _("%(brand)s was told that you agreed."),
    EventType.REQUEST_CLOSED: _("%(brand)s was told that its request is closed."),
    EventType.GRANT_WITHDRAWN: _ENDED,
    EventType.GRANT_REVOKED: _ENDED,
    EventType.GRANT_EXPIRED: _ENDED,
    EventType.GRANT_CONSUMED: _ENDED,
    EventType.GRANTS_ENDED: _ENDED,
}  # fmt: skip

REASONS: dict[str, str | Promise] = {
    Reason.PURPOSE_MISMATCH: _("It stated a purpose that you had not agreed to."),
    Reason.NOT_GRANTED: _("You had not agreed to share that."),
    Reason.GRANT_ENDED: _("You had ended the sharing."),
    Reason.GRANT_PAUSED: _("You had paused it."),
    Reason.GRANT_SUSPENDED: _("The operator had stopped it."),
    Reason.NOT_STARTED: _("The agreed time had not begun."),
    Reason.OUT_OF_RANGE: _("It was about a time that you had not agreed to."),
    Reason.BUDGET_SPENT: _("It had used up the looks that you agreed to."),
    Reason.RATE_LIMITED: _("It asked too often."),
    Reason.POD_PAUSED: _("You had paused your vault."),
    Reason.PARTNER_SUSPENDED: _("This brand may not receive anything at present."),
    Reason.CLIENT_REVOKED: _("The program that asked is no longer allowed."),
    Reason.LEVEL_TOO_LOW: _("Its connection is not safe enough for such data."),
    "journey-ended": _("You ended the journey."),
    "left-alliance": _("It left the alliance that it asked through."),
    "partner-deregistered": _("It no longer takes part here."),
    "category-erased": _("You erased this kind of data."),
    Reason.STANDING_RULE: _("A rule of yours forbids it."),
}

GRANT_ENDS = frozenset({
    EntryType.GRANT_WITHDRAWN, EntryType.GRANT_REVOKED, EntryType.GRANT_EXPIRED,
    EntryType.GRANT_CONSUMED, EntryType.GRANT_SUPERSEDED, EntryType.GRANT_INVALIDATED,
})  # fmt: skip
# What the timeline shows by itself: one's own coming and going would drown the rest.
EVERYDAY = frozenset(SENTENCES) - {EntryType.LOGIN_SUCCEEDED, EntryType.LOGIN_ENDED}
# The chips over the timeline, in their order.
FILTERS: dict[str, tuple[str | Promise, frozenset[EntryType]]] = {
    "given": (_("Given"), frozenset({EntryType.GRANT_GIVEN})),
    "read": (_("Looked at"), frozenset({EntryType.RECORD_READ, EntryType.RECORD_CONTRIBUTED})),
    "refused": (_("Stopped"), frozenset({EntryType.RECORD_REFUSED, EntryType.RECORD_FAILED})),
    "changed": (_("Changed and paused"), frozenset({
        EntryType.GRANT_PAUSED, EntryType.GRANT_RESUMED, EntryType.GRANT_NARROWED,
        EntryType.GRANT_ITEM_ENDED, EntryType.GRANT_CHANGED, EntryType.GRANT_SUSPENDED,
        EntryType.GRANT_REINSTATED, EntryType.POD_PAUSED, EntryType.POD_RESUMED,
    })),
    "ended": (_("Ended"), GRANT_ENDS | {
        EntryType.RETENTION_GIVEN, EntryType.RETENTION_WITHDRAWN,
    }),
    "told": (_("Told and confirmed"), frozenset({
        EntryType.DELIVERY_SENT, EntryType.DELIVERY_FAILED, EntryType.DELIVERY_ABANDONED,
        EntryType.OBLIGATION_MADE, EntryType.OBLIGATION_ACKNOWLEDGED,
        EntryType.OBLIGATION_ATTESTED, EntryType.OBLIGATION_OVERDUE,
        EntryType.OBLIGATION_ESCALATED, EntryType.OBLIGATION_ABANDONED,
    })),
    "asked": (_("Requests"), frozenset({
        EntryType.REQUEST_MADE, EntryType.REQUEST_BOUND, EntryType.REQUEST_DECLINED,
        EntryType.REQUEST_CANCELLED, EntryType.REQUEST_EXPIRED,
    })),
    "data": (_("My data"), frozenset({
        EntryType.RECORD_ADDED, EntryType.RECORD_CHANGED, EntryType.RECORD_HIDDEN,
        EntryType.RECORD_SHOWN, EntryType.RECORD_DELETED, EntryType.RECORD_IMPORTED,
        EntryType.CATEGORY_ERASED, EntryType.POD_EXPORTED,
    })),
    "account": (_("Signing in"), frozenset({
        EntryType.ACCOUNT_MADE, EntryType.ACCOUNT_CHANGED, EntryType.LOGIN_SUCCEEDED,
        EntryType.LOGIN_FAILED, EntryType.LOGIN_ENDED, EntryType.POD_MADE,
    })),
}  # fmt: skip
