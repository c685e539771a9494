"""A brand of the timing bench: it asks, reads and looks things up with a token that lives long."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.test import Client as Browser
from django.utils import timezone

from consent.models import AccessToken, Client, Grant
from consent.oauth import tokens
from tests import cast
from vault.models import Pod

API = "/api/v1/"


@dataclass
class Asker:
    """One client with its token."""

    client: Client
    token: str
    http: Browser = field(default_factory=lambda: Browser(raise_request_exception=False))

    def ask(self, mail: str) -> Any:
        """Ask somebody by mail."""
        body = json.dumps(cast.make_body() | {"subject": {"mail": mail}})
        return self._call("POST", "requests", body, **{"Idempotency-Key": uuid4().hex})

    def read(self, subject: str) -> Any:
        """Read a subject's stays."""
        call = {"subject": subject, "category": "stay", "purpose": cast.PURPOSE}
        return self._call("POST", "reads", json.dumps(call))

    def get(self, path: str) -> Any:
        """Look something up."""
        return self._call("GET", path, "")

    def granted(self, pod: Pod) -> Grant:
        """Return a grant that this person gave."""
        return cast.make_grant(pod, self.client)

    def _call(self, method: str, path: str, body: str, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        return self.http.generic(
            method, API + path, body.encode(), content_type="application/json", headers=headers
        )


def make_asker() -> Asker:
    """Register a brand with a purpose."""
    facts = {"legal_name_en": uuid4().hex, "legal_name_ko": uuid4().hex,
             "registration_number": uuid4().hex[:12]}  # fmt: skip
    client = cast.make_client(cast.make_partner(**facts))
    cast.make_template(client.partner)
    token = tokens.issue(client)
    until = timezone.now() + timedelta(hours=2)
    AccessToken.objects.filter(client=client).update(expires_at=until)
    return Asker(client, token)
