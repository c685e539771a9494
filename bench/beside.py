"""What a read is measured beside: a DRF view with one indexed ORM query."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent.models import Grant


class Beside(APIView):
    """Reads one row by its primary key through the ORM. No sign-in, no log, no cryptography."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        """Answer with two columns of the row."""
        grant = Grant.objects.get(pk=request.data["grant"])
        return Response({"purpose": grant.purpose, "epoch": grant.epoch})
