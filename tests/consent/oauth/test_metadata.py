"""What we say about ourselves is so."""

import uuid
from typing import Any

import jwt
import pytest
from django.test import Client as Browser
from django.urls import resolve
from joserfc import jws
from joserfc.jwk import ECKey
from jwcrypto import jwk as other_jwk

from keys.keyring import keyring
from tests.consent.oauth import world
from tests.consent.oauth.world import Brand, ask


def _document(door: Browser, name: str) -> Any:
    answer = door.get(f"/.well-known/{name}")
    assert answer.status_code == 200
    assert "max-age=300" in answer["Cache-Control"]
    return answer.json()


@pytest.mark.rule("metadata is true for what exists", "RFC 8414, 2 and 3.3")
def test_the_authorization_server_describes_itself(door: Browser) -> None:
    asked_alike = {
        f"{name}_endpoint{suffix}": value
        for name in ("token", "introspection", "revocation")
        for suffix, value in (
            ("_auth_methods_supported", ["private_key_jwt"]),
            ("_auth_signing_alg_values_supported", ["ES256"]),
        )
    }
    assert _document(door, "oauth-authorization-server") == asked_alike | {
        "issuer": world.ISSUER,
        "authorization_endpoint": f"{world.ISSUER}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{world.ISSUER}/oauth/par",
        "registration_endpoint": f"{world.ISSUER}/oauth/register",
        "token_endpoint": f"{world.ISSUER}/oauth/token",
        "introspection_endpoint": f"{world.ISSUER}/oauth/introspect",
        "revocation_endpoint": f"{world.ISSUER}/oauth/revoke",
        "grant_management_endpoint": f"{world.ISSUER}/api/v1/grants",
        "jwks_uri": f"{world.ISSUER}/.well-known/jwks.json",
        "require_pushed_authorization_requests": True,
        "authorization_response_iss_parameter_supported": True,
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "grant_management_actions_supported": ["query", "revoke", "replace", "create"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_details_types_supported": ["urn:consent-vault:rar:data-sharing:v1"],
        "protected_resources": [world.ISSUER],
        "ui_locales_supported": ["ko", "en"],
    }


def test_every_address_in_the_metadata_exists(door: Browser) -> None:
    document = _document(door, "oauth-authorization-server")
    addresses = [document[name] for name in document if name.endswith(("_endpoint", "_uri"))]
    assert len(addresses) == 8
    for address in addresses:
        path = address.removeprefix(world.ISSUER)
        if path.endswith("/grants"):
            path += f"/{uuid.uuid4()}"
        assert resolve(path, "config.urls")


@pytest.mark.django_db
def test_a_client_that_knows_only_the_metadata_gets_a_token(door: Browser, brand: Brand) -> None:
    resource = _document(door, "oauth-protected-resource")
    assert resource["resource"] == world.ISSUER
    assert resource["bearer_methods_supported"] == ["header"]
    (issuer,) = resource["authorization_servers"]
    server = _document(door, "oauth-authorization-server")
    assert server["issuer"] == issuer
    form = brand.form(brand.assertion(aud=server["issuer"]))
    assert ask(door, form, server["token_endpoint"].removeprefix(issuer)).status_code == 200


@pytest.mark.rule("our events can be checked with the served key", "RFC 7517; RFC 7638")
def test_the_key_set_holds_the_public_half_of_the_signing_key(door: Browser) -> None:
    answer = door.get("/.well-known/jwks.json")
    assert answer["Content-Type"] == "application/jwk-set+json"
    (served,) = answer.json()["keys"]
    assert served.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
    private = ECKey.import_key(keyring().signing_key())
    assert served["kid"] == private.thumbprint() == other_jwk.JWK(**served).thumbprint()
    signed = jws.serialize_compact({"alg": "ES256", "kid": served["kid"]}, b"{}", private)
    assert jwt.api_jws.decode(signed, jwt.PyJWK(served), algorithms=["ES256"]) == b"{}"


def test_documents_are_only_read(door: Browser) -> None:
    for name in ("oauth-authorization-server", "oauth-protected-resource", "jwks.json"):
        assert door.post(f"/.well-known/{name}").status_code == 405
