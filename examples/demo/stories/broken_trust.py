"""Story 11: a brand states a purpose that nobody agreed to. Refused, logged, shown; then it is stopped."""

from examples.demo import asking, brands
from examples.demo.report import expect, need
from examples.demo.stories import Scene
from examples.demo.world import until

MARKET = "banjjak-market"
GROUND = "unlawful-use-suspected"
STOPPED = "브랜드 이용을 막았어요"


def live(scene: Scene) -> None:
    """Live through the breach."""
    world, report, seoyeon = scene.world, scene.report, scene.seoyeon
    market, name = world.staff(MARKET), world.facts(MARKET).ko
    report.story("11  Broken trust (깨진 약속)")

    with report.step("a market asks for purchases, to help with exchanges; Seo-yeon agrees"):
        asked = market.ask(asking.market(seoyeon.address))
        seoyeon.approve(seoyeon.request_of(name))
        expect(market.poll(asked.body["id"]).body["state"], "approved", "state")
        expect(len(market.read("purchase", brands.SERVICE).data), 4, "purchases")
    with report.step("it may not even ask for a purpose that it has not registered"):
        forbidden = asking.market(seoyeon.address) | {"purpose": brands.ADVERTISING}
        expect(market.ask(forbidden).code, "purpose-not-registered", "answer")
    with report.step("it reads again and says that it is for analytics: refused"):
        expect(market.read("purchase", brands.ANALYTICS).code, "purpose-mismatch", "answer")
    with report.step("it tries advertising: refused, twenty times, counted and not twenty lines"):
        for _ in range(20):
            expect(market.read("purchase", brands.ADVERTISING).code, "purpose-mismatch", "answer")
    with report.step("she sees that it was stopped, and that nothing was handed over"):
        lines = [line for line in seoyeon.activity("refused") if name in line]
        need(lines and len(lines) <= 4, f"a few lines about {name}, not {len(lines)}")
        need("넘어간 정보는 없어요" in lines[0], "that nothing was handed over")
        need("동의하지 않은 목적" in lines[0], "that the purpose was not agreed to")
    with report.step("the operator suspends the brand"):
        said = world.vault.manage("suspend_partner", world.partners[MARKET], "--ground", GROUND)
        need("1 grants stopped" in said, f"one grant stopped, not {said!r}")
    with report.step("from that moment on it reads nothing, whatever it says"):
        need(not market.read("purchase", brands.SERVICE).ok, "a refusal")
        need(not market.ask(asking.market(seoyeon.address)).ok, "no new request")
    with report.step("Seo-yeon is told: by mail, on her home page, in her activity"):
        until(lambda: seoyeon.mails_about(STOPPED), "the mail arrived")
        mail = seoyeon.mails_about(STOPPED)[-1]
        need(name not in mail.subject, "no brand in the subject, which shows on a lock screen")
        need(world.facts(MARKET).legal_ko in mail.text, "the brand in the mail")
        need(
            "운영자가 멈춤" in seoyeon.grant(name).text or "운영자" in seoyeon.grant(name).text,
            "the state",
        )
        need(
            any(name in line and "운영자" in line for line in seoyeon.activity("changed")),
            "an entry",
        )
    with report.step("the market is told too"):
        until(lambda: "grant-suspended" in market.events(), "the event arrived")
