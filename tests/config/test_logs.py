"""What a line of the operator's log says of a refused call, and what it leaves out."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils.log import log_response
from pytest_django import Settings

from config import logs

CANARY = "canary-51d0e7"


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What Django's own loggers write, as it would look."""
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logs.formatter())
    django = logging.getLogger("django")
    django.addHandler(handler)
    yield lines
    django.removeHandler(handler)


def line(written: StringIO) -> dict[str, Any]:
    assert CANARY not in written.getvalue()
    return json.loads(written.getvalue())


def test_a_path_that_does_not_exist_is_told_without_the_path(
    written: StringIO, settings: Settings
) -> None:
    settings.ROOT_URLCONF = "config.urls_partner"
    settings.MIDDLEWARE = settings.PARTNER_MIDDLEWARE
    assert Browser().get(f"/{CANARY}").status_code == 404
    told = line(written)
    assert (told["event"], told["status"]) == ("Not Found", 404)


@pytest.mark.parametrize(
    ("template", "status", "event"),
    [
        ("%s: %s", 403, "Forbidden"),
        ("%s: %s", 503, "Service Unavailable"),
        ("%s: %s", 499, "refused"),  # a status without words of its own
        ("Method Not Allowed (%s): %s", 405, "Method Not Allowed"),
        ("Forbidden (%s): %s", 403, "Forbidden"),
        ("Bad request (Unable to parse request body): %s%s", 400,
         "Bad request (Unable to parse request body)"),
    ],
)  # fmt: skip
def test_a_refused_call_is_told_in_words_and_without_what_was_sent(
    written: StringIO, template: str, status: int, event: str
) -> None:
    log_response(template, CANARY, f"/{CANARY}", response=HttpResponse(status=status))
    told = line(written)
    assert (told["event"], told["status"], told["logger"]) == (event, status, "django.request")


def test_a_message_that_was_written_out_already_is_not_repeated(written: StringIO) -> None:
    log_response(f"Invalid HTTP_HOST header: {CANARY}", response=HttpResponse(status=400))
    assert line(written)["event"] == "Bad Request"


def test_a_warning_without_a_status_says_that_something_was_refused(written: StringIO) -> None:
    logging.getLogger("django.security.SuspiciousSession").warning(f"corrupted: {CANARY}")
    told = line(written)
    assert told["event"] == "refused"
    assert "status" not in told
