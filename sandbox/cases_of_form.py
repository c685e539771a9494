"""How the refusals that are about the call's form come about, whoever makes it."""

from collections.abc import Iterator

from sandbox.brands import BACK, PERSONAL
from sandbox.calls import Call, Case
from sandbox.cases_of_data import APP, DESK, NOBODY, PUSHED

READS, JSON = "/api/v1/reads", {"Content-Type": "application/json"}
LARGE = 70_000  # characters; a read has at most 64 KiB
TOKEN, PAR = "/oauth/token", "/oauth/par"
DETAILS = '[{"type":"unknown"}]'
ASKED = {
    "response_type": "code", "redirect_uri": BACK, "code_challenge_method": "S256",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "authorization_details": DETAILS,
}  # fmt: skip


def of_http() -> Iterator[Case]:
    """Yield what is refused before anything is decided."""
    body = {"subject": NOBODY, "category": "stay", "purpose": PERSONAL}
    for code, why, call in (
        ("malformed-json", "a name twice", Call(path=READS, raw='{"a":1,"a":2}')),
        ("unsupported-media-type", "XML", Call(path=READS, raw="<a/>",
                                               headers={"Content-Type": "text/xml"})),
        ("too-large", "above 64 KiB", Call(path=READS, raw='"' + "a" * LARGE + '"')),
        ("method-not-allowed", "a read is a POST", Call(method="GET", path=READS)),
        ("not-found", "there is no such address", Call(path="/api/v1/horoscopes", body={})),
        ("not-acceptable", "the answer is JSON",
         Call(method="GET", path="/api/v1/obligations", headers={"Accept": "text/html"})),
        ("length-required", "in chunks", Call(path=READS, raw="{}",
                                              headers={"Transfer-Encoding": "chunked"})),
        ("request-invalid", "a member that is not known", Call(path=READS, body=body | {"more": 1})),
    ):  # fmt: skip
        yield Case(code=code, program=DESK, why=why, calls=(call,))


def of_oauth() -> Iterator[Case]:
    """Yield the errors of the OAuth endpoints, in their own words."""
    own = {"grant_type": "client_credentials"}
    code = {"grant_type": "authorization_code", "code": "made-up", "code_verifier": "a" * 43,
            "redirect_uri": BACK}  # fmt: skip
    for error, why, call in (
        ("invalid_client", "signed for another vault", _form(TOKEN, own, assertion="wrong")),
        ("invalid_request", "no grant_type", _form(TOKEN, {})),
        ("unsupported_grant_type", "passwords", _form(TOKEN, {"grant_type": "password"})),
        ("invalid_grant", "nobody gave this code", _form(TOKEN, code)),
        ("invalid_grant_id", "not a grant of yours",
         _form(TOKEN, own | {"grant_id": "5c1e0000-0000-4000-8000-000000000000"})),
        ("invalid_dpop_proof", "level 2 needs one", _form(TOKEN, own, proof="none")),
        ("invalid_request", "no PKCE", _form(PAR, ASKED | {"code_challenge": ""})),
        ("unsupported_response_type", "tokens in the front",
         _form(PAR, ASKED | {"response_type": "token"})),
        ("request_not_supported", "a request object", _form(PAR, ASKED | {"request": "e30."})),
        ("invalid_scope", "there are no scopes", _form(PAR, ASKED | {"scope": "openid"})),
        ("invalid_target", "another vault's resource",
         _form(PAR, ASKED | {"resource": "https://elsewhere.example"})),
        ("invalid_authorization_details", "a type that is not ours", _form(PAR, ASKED)),
    ):  # fmt: skip
        yield Case(code=error, program=APP, why=why, calls=(call,))
    yield Case(code="unauthorized_client", program=DESK, why="you are of level 1",
               calls=(_form(PAR, ASKED),))  # fmt: skip


def of_registering(invitation: str) -> Iterator[Case]:
    """Yield what is refused where a program registers by itself (RFC 7591); nothing is spent."""
    for error, why, token, body in (
        ("invalid_token", "nobody issued it", "made-up", {}),
        ("invalid_client_metadata", "no keys", invitation, {"client_name": "Bora"}),
        ("invalid_redirect_uri", "no browser comes back on level 1", invitation,
         {"client_name": "Bora", "redirect_uris": [BACK]}),
        ("unapproved_software_statement", "none is trusted here", invitation,
         {"software_statement": "e30."}),
    ):  # fmt: skip
        shown = {"Authorization": f"Bearer {token}"}
        call = Call(path="/oauth/register", body=body, shows="none", headers=shown)
        yield Case(code=error, program=PUSHED, why=why, calls=(call,))


def _form(path: str, form: dict[str, str], *, assertion: str = "good", proof: str = "good") -> Call:
    return Call(path=path, form=form, assertion=assertion, proof=proof)
