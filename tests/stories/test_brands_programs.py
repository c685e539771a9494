"""The brand's programs of examples/, over real HTTP: level 1 in one file, level 2 as FAPI 2.0 has it."""

import json
import re
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

from examples.demo.person import Person
from examples.demo.processes import free_port
from examples.demo.world import World
from tests.stories.conftest import newcomer

ROOT = Path(settings.BASE_DIR)
PURPOSE = "dpv:ServicePersonalisation"
WHY = {"ko": "방을 준비해요.", "en": "To prepare the room."}
TERMS = {"access_mode": "may_store", "benefit": {"ko": "늦은 퇴실", "en": "Late check-out"}}


def registration(jwks: Any, **client: Any) -> dict[str, Any]:
    both = {"actions": ["read", "contribute"]}
    return {
        "legal_name_ko": "작은호텔 주식회사", "legal_name_en": "Small Hotel Co., Ltd.",
        "registration_number": "000-00-09999", "address": "예시로 9", "country": "KR",
        "officer_name": "한보호", "officer_phone": "02-0000-9999",
        "officer_mail": "privacy@small.example", "privacy_url": "https://small.example/privacy",
        "kind": "company",
        "clients": [{"name_ko": "작은호텔", "name_en": "Small Hotel", "jwks": jwks} | client],
        "purposes": [{
            "purpose": PURPOSE, "title_ko": "맞춤 서비스", "title_en": "Personal service",
            "categories": {"stay": both}, "max_expiry_days": 60, "max_retention_days": 60,
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
def test_a_brand_of_level_two_goes_the_whole_way(world: World, tmp_path: Path) -> None:
    """With somebody who has no vault yet: she opens one on the way, and is led back."""
    back = f"http://127.0.0.1:{free_port()}/back"
    document = registration({}, level=2, redirect_uris=[back])
    (client,) = document.pop("clients")
    client.pop("jwks")
    brand = {"vault": world.vault.origin, "client": client, "registration": document}
    (tmp_path / "brand.json").write_text(json.dumps(brand))
    detail = {
        "type": "urn:consent-vault:rar:data-sharing:v1", "datatypes": ["stay"], "purpose": PURPOSE,
        "duration": "P30D", "retention": "P30D", "why": WHY, "required": True, **TERMS,
    }  # fmt: skip
    (tmp_path / "details.json").write_text(json.dumps([detail]))
    flow = ("-m", "examples.brand.flow", str(tmp_path))
    with running(*flow) as process:
        assert process.wait(60) == 0
    register(world, tmp_path, json.loads((tmp_path / "registration.json").read_text()))

    person = newcomer(world, "whole", "en")
    with running(*flow) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("open "), said + process.stdout.read()
        page = person.browser.open(said.removeprefix("open ").strip())
        page = person.sign_up(from_page=page)
        person.add("stay", {"hotel": "Canary Inn", "check_in": "2026-11-20"})
        done = person.approve(page)
        assert urlsplit(done.url).netloc == urlsplit(back).netloc
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0, rest
    lines = rest.splitlines()
    assert re.fullmatch(r"granted [0-9a-f-]{36}, a DPoP token", lines[0])
    assert lines[1] == "read stay: 1 records"
    assert lines[2].startswith("introspected: active True, bound to ")
    assert lines[3:] == ["queried: 1 items", "revoked: active False"]
