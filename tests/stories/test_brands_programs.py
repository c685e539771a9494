"""The brand's programs of examples/, over real HTTP: level 1 in one file, levels 2 and 3 as FAPI 2.0
has it with a real browser, the asynchronous way with its event and its attestation.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import sync_playwright

from examples.brand import news, sealed
from examples.brand.office import Office
from examples.demo.person import Person
from examples.demo.processes import free_port
from examples.demo.world import World
from tests.browser import steps
from tests.stories.conftest import newcomer

ROOT = Path(settings.BASE_DIR)
PURPOSE = "dpv:ServicePersonalisation"
WHY = {"ko": "방을 준비해요.", "en": "To prepare the room."}
FLOW, NEWS = ("-m", "examples.brand.flow"), ("-m", "examples.brand.news")
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
TERMS = {"access_mode": "may_store", "benefit": {"ko": "늦은 퇴실", "en": "Late check-out"}}


def registration(jwks: Any, **client: Any) -> dict[str, Any]:
    both = {"actions": ["read", "contribute"]}
    return {
        "legal_name_ko": "작은호텔 주식회사", "legal_name_en": "Small Hotel Co., Ltd.",
        "registration_number": "000-00-09999", "address": "예시로 9", "country": "KR",
        "officer_name": "한보호", "officer_phone": "02-0000-9999",
        "officer_mail": "privacy@small.example", "privacy_url": "https://small.example/privacy",
        "kind": "company", "event_delivery": "poll",
        "clients": [{"name_ko": "작은호텔", "name_en": "Small Hotel", "jwks": jwks} | client],
        "purposes": [{
            "purpose": PURPOSE, "title_ko": "맞춤 서비스", "title_en": "Personal service",
            "categories": {"stay": both, "adult": {"actions": ["read"]}},
            "max_expiry_days": 60, "max_retention_days": 60,
            "access_modes": ["may_store"],
        }],
    }  # fmt: skip


def register(world: World, folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    path = folder / "registration.json"
    path.write_text(json.dumps(document))
    line = world.vault.manage("register_partner", str(path))
    (folder / "client.json").write_text(line)
    return dict(json.loads(line)["clients"][0])


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "QUICK_POLL_SECONDS": "0.2"}
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.rule("issue 4", "quick.py: a small brand starts in an afternoon")
def test_a_small_brand_asks_waits_and_reads(
    world: World, customer: Callable[..., Person], tmp_path: Path
) -> None:
    quick = ROOT / "examples" / "brand" / "quick.py"
    assert len(quick.read_text().splitlines()) <= 150
    with running(str(quick), str(tmp_path)) as process:
        jwks = json.loads(process.communicate(timeout=60)[0])
    client = register(world, tmp_path, registration(jwks))
    request = {
        "subject": {"link": True}, "purpose": PURPOSE, "retention_days": 30, **TERMS,
        "items": [{"category": "stay", "why": WHY, "required": True}],
        "expires": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    brand = {"vault": world.vault.origin, "client_id": client["client_id"], "request": request}
    (tmp_path / "brand.json").write_text(json.dumps(brand))

    person = customer("small", "en")
    person.add("stay", {"hotel": "Canary Inn", "check_in": "2026-11-20"})
    with running(str(quick), str(tmp_path)) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        code = re.search(r"the code (\w{8})", said)
        assert code, said + process.stdout.read()
        page = person.enter_code(code[1])
        page = person.browser.send(page.form(to=page.url))
        person.approve(page)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0, rest
    assert "stay: 1 records" in rest
    assert "Canary Inn" in rest


@pytest.mark.rule("issue 4", "PAR → authorize → token → read → introspect → query → revoke")
@pytest.mark.parametrize(
    ("level", "suite"), [(2, ""), (3, sealed.PLAIN), (3, sealed.HYBRID)], ids=["2", "3", "3-hybrid"]
)
def test_a_brand_goes_the_whole_way(world: World, tmp_path: Path, level: int, suite: str) -> None:
    """With somebody who has no vault yet: she opens one on the way, and is led back."""
    back = _prepare(world, tmp_path, level=level, suite=suite)
    person = newcomer(world, "whole", "en")
    with running(*FLOW, str(tmp_path)) as process:
        page = person.sign_up(from_page=person.browser.open(_address(process)))
        _bring(person)
        done = person.approve(page)
        assert urlsplit(done.url).netloc == urlsplit(back).netloc
        _went_the_whole_way(process)


@pytest.mark.browser
@pytest.mark.rule("issue 4", "PAR → authorize (browser) → token → read")
def test_a_brand_goes_the_whole_way_through_a_real_browser(
    world: World, customer: Callable[..., Person], tmp_path: Path
) -> None:
    back = _prepare(world, tmp_path, level=2, suite="")
    person = customer("chrome", "en")
    _bring(person)
    with running(*FLOW, str(tmp_path)) as process:
        with sync_playwright() as playwright, _chromium(playwright) as page:
            page.goto(_address(process))
            steps.sign_in(page, person.address, person.password)
            steps.agree(page)
            page.wait_for_url(f"{back}?**")
        _went_the_whole_way(process)


@contextmanager
def _chromium(playwright: Any) -> Iterator[Any]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
    try:
        yield browser.new_page(locale="en-US")
    finally:
        browser.close()


def _prepare(world: World, folder: Path, *, level: int, suite: str) -> str:
    """Register a brand that may send browsers away; return where they come back to."""
    back = f"http://127.0.0.1:{free_port()}/back"
    document = registration({}, level=level, redirect_uris=[back])
    (client,) = document.pop("clients")
    client.pop("jwks")
    brand = {"vault": world.vault.origin, "client": client, "registration": document}
    (folder / "brand.json").write_text(json.dumps(brand | ({"suite": suite} if suite else {})))
    detail = {
        "type": "urn:consent-vault:rar:data-sharing:v1", "purpose": PURPOSE,
        "duration": "P30D", "retention": "P30D", **TERMS,
    }  # fmt: skip
    about = {"why": WHY, "required": True}
    stay = {"datatypes": ["stay"], "actions": ["read", "contribute"]}
    details = [detail | about | stay, detail | about | {"datatypes": ["adult"]}]
    (folder / "details.json").write_text(json.dumps(details))
    (folder / "record.json").write_text(json.dumps({"hotel": "Small", "check_in": "2026-11-22"}))
    with running(*FLOW, str(folder)) as process:
        assert process.wait(60) == 0
    register(world, folder, json.loads((folder / "registration.json").read_text()))
    return back


def _bring(person: Person) -> None:
    person.add("stay", {"hotel": "Canary Inn", "check_in": "2026-11-20"})
    person.add("identity", {"birth_date": "1990-05-05"})


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("open "), said + process.stdout.read()
    return said.removeprefix("open ").strip()


def _went_the_whole_way(process: "subprocess.Popen[str]") -> None:
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    expected = [
        r"granted [0-9a-f-]{36}, a DPoP token",
        r"read stay: 1 records", r"read adult: 1 records",
        r"batch: 1 records", r"batch: not-found",
        r"gave stay: entry [0-9a-f-]{36}", r"gave many: \['taken', 'record-invalid'\]",
        r"changes stay: \['added', 'added', 'added'\]",
        r"introspected: active True, bound to [\w-]{43}",
        r"queried: 3 items", r"revoked: active False",
    ]  # fmt: skip
    assert re.fullmatch("\n".join(expected), rest.strip()), rest


@pytest.mark.rule("issue 4", "the asynchronous way: link, QR, event, read, attestation")
def test_a_brand_lives_through_a_grant_by_its_events(
    world: World, customer: Callable[..., Person], tmp_path: Path
) -> None:
    document = registration({})
    (client,) = document.pop("clients")
    client.pop("jwks")
    brand = {"vault": world.vault.origin, "client": client, "registration": document}
    (tmp_path / "brand.json").write_text(json.dumps(brand))
    until = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    kept = {"law": "kr-ecommerce-6-contract", "items": ["계약 기록"], "until": until}
    (tmp_path / "kept.json").write_text(json.dumps({"stay": kept}))
    item = {"category": "stay", "why": WHY, "required": True}
    request = {
        "subject": {"link": True}, "purpose": PURPOSE, "items": [item], "retention_days": 30,
        "expires": (datetime.now(UTC) + timedelta(days=30)).isoformat(), **TERMS,
    }  # fmt: skip
    (tmp_path / "request.json").write_text(json.dumps(request))
    with running(*NEWS, str(tmp_path)) as process:
        assert process.wait(60) == 0
    register(world, tmp_path, json.loads((tmp_path / "registration.json").read_text()))

    person = customer("news", "en")
    _bring(person)
    with running(*NEWS, str(tmp_path)) as process:
        assert process.stdout is not None
        code = re.search(r"the code (\w{8})", process.stdout.readline())
        assert code is not None
        assert (tmp_path / "link.svg").read_text().startswith("<svg")
        page = person.enter_code(code[1])
        person.approve(person.browser.send(page.form(to=page.url)))
        for expected in ("waiting", "approved, by an event", "stay: 1 records"):
            assert process.stdout.readline().startswith(expected)
        person.end("작은호텔" if person.browser.language == "ko" else "Small Hotel")
        rest = process.communicate(timeout=90)[0]
        assert process.returncode == 0, rest
    told = ["deleted", "in_backup_until", "kept_by_law"]
    assert rest.splitlines() == ["ended: grant-withdrawn", f"attested {told}, open: []"]


def test_an_end_is_seen_alone_among_many_and_of_one_item() -> None:
    owed = {"id": "1", "grant": "g", "categories": ["stay"]}
    many = {"endings": [{"grant": "other"}, {"grant": "g"}], "obligations": [owed]}
    item = {"grant": "g", "category": "stay", "obligations": [{"id": "2", "categories": ["stay"]}]}

    assert news.is_end("grants-ended", "g", many)
    assert not news.is_end("grants-ended", "h", many)
    assert news.is_end("grant-withdrawn", "g", {"grant": "g"})
    assert not news.is_end("item-ended", "g", item)
    assert [each["id"] for each in news.owed_under("g", many)] == ["1"]
    assert news.owed_under("h", many) == []
    assert [each["id"] for each in news.owed_under("g", item)] == ["2"]


def test_what_was_destroyed_before_a_break_is_not_called_never_stored(tmp_path: Path) -> None:
    use = {"id": "g", "access_mode": "may_store", "erase_by": "2026-12-31"}
    Office(tmp_path / "office.json").keep("stay", {"grant": use, "records": []})
    assert Office(tmp_path / "office.json").destroy("g", ["stay", "itinerary"]) == ["stay"]
    assert Office(tmp_path / "office.json").destroy("g", ["stay"]) == ["stay"]
    assert Office(tmp_path / "office.json").destroy("other", ["stay"]) == []
