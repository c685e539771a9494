"""The partner's door for many at once. Rules are elsewhere; here is only HTTP."""

from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import told, views
from consent.access import batch, limits
from consent.access import changes as feed
from consent.authentication import Shown, shown
from consent.contributions import bulk
from consent.exceptions import ConsentError, TokenRefused
from consent.oauth import tokens
from consent.views import PartnerRequest, PartnerView

A_CALL = 1024 * 1024  # bytes of a stream that count as one call of a partner's rate


@csrf_exempt
@require_POST
def batch_reads(request: HttpRequest) -> HttpResponse:
    """Answer reads of many customers; each by itself, in their order."""
    token = _known(request)
    asked = batch.parse(views.body_of(request))
    results = [
        {"subject": call.subject} | _told(result)
        for call, result in zip(
            asked, batch.read(token.digest, asked, proof_jkt=token.jkt), strict=True
        )
    ]
    return _json({"results": results})


@csrf_exempt
@require_POST
def changes(request: HttpRequest) -> HttpResponse:
    """Tell what changed since the last page."""
    token = _known(request)
    answer = feed.read(token.digest, feed.parse(views.body_of(request)), proof_jkt=token.jkt)
    return _json(answer)


def _json(answer: dict[str, Any]) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(answer, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        headers={"Cache-Control": "no-store"} | limits.headers(),
    )


def _known(request: HttpRequest) -> Shown:
    """Return the token that was sent if there is such a one: strangers' bodies are not read."""
    token = shown(request)
    if tokens.find(token.digest) is None:
        raise TokenRefused
    return token


def _told(result: batch.Result) -> dict[str, Any]:
    return told.error(result) if isinstance(result, ConsentError) else {"answer": result}


class LinesParser(BaseParser):
    """Hands a stream of JSON lines on, unread."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, *_: Any, **__: Any) -> Any:
        """Return what reads the next bytes."""
        return stream.read


class LinesRenderer(BaseRenderer):
    """Writes results as JSON lines."""

    media_type = "application/x-ndjson"
    format = "lines"
    charset = None
    render_style = "binary"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """Return a line for each result."""
        option = orjson.OPT_APPEND_NEWLINE
        return b"".join(orjson.dumps(result, option=option) for result in data["results"])


class BulkContributionsView(PartnerView):
    """Thousands of records in one stream."""

    takes_narrowed = True
    parser_classes = (LinesParser,)
    renderer_classes = (LinesRenderer, *APIView.renderer_classes)

    def cost(self, request: Request, /) -> int:
        """Count each MiB that is begun as a call: known, and paid, before a line is read."""
        try:
            return 1 + max(0, int(request.META.get("CONTENT_LENGTH", 0))) // A_CALL
        except ValueError:
            return 1  # Django reads no body of such a length

    def post(self, request: PartnerRequest) -> Response:
        """Take what can be taken; the answer says for each record what became of it."""
        results = bulk.take(
            request.user.client,
            request.user.token,
            _reader(request.data),
            idempotency_key=views.clean_key(request),
        )
        response = Response({"results": results})
        response.add_post_render_callback(_typed)
        return response


def _typed(response: Response) -> None:
    # The framework takes the type away from an empty answer; no lines are lines, too.
    response.headers.setdefault("Content-Type", response.accepted_media_type)


def _reader(body: Any) -> Callable[[int], bytes]:
    """Return what reads the body; an empty one was given to no parser."""
    return body if callable(body) else lambda _size: b""
