"""Story 8: trips of one week, one look per trip; then the budget is spent, and everybody can see it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.demo import asking, brands
from examples.demo.report import expect, need
from examples.demo.stories import Scene

RIDE = "tayo-ride"
MAPPING = """{"category": "trip",
 "fields": {
  "service": {"constant": "타요 라이드"},
  "mode": {"constant": "taxi"},
  "from.name": {"column": "출발"},
  "to.name": {"column": "도착"},
  "started_at": {"column": "탄 시각", "date": "%Y-%m-%d %H:%M", "zone": "Asia/Seoul"},
  "ended_at": {"column": "내린 시각", "date": "%Y-%m-%d %H:%M", "zone": "Asia/Seoul"},
  "distance_km": {"column": "km"},
  "price.amount": {"column": "요금"},
  "price.currency": {"constant": "KRW"}}}
"""
SEOUL = timedelta(hours=9)


def live(scene: Scene) -> None:
    """Live through the week."""
    world, report, seoyeon = scene.world, scene.report, scene.seoyeon
    ride, name = world.staff(RIDE), world.facts(RIDE).ko
    folder = world.vault.folder
    report.story("8  Ride and after (이동과 그 뒤)")

    with report.step("Seo-yeon brings in her rides: two of this week, one older"):
        page = seoyeon.bring(*statement(folder, days_ago=(1, 3, 40)))
        need("3개" in page.heading, "3 trips imported")
    with report.step("the ride brand asks for a week of trips, one look per trip"):
        asked = ride.ask(asking.ride(seoyeon.address))
        page = seoyeon.request_of(name)
        chosen = seoyeon.choose(page)
        expect(seoyeon.ticks(chosen), ["provision", "location"], "ticks: trips are location data")
        seoyeon.agree(chosen)
        expect(ride.poll(asked.body["id"]).body["state"], "approved", "state")
    with report.step("it reads the two trips of this week, without their distance"):
        trips = ride.read("trip", brands.SERVICE).data
        expect(len(trips), 2, "trips")
        need(not any("distance_km" in trip for trip in trips), "no distance")
    with report.step("the budget is spent: the next read is refused"):
        expect(ride.read("trip", brands.SERVICE).code, "budget-spent", "answer")
    with report.step("a new trip may be looked at once, the old ones not again"):
        seoyeon.bring(*statement(folder, days_ago=(0,)))
        expect(len(ride.read("trip", brands.SERVICE).data), 1, "trips")
        expect(ride.read("trip", brands.SERVICE).code, "budget-spent", "answer")
    with report.step("she sees the looks and the stops, with the reason"):
        looks = [line for line in seoyeon.activity("read") if name in line]
        stops = [line for line in seoyeon.activity("refused") if name in line]
        expect(len(looks), 2, "looks")
        need(
            stops and all("횟수" in line for line in stops), "stops that speak of the looks used up"
        )


def statement(folder: Path, *, days_ago: tuple[int, ...]) -> tuple[Path, Path]:
    """Write a statement of rides as the ride app would export it, and how to read it."""
    lines = ["출발,도착,탄 시각,내린 시각,km,요금"]
    for number, days in enumerate(days_ago):
        start = datetime.now(UTC) + SEOUL - timedelta(days=days, hours=1)
        end = start + timedelta(minutes=25)
        lines.append(
            f"집,하늘공항 {number + 1}번 출구,{start:%Y-%m-%d %H:%M},{end:%Y-%m-%d %H:%M},"
            f"{17.2 + number},{23_400 + 100 * number}"
        )
    table, mapping = folder / f"rides-{len(days_ago)}.csv", folder / "rides.mapping.json"
    table.write_text("\n".join(lines) + "\n")
    mapping.write_text(MAPPING)
    return table, mapping
