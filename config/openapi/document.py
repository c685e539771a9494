"""The whole description, in one of the languages of the vault."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from config.openapi import answers, forms, operations, parts, problems, schemas
from config.openapi.operation import EVERYWHERE, GUARDED, Operation, path_parameters
from config.openapi.operations import registering
from consent import exceptions as consent
from consent.oauth import details

Part = dict[str, Any]
VERSION = "1"  # of the API, as it stands in its addresses


def document(language: str = "en") -> Part:
    """Return the description; the same object each time, so nobody may change it."""
    return _made(language, settings.ORIGIN)


@cache
def _made(language: str, _origin: str) -> Part:
    with translation.override(language):
        known = list(operations.all_of_them())
        return {
            "openapi": "3.1.0",
            "info": _info(),
            "externalDocs": {"url": settings.ORIGIN + "/about/api/"},
            "servers": [{"url": settings.ORIGIN}],
            "tags": operations.tags(),
            "paths": _paths(known),
            "components": _components(known),
        }


def path(route: str) -> str:
    """Return a route of the URL map as the description writes it."""
    return "/" + re.sub(r"<uuid:(\w+)>", r"{\1}", route)


def _info() -> Part:
    return {
        "title": _("Consent Vault, the API for brands"),
        "version": VERSION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": _(
            "Ask customers for access, read what they granted, give records back, and answer for "
            "what becomes of copies. Every call is decided against the consent of the very person, "
            "and entered in a log that nobody can change unnoticed. Members that you do not know "
            "may come with any answer: pass over them. HEAD is answered wherever GET is."
        ),
    }


def _paths(known: Iterable[Operation]) -> Part:
    found: dict[str, Part] = {}
    for one in known:
        at = found.setdefault(path(one.route), {})
        if ids := path_parameters(one.route):
            at["parameters"] = ids
        at[one.method] = one.written()
    return found


def _components(known: Iterable[Operation]) -> Part:
    told = [each for one in known for each in (*one.told, *EVERYWHERE, *GUARDED)]
    told.append(problems.plain(405))
    listed = [each for those in problems.by_status(told).values() for each in those]
    refused = {one.key: one.schema() for one in sorted(listed, key=lambda one: one.key)}
    detail = schemas.lifted(details.schema()) | {"title": "AuthorizationDetails"}
    return {
        "securitySchemes": parts.security(),
        "parameters": parts.parameters(),
        "headers": parts.headers(),
        "responses": _elsewhere(),
        "schemas": {
            **schemas.bodies(),
            "AuthorizationDetails": detail,
            **forms.schemas(),
            **registering.schemas(),
            **answers.answers(),
            "Description": {"type": "object", "additionalProperties": True},
            **refused,
        },
    }


def _elsewhere() -> Part:
    """Return what is answered where there is no operation: a wrong method, a wrong address."""
    method, nothing = problems.plain(405), problems.of(consent.UnknownThing)
    wrong = forms.response(_("This method does not exist here."), ("invalid_request",), "Allow")
    return {
        "MethodNotAllowed": problems.response(405, [method]),
        "OAuthMethodNotAllowed": wrong,
        "NotFound": problems.response(404, [nothing]),
    }
