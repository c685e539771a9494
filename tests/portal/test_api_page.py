"""The page for brands' engineers shows the whole description, and fetches nothing from elsewhere."""

import re

import pytest
from django.test import Client as Browser

from config.openapi.document import document

pytestmark = pytest.mark.django_db
PATH = "/about/api/"


def shown(client: Browser, language: str) -> str:
    client.post("/language/", {"language": language, "next": PATH})
    answer = client.get(PATH)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.rule("a docs page", "issue 4, 10")
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_operation_and_every_reason_to_refuse_stands_there(
    client: Browser, language: str
) -> None:
    html = shown(client, language)
    whole = document(language)
    assert f'<html lang="{language}">' in html
    for path, known in whole["paths"].items():
        assert path in html
        for operation in (each for name, each in known.items() if name != "parameters"):
            assert f'id="{operation["operationId"]}"' in html
    codes = {name.partition("-")[2] for name in whole["components"]["schemas"] if name[0] in "45"}
    rules = {"request-rule", "journey-rule", "method-not-allowed"}  # of rules each code by itself
    assert all(f"<code>{code}</code>" in html for code in codes - rules)
    assert "<code>retention-above-ceiling</code>" in html


def test_nothing_is_written_into_the_page_that_its_policy_forbids(client: Browser) -> None:
    answer = client.get(PATH)
    html = answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)
    fetched = re.findall(r'<(?:link|img|script|source|use)[^>]+(?:href|src)="([^"]+)"', html)
    assert fetched and all(address.startswith("/static/") for address in fetched)


def test_links_within_the_page_lead_somewhere_and_names_stand_once(client: Browser) -> None:
    html = client.get(PATH).content.decode()
    names = re.findall(r'\sid="([^"]+)"', html)
    assert len(set(names)) == len(names)
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(names)
