"""What only a real browser can measure: nothing overflows, targets are large, important is larger."""

import pytest

from tests.browser.conftest import World, speak

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SMALL_TARGETS = """() => [...document.querySelectorAll('main a, main button, main input, main select, main summary, header a, header button, footer a')]
  .filter(e => e.offsetParent !== null && e.type !== 'hidden')
  .filter(e => !(e.tagName === 'A' && getComputedStyle(e).display === 'inline'))
  .map(e => [e, (e.closest('label') || e).getBoundingClientRect()])
  .filter(([e, r]) => r.width > 0 && (r.height < 24 || r.width < 24))
  .map(([e, r]) => e.outerHTML.slice(0, 120) + ' ' + r.width + 'x' + r.height)"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SIZES = """() => {
  const notice = document.querySelector('main .notice');
  const size = e => parseFloat(getComputedStyle(e).fontSize);
  const important = [...notice.querySelectorAll('.notice-important')];
  const rest = [...notice.querySelectorAll('dd, dt, li, p')].filter(e => !e.closest('.notice-important') && !e.querySelector('.notice-important'));
  const style = e => getComputedStyle(e);
  return {
    least: Math.min(...important.map(size)),
    most: Math.max(...rest.map(size)),
    weights: important.map(e => parseInt(style(e).fontWeight)),
    colours: important.every(e => style(e).color !== style(notice).color),
    count: important.length,
  };
}"""


@pytest.mark.rule(
    "important ≥ 12 px and ≥ 1.2 × the rest, checked in the browser", "consent.md 11.3"
)
@pytest.mark.parametrize(("width", "language"), [(360, "ko"), (1440, "en")])
def test_what_is_important_is_larger_bolder_and_coloured(
    world: World, visit, width: int, language: str
) -> None:
    speak(world.pod.owner, language)
    visitor = visit(width=width, language=language).sign_in(world.pod.owner)
    for path in (world.pages["request"], world.pages["notice"]):
        sizes = visitor.goto(path).evaluate(SIZES)
        # Recipient, purpose, period; on the request also sensitive data and the unique id.
        assert sizes["count"] >= 3
        assert sizes["least"] >= 12
        assert sizes["least"] >= 1.2 * sizes["most"]
        assert min(sizes["weights"]) >= 700
        assert sizes["colours"]


@pytest.mark.rule("good at 360 px and at 1440 px", "portal.md, voice and look")
@pytest.mark.parametrize(("width", "language"), [(360, "ko"), (360, "en"), (1440, "en")])
def test_nothing_runs_out_of_the_page_and_nothing_is_too_small_to_touch(
    world: World, visit, width: int, language: str
) -> None:
    speak(world.pod.owner, language)
    visitor = visit(width=width, language=language).sign_in(world.pod.owner)
    wide, small = {}, {}
    for name, path in world.pages.items():
        page = visitor.goto(path)
        if page.evaluate(WIDER) > 0:
            wide[name] = page.evaluate(WIDER)
        if targets := page.evaluate(SMALL_TARGETS):
            small[name] = targets
    assert wide == {}
    assert small == {}


@pytest.mark.rule("≤ 150 kB without fonts, no third-party request", "portal.md")
def test_the_overview_is_light_and_asks_nobody_else(world: World, visit) -> None:
    visitor = visit(width=1280).sign_in(world.pod.owner)
    loaded: list[tuple[str, int]] = []
    visitor.page.on("response", lambda answer: loaded.append((answer.url, len(answer.body()))))
    visitor.goto("/")
    visitor.page.wait_for_load_state("networkidle")
    assert all(url.startswith(visitor.origin) for url, _size in loaded)
    assert sum(size for url, size in loaded if not url.endswith(".woff2")) <= 150_000


def test_nothing_shifts_while_the_page_loads(world: World, visit) -> None:
    visitor = visit(width=1280).sign_in(world.pod.owner)
    page = visitor.goto("/")
    shift = page.evaluate(
        """() => new Promise(done => {
          let sum = 0;
          new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value; })
            .observe({type: 'layout-shift', buffered: true});
          setTimeout(() => done(sum), 300);
        })"""
    )
    assert shift < 0.05


def test_focus_is_seen_and_never_hidden_under_the_tabs(world: World, visit) -> None:
    visitor = visit(width=360).sign_in(world.pod.owner)
    page = visitor.goto("/")
    tabs = page.locator(".tabs").bounding_box()
    assert tabs is not None
    for _ in range(25):
        page.keyboard.press("Tab")
        box = page.evaluate(
            """() => { const e = document.activeElement; const r = e.getBoundingClientRect();
              return {in_tabs: !!e.closest('.tabs'), body: e === document.body, top: r.top, bottom: r.bottom,
                      outline: getComputedStyle(e).outlineStyle, width: getComputedStyle(e).outlineWidth}; }"""
        )
        if box["body"] or box["in_tabs"]:
            continue
        assert box["outline"] != "none"
        assert box["width"] != "0px"
        assert box["top"] < tabs["y"]


def test_who_wants_no_motion_gets_none(world: World, visit, chromium, live_server) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(live_server.url + "/")
    moving = page.evaluate(
        "() => [...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"
    )
    context.close()
    assert moving == 0
