"""What can be wrong with a request, a decision or a call. First docstring line = public title."""

from datetime import datetime
from typing import Any


class ConsentError(Exception):
    """The vault could not do this."""

    # The stable code: the reason in the log and the last part of the problem type.
    code = "consent-error"
    # Whether the log holds this refusal already; whoever answers it writes it otherwise.
    entered = False


class RequestInvalid(ConsentError):
    """The request is not of the form that is asked for."""

    code = "request-invalid"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        """Take (JSON pointer, what is wrong and what would be right) pairs; values are never echoed."""
        super().__init__("; ".join(f"{pointer}: {what}" for pointer, what in problems))
        self.problems = problems


class RequestAgainstRule(ConsentError):
    """The request asks for something that a rule forbids."""

    code = "request-against-rule"

    def __init__(self, rule: str, detail: str) -> None:
        """Take the rule's id, such as "purpose-not-registered", and one sentence."""
        super().__init__(detail)
        self.rule = rule
        self.code = rule


class RequestThrottled(ConsentError):
    """This was asked too recently; ask again later."""

    code = "request-throttled"


class RequestsBarred(ConsentError):
    """This partner may not ask for anything new until its overdue obligations are settled."""

    code = "requests-barred"


class AlreadyDecided(ConsentError):
    """This request was decided already; a decision is final."""

    code = "already-decided"


class RequestExpired(ConsentError):
    """This request was not decided in time."""

    code = "request-expired"


class LinkRefused(ConsentError):
    """This code is not known, was used by somebody else, or is over."""

    code = "link-refused"


class BelowAtLeast(ConsentError):
    """Less than this the brand did not ask for; refuse the request instead."""

    code = "below-at-least"


class ChoicesInvalid(ConsentError):
    """These choices do not fit the request."""

    code = "choices-invalid"


class NoticeChanged(ConsentError):
    """The text that was confirmed is not the text of these choices; read it again."""

    code = "notice-changed"


class KeyReuse(ConsentError):
    """This idempotency key was used with another body."""

    code = "idempotency-key-reused"


class UnknownThing(ConsentError):
    """There is no such thing, or it is not yours; both look the same."""

    code = "not-found"


class AccessRefused(ConsentError):
    """This may not be read."""

    code = "refused"


class GrantEnded(AccessRefused):
    """The customer's consent has ended."""

    code = "grant-ended"

    def __init__(self, ended_at: datetime | None = None, obligation: str | None = None) -> None:
        """Take when it ended and the id of the obligation that follows, if there is one."""
        super().__init__()
        self.ended_at = ended_at
        self.obligation = obligation


class GrantPaused(AccessRefused):
    """The customer has paused this; ask again later."""

    code = "grant-paused"


class NotStarted(AccessRefused):
    """The grant's period has not begun."""

    code = "not-started"


class NotGranted(AccessRefused):
    """This category or field was not granted."""

    code = "not-granted"


class PurposeMismatch(AccessRefused):
    """The stated purpose is not the one that was granted."""

    code = "purpose-mismatch"


class LevelTooLow(AccessRefused):
    """This data needs a client of a higher level."""

    code = "level-too-low"


class PartnerSuspended(AccessRefused):
    """This partner may not be answered at present."""

    code = "partner-suspended"


class TokenNarrowed(AccessRefused):
    """This token is for one grant; ask with one that is not."""

    code = "token-narrowed"


class RateLimited(AccessRefused):
    """This partner makes too many calls a second; wait."""

    code = "rate-limited"

    def __init__(self, after: int, state: dict[str, str]) -> None:
        """Take in how many seconds there will be room, and the headers that say so."""
        super().__init__()
        self.after, self.state = after, state


class TooManyRecords(ConsentError):
    """One request brings at most so many records; send the rest in another."""

    code = "too-many-records"

    def __init__(self, most: int, results: list[dict[str, Any]]) -> None:
        """Take the limit, and the results of the records up to it: those were worked off."""
        super().__init__()
        self.most, self.results = most, results


class QuotaSpent(ConsentError):
    """This partner has brought as many records as it may bring on one day."""

    code = "quota-spent"

    def __init__(self, next_window: datetime) -> None:
        """Take when the next day begins."""
        super().__init__()
        self.next_window = next_window


class BudgetSpent(AccessRefused):
    """The reads that were agreed for this period are used up."""

    code = "budget-spent"

    def __init__(self, next_window: datetime | None) -> None:
        """Take when the next window opens; None when there is none."""
        super().__init__()
        self.next_window = next_window


class RepeatRefused(AccessRefused):
    """This idempotency key was used with another body, too often, or too long ago."""

    code = "repeat-refused"


class CursorRefused(AccessRefused):
    """This cursor is not from this list, or too old; begin without one."""

    code = "cursor-refused"


class TryAgain(ConsentError):
    """The vault is busy with this very grant; try again in a second."""

    code = "try-again"


class TokenRefused(ConsentError):
    """The access token is missing, unknown, expired or was killed."""

    code = "invalid-token"


class GrantNotLive(ConsentError):
    """This grant has ended already."""

    code = "grant-not-live"


class AttestationRefused(ConsentError):
    """This attestation is not signed by the partner, not about this obligation, or was used before."""

    code = "attestation-refused"

    def __init__(self, reason: str = "refused") -> None:
        """Take one of our own words for what is wrong with it."""
        super().__init__(reason)
        self.reason = reason


class EndpointRefused(ConsentError):
    """This address is no place to send events to; use https and a public address."""

    code = "endpoint-refused"


class EventsArePushed(ConsentError):
    """Your events are pushed to your endpoint; have the vault's operator set them to polling."""

    code = "events-are-pushed"


class RecordUnreadable(ConsentError):
    """A record could not be opened; the operator has been told."""

    code = "record-unreadable"


class SecondPersonNeeded(ConsentError):
    """This takes two persons with accounts of their own."""

    code = "second-person-needed"
