"""The partner's door: ask, read, contribute, attest. Rules are elsewhere; here is only HTTP."""

import re
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import contributions, requests
from consent.access import calls, limits, reading, refusals
from consent.authentication import Caller, shown
from consent.exceptions import RateLimited, RequestInvalid, TokenNarrowed, UnknownThing
from consent.models import AccessRequest, Grant, Obligation
from consent.oauth import grant_management
from consent.requests import answers, reasons
from consent.revocation import attestations, listing, polling
from vault import resident_numbers, strictjson
from vault.exceptions import RRNFound

# Printable ASCII without a quotation mark, with or without a pair of them around it.
KEY_PATTERN = r'^("[ !#-~]{1,64}"|[!#-~]([ !#-~]{0,62}[!#-~])?)$'
_KEY = re.compile(KEY_PATTERN, re.ASCII)


@csrf_exempt
@require_POST
def reads(request: HttpRequest) -> HttpResponse:
    """Answer one read. A plain view: the framework's dispatch would cost more than the decision."""
    token = shown(request)
    answer = reading.read(token.digest, calls.parse(body_of(request)), proof_jkt=token.jkt)
    return HttpResponse(
        orjson.dumps(answer, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        headers={"Cache-Control": "no-store"} | limits.headers(),
    )


def body_of(request: HttpRequest) -> Any:
    """Return a read's body. Raises `UnsupportedMediaType`, `MalformedJSON`, `TooLarge`."""
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(request.content_type or "")
    return strictjson.loads(request.read(calls.LIMITS.size + 1), calls.LIMITS)


class PartnerRequest(Request):
    """A request whose user is the calling client."""

    user: Caller  # type: ignore[assignment]  # no user of ours stands behind this door


class PartnerView(APIView):
    """What all JSON views of the partner's door share: nothing they answer may be kept by a cache."""

    # Whether a token that is for one grant is good here; what is no grant's asks for another.
    takes_narrowed = False
    # Whether a partner that is suspended or struck off is answered: only in what it still owes.
    settles = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Forget what the call before left behind in this thread."""
        limits.headers()
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        """Pass if the token is for this. Raises `TokenNarrowed`."""
        super().check_permissions(request)
        caller: Caller = request.user  # type: ignore[assignment]
        if caller.grant is not None and not self.takes_narrowed:
            raise TokenNarrowed
        _take(caller, self.cost(request))

    def cost(self, _request: Request, /) -> int:
        """Return how many calls of its partner's rate this one counts as."""
        return 1

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """Add the header."""
        response = super().finalize_response(*args, **kwargs)
        response["Cache-Control"] = "no-store"
        said = limits.headers()
        # A refusal says no more than its problem: all of one kind look the same.
        for name, value in said.items() if response.status_code < 400 else ():
            response[name] = value
        return response


def _take(caller: Caller, cost: int) -> None:
    try:
        limits.take(caller.partner.pk, cost)
    except RateLimited as error:
        partner = caller.partner
        refusals.too_many(
            partner=partner.ref, client=caller.client.ref, partner_epoch=partner.epoch
        )
        error.entered = True
        raise


class RequestsView(PartnerView):
    """Access requests: ask."""

    def post(self, request: PartnerRequest) -> Response:
        """Take a request; it is pending whatever becomes of it (3.5)."""
        submitted = requests.submit(
            request.user.client, request.data, idempotency_key=idempotency_key(request)
        )
        body = answers.pending(submitted, settings.ORIGIN)
        return Response(body, status=201)


class RequestView(PartnerView):
    """One access request of the caller's partner."""

    def get(self, request: PartnerRequest, request_id: UUID) -> Response:
        """Say what the partner may know of it."""
        found = AccessRequest.objects.filter(partner=request.user.partner, pk=request_id).first()
        if found is None:
            raise UnknownThing
        return Response(requests.answer(found))


class ReasonsView(PartnerView):
    """Why people refused, where they did not tell it themselves."""

    def get(self, request: PartnerRequest) -> Response:
        """Count them in full tens, month by month."""
        return Response({"reasons": reasons.counted(request.user.partner)})


class ContributionsView(PartnerView):
    """Records that a partner gives to the pod of a customer who said so."""

    takes_narrowed = True

    def post(self, request: PartnerRequest) -> Response:
        """Take one record."""
        made = contributions.contribute(
            request.user.client,
            request.data,
            idempotency_key=clean_key(request),
            only=request.user.grant,
        )
        return Response(made, status=201)


class EventsView(PartnerView):
    """The events of a partner that fetches them (RFC 8936)."""

    settles = True

    def post(self, request: PartnerRequest) -> Response:
        """Take what it says of earlier events, give it the next."""
        return Response(polling.poll(request.user.partner, polling.parse(request.data)))


class ObligationsView(PartnerView):
    """What the caller's partner still owes to former customers."""

    settles = True

    def get(self, request: PartnerRequest) -> Response:
        """List the open ones, the most urgent first."""
        return Response(listing.listed(request.user.partner, listing.parse(request.query_params)))


class GrantView(PartnerView):
    """One grant of the caller's partner (Grant Management for OAuth 2.0, section 6)."""

    takes_narrowed = True

    def get(self, request: PartnerRequest, grant_id: UUID) -> Response:
        """Say what is granted now."""
        return Response(grant_management.query(_own_grant(request, grant_id)))

    def delete(self, request: PartnerRequest, grant_id: UUID) -> Response:
        """End it for good: the customer is told, the copies have to go. Twice is once."""
        grant_management.revoke(_own_grant(request, grant_id), request.user.client)
        return Response(status=204)


class JWTParser(BaseParser):
    """Reads a compact JWS as text."""

    media_type = "application/jwt"

    def parse(self, stream: Any, *_: Any, **__: Any) -> Any:
        """Return the text; what is not ASCII is no JWS."""
        return stream.read(64 * 1024).decode("ascii", errors="replace").strip()


class AttestationView(PartnerView):
    """A partner's signed word on what became of the copies."""

    settles = True
    parser_classes = (JWTParser,)

    def post(self, request: PartnerRequest, obligation_id: UUID) -> Response:
        """Take an attestation; foreign, forged or replayed ones change nothing."""
        owed = Obligation.objects.filter(partner=request.user.partner, pk=obligation_id).first()
        if owed is None:
            raise UnknownThing
        return Response(
            attestations.attest(request.user.client, owed, str(request.data)), status=201
        )


def _own_grant(request: PartnerRequest, grant_id: UUID) -> Grant:
    """Return the caller's grant; others', and those that the token is not for, do not exist."""
    known = Grant.objects.to(request.user.partner).select_related("notice", "pod__owner")
    found = known.filter(pk=grant_id).first()
    if found is None or request.user.grant not in (None, found.pk):
        raise UnknownThing
    return found


def clean_key(request: Request) -> str:
    """Return the Idempotency-Key header, which is kept beside a record. Raises `RRNFound`."""
    key = idempotency_key(request)
    if resident_numbers.spans(key):
        raise RRNFound([""])
    return key


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key header; a quoted string (RFC 8941) or the bare key."""
    sent = request.headers.get("Idempotency-Key", "").strip()
    if not _KEY.fullmatch(sent):
        wanted = "must be 1 to 64 visible ASCII characters in the Idempotency-Key header"
        raise RequestInvalid([("", wanted)])
    return sent.strip('"')
