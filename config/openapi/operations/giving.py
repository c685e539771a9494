"""Giving back: one record, or thousands in one stream."""

from typing import Any

from django.utils.translation import gettext as _

from config.openapi import problems
from config.openapi.answers import ref
from config.openapi.operation import (
    EVERYWHERE,
    JSON,
    JSON_BODY,
    NEGOTIATED,
    Operation,
    body,
    limited,
)
from config.openapi.operations.reading import DECIDED
from consent import exceptions as consent
from vault import exceptions as vault

TAG = "Giving back"
NDJSON = "application/x-ndjson"
Part = dict[str, Any]


def tag() -> dict[str, str]:
    """Return what this group is about."""
    said = _("Put records into a customer's pod, where that was granted. They are the customer's.")
    return {"name": TAG, "x-title": _("Giving back"), "description": said}


def operations() -> list[Operation]:
    """Return the operations of this group."""
    return [_contribute(), _bulk()]


def _contribute() -> Operation:
    faults = (consent.KeyReuse, vault.RecordInvalid, vault.RRNFound)
    return Operation(
        route="api/v1/contributions",
        method="post",
        id="contribute",
        tag=TAG,
        summary=_("Bring a record"),
        description=_("It must fit the schema of its category, and hold granted fields only."),
        body=body("Contribution"),
        parameters=("IdempotencyKey",),
        answers={201: limited(_("It is in the pod."), "Contributed")},
        told=(*EVERYWHERE, *NEGOTIATED, *JSON_BODY, *DECIDED, *map(problems.of, faults)),
    )


def _bulk() -> Operation:
    lines = {"schema": {"type": "string"}, "x-line": ref("ContributedItem")}
    return Operation(
        route="api/v1/contributions/bulk",
        method="post",
        id="contributeMany",
        tag=TAG,
        summary=_("Bring thousands of records"),
        description=_(
            "Newline-delimited JSON, up to 4,000 lines. Each is taken whole or refused by itself. "
            "After a broken connection send the same again, with the same key: what is missing is "
            "taken, and the rest answered as before."
        ),
        body={"required": False, "content": {NDJSON: lines}},  # nothing brings nothing
        parameters=("IdempotencyKey",),
        answers={200: _results()},
        told=(
            *EVERYWHERE, *NEGOTIATED, problems.plain(415),
            *map(problems.of, (consent.RequestInvalid, consent.TooManyRecords, vault.RRNFound)),
        ),
    )  # fmt: skip


def _results() -> Part:
    told = limited(_("A line for each line, in their order; or, on demand, one JSON document."))
    return told | {
        "content": {
            NDJSON: {"schema": {"type": "string"}, "x-line": ref("ItemResult")},
            JSON: {"schema": ref("ItemResults")},
        }
    }
