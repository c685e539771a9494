"""Programs are answered in English, in Korean where they ask for it, whatever the pages speak."""

from typing import Any

import pytest
from pytest_django import Settings

from tests import cast
from tests.door.brand import Brand

pytestmark = pytest.mark.django_db
ASKED = {
    None: "en", "": "en", "en": "en", "ko": "ko", "ko-KR,ko;q=0.9,en;q=0.8": "ko",
    "en-US,en;q=0.9,ko;q=0.8": "en", "fr": "en", "fr,ko;q=0.5": "ko", "*": "en", "ko;q=0": "en",
    "ko;q=nonsense": "en", "x" * 10_000: "en",
}  # fmt: skip


@pytest.fixture(params=["slim", "whole", "alone"])
def _face(request: pytest.FixtureRequest, settings: Settings) -> None:
    if request.param == "whole":
        settings.ROOT_URLCONF = "config.urls"
        settings.MIDDLEWARE = settings.PORTAL_MIDDLEWARE
    if request.param == "alone":
        settings.LANGUAGE_CODE = "en"  # as in the partner's own process


def sentences(answer: Any) -> str:
    body = answer.json()
    return body.get("detail", "") + "".join(error["detail"] for error in body.get("errors", ()))


@pytest.mark.usefixtures("_face")
def test_sentences_come_in_the_language_that_was_asked_for(
    hotel: Brand, call: dict[str, Any]
) -> None:
    for header, language in ASKED.items():
        headers = {} if header is None else {"Accept-Language": header}
        for answer in (
            hotel.read(b"{", headers=headers),
            hotel.ask(b'{"a":1,"a":2}', headers=headers),
            hotel.ask(cast.make_body(items=[]), headers=headers),
            hotel.ask({}, headers=headers),
            hotel.contribute(call | {"record": {"hotel": 1}}, headers=headers),
        ):
            assert answer.status_code in {400, 422}
            assert answer["Content-Language"] == language, header
            is_korean = any("가" <= letter <= "힣" for letter in sentences(answer))
            assert is_korean == (language == "ko"), (header, sentences(answer))
            assert answer.json()["title"].isascii()  # titles are words for programs, too


@pytest.mark.usefixtures("_face")
def test_a_cookie_of_the_pages_changes_nothing(hotel: Brand) -> None:
    for name in ("language", "__Host-language", "django_language"):
        hotel.http.cookies[name] = "ko"
    assert hotel.read(b"{")["Content-Language"] == "en"


def test_one_callers_language_is_not_the_nexts(hotel: Brand) -> None:
    headers = ({"Accept-Language": "ko"}, {}, {"Accept-Language": "ko"}, {})
    languages = [hotel.read(b"{", headers=one)["Content-Language"] for one in headers]
    assert languages == ["ko", "en", "ko", "en"]
