"""How an error looks on the wire: RFC 9457 at the API, RFC 6749 at the OAuth endpoints."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse

# The same in every vault, so that a brand's program compares one constant.
TYPE = "urn:consent-vault:problem:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a caller is told: RFC 9457 members, extension members and headers."""

    status: int
    code: str
    title: str
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(problem: Problem) -> HttpResponse:
    """Write a problem as RFC 9457 JSON."""
    body = {"type": TYPE + problem.code, "title": problem.title, "status": problem.status}
    return _written(problem, body | dict(problem.members), "application/problem+json")


def oauth_answer(problem: Problem) -> HttpResponse:
    """Write a problem as the OAuth endpoints must (RFC 6749, 5.2): never mixed with RFC 9457."""
    errors = {500: "server_error", 503: "temporarily_unavailable"}
    error = errors.get(problem.status, "invalid_request")
    return _written(
        problem, {"error": error, "error_description": problem.title}, "application/json"
    )


def moment(at: datetime) -> str:
    """Return a moment as the API writes it: in UTC, whatever zone a rule is counted in."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _written(problem: Problem, body: Mapping[str, Any], content_type: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store"} | dict(problem.headers)
    content = json.dumps(body, ensure_ascii=False)
    return HttpResponse(content, status=problem.status, content_type=content_type, headers=headers)
