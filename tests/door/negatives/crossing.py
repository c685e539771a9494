"""Every route and method, tried by everybody who may not: the part of the table that is a product."""

from collections.abc import Iterator

from tests.door.negatives.table import Case

# Path after /api/v1/, methods. `test_table.py` holds it against the routes that there are.
ROUTES: dict[str, tuple[str, ...]] = {
    "requests": ("POST",),
    "requests/reasons": ("GET", "HEAD"),
    "requests/<uuid:request_id>": ("GET", "HEAD"),
    "journeys": ("POST",),
    "journeys/<uuid:journey_id>": ("GET", "HEAD"),
    "grants/<uuid:grant_id>": ("GET", "HEAD", "DELETE"),
    "reads": ("POST",),
    "reads/batch": ("POST",),
    "changes": ("POST",),
    "contributions": ("POST",),
    "contributions/bulk": ("POST",),
    "events/poll": ("POST",),
    "obligations": ("GET", "HEAD"),
    "obligations/<uuid:obligation_id>/attestation": ("POST",),
}
# Where a token that is for one grant is good; the other routes are no grant's.
FOR_ONE_GRANT = {"grants/<uuid:grant_id>", "reads", "reads/batch", "changes", "contributions",
                 "contributions/bulk"}  # fmt: skip
# One query finds token, partner and grant, so the decision says why; elsewhere there is no caller.
DECIDED = {"reads"}
BOUND = {"reads", "reads/batch", "changes"}  # where the decision holds the token against its key
# What a suspended brand still owes it may settle; other suspended brands find nothing there.
SETTLED = {"events/poll", "obligations", "obligations/<uuid:obligation_id>/attestation"}
TOKEN, PROOF = "invalid-token", "invalid-dpop-proof"


def everybody() -> Iterator[Case]:
    """Callers that no route answers."""
    for route, methods in ROUTES.items():
        for method in methods:
            yield from _strangers(route, method)
            yield from _shut_out(route, method)
            yield from _without_the_key(route, method)
            if route not in FOR_ONE_GRANT:
                yield Case(name="a token for one grant", route=route, method=method, who="narrowed",
                           status=403, code="token-narrowed")  # fmt: skip
            if "<" in route:
                yield from _foreign(route, method)


def _strangers(route: str, method: str) -> Iterator[Case]:
    for who in ("nobody", "a made-up token", "two tokens", "another scheme"):
        yield Case(name="no token of ours", route=route, method=method, who=who, status=401,
                   code=TOKEN, whose="nobody")  # fmt: skip
    yield Case(name="a killed token", route=route, method=method, who="killed", status=401,
               code=TOKEN, whose="client" if route in DECIDED else "nobody")  # fmt: skip


def _shut_out(route: str, method: str) -> Iterator[Case]:
    for who in ("suspended", "revoked") if route not in SETTLED else ("revoked",):
        told = "partner-suspended" if route in DECIDED and who == "suspended" else TOKEN
        yield Case(name="a token from before", route=route, method=method, who=who,
                   status=403 if told != TOKEN else 401, code=told,
                   whose="client" if route in DECIDED else "nobody")  # fmt: skip


def _without_the_key(route: str, method: str) -> Iterator[Case]:
    decided = "client" if route in BOUND else "of client"
    yield Case(name="a bound token alone", route=route, method=method, who="bearer of a bound token",
               status=401, code=TOKEN, whose=decided)  # fmt: skip
    yield Case(name="another key", route=route, method=method, who="thief", status=401, code=TOKEN,
               whose=decided)  # fmt: skip
    for who, reason in (
        ("without a proof", "proof_missing"), ("with a proof for another path", "proof_address_wrong"),
        ("with a proof for another method", "proof_method_wrong"),
        ("with a proof for another token", "proof_token_wrong"),
        ("with an old proof", "proof_moment_wrong"), ("with a used proof", "proof_replayed"),
    ):  # fmt: skip
        yield Case(name="no proof of the key", route=route, method=method, who=who, status=401,
                   code=PROOF, reason=reason, whose="of client")  # fmt: skip


def _foreign(route: str, method: str) -> Iterator[Case]:
    for who, ids in (("other", "hotel's"), ("other", "nobody's"), ("hotel", "nobody's")):
        yield Case(name=f"what is {ids}", route=route, method=method, who=who, ids=ids, status=404,
                   code="not-found")  # fmt: skip
