"""Libraries that the product does not use go the whole way over real HTTP, a person's pages included."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import urllib3
from oauthlib.oauth2 import WebApplicationClient

from examples.demo.browser import Browser
from examples.demo.person import Person
from tests import cast
from tests.consent.oauth import world
from tests.consent.oauth.flow.conftest import STAY
from tests.consent.oauth.flow.hotel import BACK, TYPE, Hotel
from tests.consent.oauth.flow.test_libraries import Foreign, by_jwcrypto, by_pyjwt
from tests.door.server import Server, serving
from vault import pods

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery staple"


@dataclass
class Answer:
    """What came over the wire, as the tests' own client would give it."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Wire:
    """The server, spoken to on connections of its own."""

    server: Server
    http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60)
    )

    def post(self, path: str, data: str, **more: Any) -> Answer:
        return self.generic("POST", path, data.encode(), **more)

    def generic(
        self, method: str, path: str, raw: bytes, *, content_type: str, headers: Any = None
    ) -> Answer:
        sent = {"Content-Type": content_type} | (headers or {})
        found = self.http.request(method, self.server.url(path), body=raw, headers=sent)
        return Answer(found.status, found.data)


class Left(Exception):
    """The browser was sent out of the vault."""


class Guest(Browser):
    """A browser that stops at the brand's address."""

    def _request(self, method: str, url: str, **body: Any) -> urllib3.BaseHTTPResponse:
        if not url.startswith(self.origin):
            raise Left(url)
        return super()._request(method, url, **body)


def decided(server: Server, mail: str, front: str, tmp_path: Path) -> str:
    """Sign in, agree, and return the address that the browser was sent to."""
    person = Person(server.url(""), tmp_path, mail, PASSWORD, "en")
    person.browser = Guest(server.url(""), "en")
    person.sign_in()
    page = person.browser.open(front)
    chosen = person.browser.send(page.form(to=page.url), {"take-0": "on"})
    with pytest.raises(Left) as left:
        person.agree(chosen)
    return str(left.value)


@pytest.mark.rule("two independent libraries complete the whole flow on a server", "issue 4")
@pytest.mark.parametrize("sign", [by_pyjwt, by_jwcrypto])
def test_the_whole_way_over_real_http(sign: Any, tmp_path: Path) -> None:
    hotel = type("Signed", (Foreign,), {"sign": staticmethod(sign)}).arrive()
    pod = cast.make_pod()
    pods.put(pod, "stay", STAY)
    pod.owner.set_password(PASSWORD)
    pod.owner.save()
    with serving(tmp_path, face="all", threads=4) as server:
        hotel.http = Wire(server)
        go(hotel, server, pod.owner.email, tmp_path)


def go(hotel: Hotel, server: Server, mail: str, tmp_path: Path) -> None:
    client = WebApplicationClient(hotel.client.client_id)
    verifier = client.create_code_verifier(64)
    challenge = client.create_code_challenge(verifier, "S256")
    pushed = hotel.push(code_challenge=challenge, state="s")
    back = decided(server, mail, hotel.front(pushed), tmp_path)
    assert back.startswith(BACK)
    assert parse_qs(urlsplit(back).query)["iss"] == [world.ISSUER]
    found = client.parse_request_uri_response(back, state="s")

    form = client.prepare_request_body(
        code=found["code"], redirect_uri=BACK, code_verifier=verifier
    )
    told = hotel.token(dict(parse_qsl(form)))
    assert told.status_code == 200, told.content
    given = client.parse_request_body_response(told.content.decode())
    (granted,) = told.json()["authorization_details"]
    assert granted["type"] == TYPE

    read = hotel.read(given["access_token"], granted["identifier"])
    assert read.json()["records"][0]["data"]["room"] == STAY["room"]
    assert hotel.token(dict(parse_qsl(form))).json()["error"] == "invalid_grant"
    refreshed = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    assert hotel.token(refreshed).json()["error"] == "invalid_grant"  # a code twice kills all
    ended(hotel, granted["identifier"], told.json()["grant_id"])


def ended(hotel: Hotel, subject: str, grant: str) -> None:
    """What is left to do with a token of its own: introspect, query, revoke, read in vain."""
    token = hotel.token({"grant_type": "client_credentials", "grant_id": grant}).json()
    access = token["access_token"]
    assert hotel.post("/oauth/introspect", {"token": access}).json()["active"]
    path = f"/api/v1/grants/{grant}"
    assert hotel.call("GET", path, access).status_code == 200
    assert hotel.call("DELETE", path, access).status_code == 204
    refused = hotel.read(access, subject)
    assert re.search("grant-ended|invalid-token", refused.json()["type"])
    assert hotel.post("/oauth/revoke", {"token": access}).status_code == 200
    assert hotel.post("/oauth/introspect", {"token": access}).json() == {"active": False}
