"""Story 7: from cable to streaming. What one brand brought, the other may read; the first is ended."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from examples.demo import brands, endings, proof
from examples.demo.brands import Facts, purpose
from examples.demo.person import Person
from examples.demo.processes import BrandServer
from examples.demo.report import Report
from examples.demo.staff import Staff
from examples.demo.world import World, until

CABLE, STREAM = "dalbit-cable", "mulgyeol-stream"
FACTS = {
    CABLE: Facts(
        "달빛케이블", "Dalbit Cable", "달빛케이블 주식회사", "Dalbit Cable Co., Ltd.",
        (
            purpose(
                brands.SERVICE, "시청 기록 돌려드리기와 이용 관리", "Your viewing history and service",
                {"viewing": brands.BOTH, "subscription": brands.BOTH},
            ),
        ),
    ),
    STREAM: Facts(
        "물결스트림", "Mulgyeol Stream", "물결스트림 주식회사", "Mulgyeol Stream Co., Ltd.",
        (
            purpose(
                brands.RECOMMEND, "취향에 맞는 작품 추천", "Recommendations to your taste",
                {"viewing": brands.READ},
            ),
        ),
    ),
}  # fmt: skip
WATCHED = ("밤의 정원", "바다의 노래", "겨울 이야기")


@pytest.fixture(scope="module")
def studio(world: World) -> Iterator[BrandServer]:
    """A server with the two brands; only this story knows them. The one that is left is slow."""
    server = BrandServer("screens", FACTS, world.vault, "--slow", f"{CABLE}=2")
    server.start(801)
    server.ready()
    homes = [server.home / folder for folder in FACTS]
    printed = world.vault.manage(
        "register_partner", *(str(home / "registration.json") for home in homes)
    )
    for home, line in zip(homes, printed.splitlines(), strict=True):
        (home / "client.json").write_text(line)
        world.partners[home.name] = json.loads(line)["partner"]
    world.servers["screens"] = server
    yield server
    server.process.stop()
    del world.servers["screens"]


def request(mail: str, name: str, items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "subject": {"mail": mail},
        "purpose": name,
        "items": items,
        "access_mode": "may_store",
        "retention_days": 30,
        "expires": (datetime.now(UTC) + timedelta(days=60)).isoformat(timespec="seconds"),
        "benefit": {"ko": "첫 달 무료", "en": "The first month free"},
    } | more


def item(category: str, action: str = "read") -> dict[str, Any]:
    why = {"ko": "서비스에 필요해요.", "en": "The service needs it."}
    return {
        "category": category, "action": action, "why": why,
        "required": True, "effect_if_refused": "less_personal",
    }  # fmt: skip


@pytest.fixture
def viewer(customer: Callable[..., Person]) -> Person:
    return customer("viewer")


@pytest.fixture
def cable(studio: BrandServer, viewer: Person) -> Staff:
    """The company that the customer is with: it brings her viewing history, and reads it."""
    staff = studio.staff(CABLE)
    items = [item("viewing"), item("viewing", "contribute")]
    asked = staff.ask(request(viewer.address, brands.SERVICE, items)).body["id"]
    viewer.approve(viewer.request_of("달빛케이블"))
    staff.poll(asked)
    for title in WATCHED:
        watched = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"title": title, "kind": "series", "watched_at": watched}
        assert staff.contribute("viewing", brands.SERVICE, record).ok
    assert len(staff.read("viewing", brands.SERVICE).data) == len(WATCHED)
    assert staff.copies() == ["viewing"]
    return staff


@pytest.mark.rule("Product", "Story 7")
@pytest.mark.rule("Product", "Confirmed revocation")
def test_a_customer_changes_brands_and_sees_the_deletion_confirmed(
    world: World,
    studio: BrandServer,
    viewer: Person,
    cable: Staff,
    exported: Callable[[], Path],
    report: Report,
) -> None:
    # Her history lies in her vault, and says who brought it.
    assert all(title in viewer.sees("viewing") for title in WATCHED)
    assert "달빛케이블 주식회사" in viewer.sees("viewing")

    # The new service gets titles, not when she watched.
    stream = studio.staff(STREAM)
    asked = stream.ask(request(viewer.address, brands.RECOMMEND, [item("viewing")])).body["id"]
    viewer.approve(viewer.request_of("물결스트림"), keep_back={"0": ["본 시각"]})
    stream.poll(asked)
    read = stream.read("viewing", brands.RECOMMEND).data
    assert {one["title"] for one in read} == set(WATCHED)
    assert not any("watched_at" in one for one in read)

    # She leaves the old one: its reads stop at once, its copies follow, confirmed and signed.
    page = viewer.end("달빛케이블")
    assert cable.read("viewing", brands.SERVICE).code == "grant-ended"
    until(cable.attested, "the cable company attested")
    assert cable.attested() == [("viewing", "deleted")]
    assert cable.copies() == []
    until(lambda: "(1/1)" in viewer.reload(page).text, "the page counts the confirmation")
    assert "파기 확인" in viewer.browser.open("/ended/").text
    endings.tell(report, world, {CABLE: cable}, {"달빛케이블": viewer.reload(page).main})
    told = json.loads(report.path.read_text())["tables"]
    assert told["Each brand"][0]["attested"] == ["viewing: deleted"]
    assert [line.partition(":")[0] for line in told["What the customer sees"][0]["clocks"]] == [
        "done"
    ] * 4
    assert told["The regulator's list"] == []

    # What is hers stays hers, and the new service goes on.
    assert all(title in viewer.sees("viewing") for title in WATCHED)
    assert len(stream.read("viewing", brands.RECOMMEND).data) == len(WATCHED)
    until(lambda: any("끝냈어요" in mail.subject for mail in viewer.mails()), "a proof by mail")
    types = [leaf["type"] for leaf in proof.leaves(exported())]
    assert "obligation.attested" in types
