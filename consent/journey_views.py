"""The partner's door for alliances. Rules are elsewhere; here is only HTTP."""

from uuid import UUID

from rest_framework.response import Response

from consent.alliances import asking
from consent.views import PartnerRequest, PartnerView, idempotency_key


class JourneysView(PartnerView):
    """Journeys: the lead of an alliance asks for all of its brands."""

    def post(self, request: PartnerRequest) -> Response:
        """Take a journey; each of its requests is pending whatever becomes of it (3.5)."""
        client = request.user.client
        asked = asking.ask(client, request.data, idempotency_key=idempotency_key(request))
        return Response(asking.answer(asked, client.partner), status=201)


class JourneyView(PartnerView):
    """One journey that the caller's partner leads or serves."""

    def get(self, request: PartnerRequest, journey_id: UUID) -> Response:
        """Say what the partner may know of it."""
        partner = request.user.partner
        return Response(asking.answer(asking.found(partner, journey_id), partner))
