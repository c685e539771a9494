"""A value planted in a pod is found nowhere in clear, after a whole story with errors provoked (I5)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from examples.demo import asking, brands
from examples.demo.pages import Page
from examples.demo.person import Person
from examples.demo.staff import Answer, Staff
from examples.demo.world import World, until
from tests.stories import traces

# Two values of the pod, one in each script, and a third that only a brand makes up in its calls.
LATIN, HANGUL = "Kingfisher-Quartz-7731", "물총새수정칠칠삼일"
MADE_UP = "Heron-Opal-8842"
PURCHASES = f"shop,at,what\n{LATIN},2026-11-01 10:00,{HANGUL}\n{LATIN},2026-13-77 10:00,{HANGUL}\n"
MAPPING = """{"category": "purchase", "fields": {
  "shop": {"column": "shop"}, "items.product": {"column": "what"},
  "at": {"column": "at", "date": "%Y-%m-%d %H:%M", "zone": "Asia/Seoul"}}}"""


@pytest.mark.rule("Product", "A canary value put into a pod is nowhere in clear")
@pytest.mark.rule("Design", "assurance.md I5")
def test_a_canary_is_in_no_table_no_log_no_export_and_no_error_page(
    world: World, customer: Callable[..., Person], exported: Callable[[], Path], tmp_path: Path
) -> None:
    owner, market = customer("careful"), world.staff("banjjak-market")
    told = _story(world, owner, market, tmp_path)
    export = exported()
    world.vault.manage("export_log", "--to", str(tmp_path / "open.zip"), "--all-details")

    needles = traces.needles(LATIN, HANGUL)
    assert traces.find(needles, told) == []
    assert traces.find(needles, traces.of_files(world.vault.folder, apart=("brands",))) == []
    assert traces.find(needles, traces.of_tables(world.vault.environment)) == []
    assert traces.find(needles, traces.of_sessions(world.vault.environment)) == []
    assert traces.find(needles, traces.of_archive(export)) == []
    assert traces.find(needles, traces.of_archive(tmp_path / "open.zip")) == []
    # What a brand made up stands in sealed details for its customer, and in nothing else.
    made_up = traces.needles(MADE_UP)
    assert traces.find(made_up, traces.of_archive(export)) == []
    assert traces.find(made_up, {"vault.log": world.vault.process.log.read_bytes()}) == []

    # The brand had it while it was allowed to, and has destroyed it; its owner still has it.
    assert traces.find(needles, traces.of_files(world.vault.folder / "brands")) == []
    assert LATIN in owner.sees("purchase")


def _story(world: World, owner: Person, market: Staff, folder: Path) -> dict[str, bytes]:
    """Import, grant, read, provoke every refusal there is; return the answers that were errors."""
    table, mapping = folder / "purchases.csv", folder / "mapping.json"
    table.write_text(PURCHASES)
    mapping.write_text(MAPPING)
    report = owner.bring(table, mapping)
    assert report.main.all("tbody")[0].all("tr")

    asked = market.ask(asking.market(owner.address)).body["id"]
    owner.approve(owner.request_of("반짝마켓"))
    market.poll(asked)
    assert market.read("purchase", brands.SERVICE).data[0]["shop"] == LATIN

    held = traces.of_files(world.vault.folder / "brands")
    assert traces.find(traces.needles(LATIN, HANGUL), held)  # so the search does find things

    told = {"import report": report.text.encode()}
    for number, answer in enumerate(_refusals(market)):
        assert not answer.ok
        told[f"answer {number}"] = str(answer.body).encode()
    for number, page in enumerate(_error_pages(world, owner)):
        assert page.status >= 400
        told[f"page {number}"] = page.text.encode()
    told |= {f"raw {number}": body for number, body in enumerate(_raw(world))}

    page = owner.end("반짝마켓")
    told["after the end"] = str(market.read("purchase", brands.SERVICE).body).encode()
    until(lambda: "(1/1)" in owner.reload(page).text, "the market confirmed")
    told["activity"] = " ".join(owner.activity()).encode()
    return told


def _refusals(market: Staff) -> Iterator[Answer]:
    """Make calls that carry values where none belong."""
    yield market.read("purchase", MADE_UP)
    yield market.read(MADE_UP, brands.SERVICE)
    yield market.read("purchase", brands.SERVICE, fields=[MADE_UP])
    yield market.read("purchase", brands.SERVICE, subject=MADE_UP)
    yield market.read("purchase", brands.SERVICE, **{MADE_UP: MADE_UP})
    yield market.contribute("purchase", brands.SERVICE, {"shop": LATIN, "at": HANGUL})
    yield market.contribute(MADE_UP, brands.SERVICE, {"shop": LATIN})
    yield market.ask(asking.market(f"{LATIN}@customer.example") | {"purpose": MADE_UP})
    yield market.ask({"subject": {"mail": HANGUL}, LATIN: HANGUL})


def _error_pages(world: World, owner: Person) -> Iterator[Page]:
    """Open what is not there, and send forms that nobody made."""
    yield owner.browser.open("/data/no-such-category/")
    yield owner.browser.open("/grants/00000000-0000-4000-8000-000000000000/")
    form = owner.browser.open("/data/purchase/add/").form(to="/data/purchase/add/")
    yield owner.browser.send(form, {"csrfmiddlewaretoken": "x", "shop": LATIN})
    form = owner.browser.open("/data/import/").form(with_field="file")
    form.inputs = [each for each in form.inputs if each.name != "csrfmiddlewaretoken"]
    yield owner.browser.send(form, {"note": HANGUL})


def _raw(world: World) -> Iterator[bytes]:
    """Send bodies that are no JSON, no form and no token; return what came back."""
    http = urllib3.PoolManager(retries=False)
    call = f'{{"subject": "{LATIN}", "subject": "{HANGUL}"'.encode()
    for path, headers in (
        ("/api/v1/reads", {}),
        ("/api/v1/reads", {"Authorization": f"Bearer {LATIN}"}),
        ("/api/v1/requests", {"Authorization": f"Bearer {LATIN}"}),
        ("/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}),
    ):
        alone = headers | {"Connection": "close"}
        answer = http.request("POST", world.vault.origin + path, body=call, headers=alone)
        assert answer.status >= 400
        yield answer.data


@pytest.mark.rule("Design", "assurance.md I5")
def test_no_message_to_a_broker_can_carry_anything() -> None:
    from config.celery import app

    app.loader.import_default_modules()
    for name in app.conf.beat_schedule:
        entry, task = app.conf.beat_schedule[name], app.tasks[name]
        assert not entry.get("args")
        assert not entry.get("kwargs")
        assert task.run.__code__.co_argcount == 0
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == {entry["task"] for entry in app.conf.beat_schedule.values()}


@pytest.mark.rule("Design", "assurance.md I5")
def test_the_search_finds_a_canary_however_it_is_written() -> None:
    for needle in (LATIN, HANGUL):
        for written in traces.writings(needle):
            assert traces.find(traces.needles(needle), {"there": b"\x00ab" + written + b"yz"})
    assert traces.find(traces.needles(LATIN), {"there": re.sub("r", "", LATIN).encode()}) == []
