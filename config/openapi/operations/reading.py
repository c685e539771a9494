"""Reading: of one customer, of many, and what changed."""

from django.utils.translation import gettext as _

from config.openapi import problems
from config.openapi.operation import EVERYWHERE, FOUND, JSON_BODY, Operation, body, limited
from consent import exceptions as consent
from vault import exceptions as vault

TAG = "Reading"
# Why a call about somebody's data is refused, whether it reads or brings.
DECIDED = (
    *FOUND,
    *map(problems.of, (
        consent.GrantEnded, consent.GrantPaused, consent.NotStarted, consent.NotGranted,
        consent.PurposeMismatch, consent.LevelTooLow, consent.PartnerSuspended,
    )),
)  # fmt: skip
_READ = (
    *EVERYWHERE, *JSON_BODY, *DECIDED,
    *map(problems.of, (consent.BudgetSpent, consent.RecordUnreadable)),
)  # fmt: skip


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("Read what was granted. Every read is decided, counted and shown to the customer.")
    return {"name": TAG, "x-title": _("Reading"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [_read(), _batch(), _changes()]


def _read() -> Operation:
    return Operation(
        route="api/v1/reads",
        method="post",
        id="read",
        tag=TAG,
        summary=_("Read a customer's data"),
        description=_(
            "One customer, one category or view, one purpose. A read spends budget: repeat it "
            "after a network error with the same idempotency_key, and it is not counted again."
        ),
        body=body("Read"),
        answers={200: limited(_("The granted fields, newest first."), "ReadAnswer")},
        told=(*_READ, *map(problems.of, (consent.RepeatRefused, vault.RRNFound))),
    )


def _batch() -> Operation:
    return Operation(
        route="api/v1/reads/batch",
        method="post",
        id="readMany",
        tag=TAG,
        summary=_("Read the data of many customers"),
        description=_(
            "Each customer's read is decided, counted and entered by itself: the answer says for "
            "each what was read or why not, in your order."
        ),
        body=body("BatchRead"),
        answers={200: limited(_("A result for each customer."), "BatchAnswer")},
        told=(
            *EVERYWHERE, *JSON_BODY,
            *map(problems.of, (consent.PartnerSuspended, vault.RRNFound)),
        ),
    )  # fmt: skip


def _changes() -> Operation:
    return Operation(
        route="api/v1/changes",
        method="post",
        id="readChanges",
        tag=TAG,
        summary=_("Read what changed"),
        description=_(
            "Without a cursor from the beginning, with the last answer's cursor from there on. "
            "What is gone is told by its id only. Each page is a read."
        ),
        body=body("Changes"),
        answers={200: limited(_("One page, and the cursor for the next."), "ChangesAnswer")},
        told=(*_READ, problems.of(consent.CursorRefused)),
    )
