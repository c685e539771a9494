"""The brand's programs of examples/ run with the sandbox's brands as they lie there."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.sandbox.conftest import Practice

ROOT = Path(settings.BASE_DIR)
WHY = {"ko": "여행을 도와요.", "en": "To help on your way."}


def run(*arguments: object) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def stop(client: str, order: int, place: str) -> dict[str, Any]:
    request = {
        "purpose": "dpv:ServicePersonalisation", "access_mode": "look_only",
        "items": [{"category": "itinerary", "why": WHY, "required": True}],
        "expires": (datetime.now(UTC) + timedelta(days=20)).isoformat(),
        "benefit": {"ko": "빠른 안내", "en": "Quick help"},
    }  # fmt: skip
    named = {"ko": place, "en": place}
    return {"order": order, "place": named, "client": client, "request": request}


def test_an_alliance_is_answered_brand_by_brand(practice: Practice, tmp_path: Path) -> None:
    homes = [Path(practice.table["programs"][name]) for name in ("maru-desk", "bora")]
    ids = [json.loads((home / "client.json").read_text()) for home in homes]
    clients = [each["clients"][0]["client_id"] for each in ids]
    journey = {
        "alliance": practice.table["alliance"],
        "subject": {"mail": "approves@sandbox.example"},
        "name": {"ko": "제주 여행", "en": "To Jeju"},
        "starts": datetime.now(UTC).isoformat(),
        "ends": (datetime.now(UTC) + timedelta(days=3)).isoformat(),
        "stops": [stop(clients[0], 1, "Hotel"), stop(clients[1], 2, "Car")],
    }
    (tmp_path / "journey.json").write_text(json.dumps(journey))
    lines = run("examples.brand.journey", homes[0], tmp_path / "journey.json", *homes)
    assert lines == ["Hotel: itinerary: 1 records", "Car: itinerary: 1 records"]


def test_level_three_opens_what_the_sandbox_seals(practice: Practice) -> None:
    from examples.brand.sealed import SealingKey

    home = Path(practice.table["programs"]["maru-sealed"])
    told = json.loads((home / "client.json").read_text())
    read = {
        "subject": practice.table["subjects"]["granted"], "category": "stay",
        "purpose": "dpv:ServicePersonalisation",
    }  # fmt: skip
    line = practice.callers["maru-sealed"].line
    token = line.own_token()["access_token"]
    answer = line.call("POST", line.origin + "/api/v1/reads", token, read)
    assert "records" not in answer
    key = SealingKey.load_or_make(home)
    opened = key.opened(answer, told["partner"], told["clients"][0]["client_id"])
    assert {"hotel", "check_in"} <= opened["records"][0]["data"].keys()
