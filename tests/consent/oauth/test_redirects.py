"""Where browsers may be sent back to: what can be registered, and how an answer is joined to it."""

import pytest
from pytest_django import Settings

from consent.oauth import redirects
from consent.oauth.exceptions import RedirectInvalid

GOOD = [
    "https://hotel.example/back", "https://hotel.example:8443/back?shop=1",
    "https://hotel.example/a..b/.well-known/back", "https://[2001:db8::1]/back",
]  # fmt: skip
BAD = {
    "in clear": "http://hotel.example/back",
    "of an app": "hotel://back",
    "no scheme": "//hotel.example/back",
    "no host": "https:///back",
    "a user": "https://hotel.example@evil.example/back",
    "port 0": "https://hotel.example:0/back",
    "a port that is none": "https://hotel.example:99999/back",
    "a fragment": "https://hotel.example/back#x",
    "an empty fragment": "https://hotel.example/back#",
    "a wildcard": "https://*.example/back",
    "a step up": "https://hotel.example/back/../admin",
    "a step up at the end": "https://hotel.example/back/..",
    "a step nowhere": "https://hotel.example/./back",
    "a backslash": "https://hotel.example\\@evil.example/",
    "a blank": "https://hotel.example/ back",
    "a line": "https://hotel.example/\nback",
    "another alphabet": "https://호텔.example/back",
    "a quote": 'https://hotel.example/"back',
    "what ends a directive": "https://hotel.example/;script-src",
    "too long": "https://hotel.example/" + "a" * 500,
    "nothing": "",
}


@pytest.mark.parametrize("uri", GOOD)
def test_an_https_address_can_be_registered(uri: str) -> None:
    assert redirects.validated([uri]) == [uri]


@pytest.mark.rule("RFC 6749", "3.1.2")
@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("loopback", [False, True])
def test_no_other_address_can(name: str, loopback: bool, settings: Settings) -> None:
    settings.ALLOW_LOOPBACK_ENDPOINTS = loopback
    with pytest.raises(RedirectInvalid):
        redirects.validated([BAD[name]])


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]:9000", "127.0.0.1"])
def test_in_clear_only_loopback_and_only_where_it_is_open(host: str, settings: Settings) -> None:
    settings.ALLOW_LOOPBACK_ENDPOINTS = False
    with pytest.raises(RedirectInvalid):
        redirects.validated([f"http://{host}/back"])
    settings.ALLOW_LOOPBACK_ENDPOINTS = True
    assert redirects.validated([f"http://{host}/back"])
    with pytest.raises(RedirectInvalid):
        redirects.validated(["http://localhost.evil.example/back"])


@pytest.mark.parametrize(
    "uris", [None, "x", {}, [1], [GOOD[0]] * 2, [f"{GOOD[0]}{n}" for n in range(11)]]
)
def test_a_set_is_a_list_of_few_different_texts(uris: object) -> None:
    with pytest.raises(RedirectInvalid):
        redirects.validated(uris)


def test_an_answer_stands_beside_what_was_registered() -> None:
    assert redirects.with_answer(GOOD[0], {"code": "a b&"}) == GOOD[0] + "?code=a+b%26"
    assert redirects.with_answer(GOOD[1], {"code": "x"}) == GOOD[1] + "&code=x"
    assert redirects.origin(GOOD[1]) == "https://hotel.example:8443"
