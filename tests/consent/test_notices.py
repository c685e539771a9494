"""What an owner reads before agreeing: the statute's words, in its order, and nothing hidden."""

import re
import unicodedata
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import time_machine
from django.utils import timezone, translation

from consent import notices
from consent.models import AccessRequest, Client
from consent.requests import Choices, ItemChoice
from tests import cast
from vault.models import Pod

STATUTORY = [
    "개인정보를 제공받는 자",
    "개인정보를 제공받는 자의 개인정보 이용 목적",
    "제공하는 개인정보의 항목",
    "개인정보를 제공받는 자의 개인정보 보유 및 이용 기간",
    "동의를 거부할 권리가 있다는 사실 및 동의 거부에 따른 불이익이 있는 경우에는 그 불이익의 내용",
]
OVERSEAS = [
    "이전되는 개인정보 항목",
    "개인정보가 이전되는 국가, 시기 및 방법",
    "개인정보를 이전받는 자의 성명(법인인 경우 그 명칭과 연락처)",
    "개인정보를 이전받는 자의 개인정보 이용목적 및 보유·이용 기간",
    "개인정보의 이전을 거부하는 방법, 절차 및 거부의 효과",
]
ABROAD = {
    "country": {"ko": "일본", "en": "Japan"},
    "when": {"ko": "예약할 때", "en": "when you book"},
    "how": {"ko": "암호화하여 전송", "en": "sent encrypted"},
    "recipient": {"ko": "마루 재팬", "en": "Maru Japan"},
    "contact": "privacy@maru.example",
    "refusing": {
        "ko": "동의하지 않으면 이전하지 않습니다",
        "en": "do not agree, and nothing is sent",
    },
}


class Definitions(HTMLParser):
    """Reads what stands under each heading of one list."""

    def __init__(self, css_class: str) -> None:
        super().__init__()
        self.css_class, self.inside, self.tag = css_class, False, ""
        self.found: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "dl":
            self.inside = dict(attrs).get("class") == self.css_class
        if self.inside and tag in {"dt", "dd"}:
            self.tag = tag
            self.found.append(["", ""]) if tag == "dt" else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "dl":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside and self.tag:
            self.found[-1][self.tag == "dd"] += data


def definitions(html: str, css_class: str) -> list[tuple[str, str]]:
    parser = Definitions(css_class)
    parser.feed(html)
    return [(heading.strip(), " ".join(said.split())) for heading, said in parser.found]


def show(request: AccessRequest, choices: Choices | None = None, language: str = "ko") -> str:
    return notices.render(request, choices or Choices.everything(request), language).decode()


@pytest.mark.rule("PIPA", "Art. 17(2)")
def test_the_five_statutory_items_stand_verbatim_in_order_and_filled(
    pod: Pod, hotel: Client
) -> None:
    said = definitions(show(cast.make_request(pod, hotel)), "notice-statutory")

    assert [heading for heading, _ in said] == STATUTORY
    assert all(text for _, text in said)
    assert hotel.partner.legal_name_ko in said[0][1]
    assert "머무는 동안의 맞춤 서비스" in said[1][1]
    assert "숙박" in said[2][1]
    assert said[3][1].endswith("(그 전에 동의를 철회하면 철회한 때까지)")
    assert said[4][1] == "동의를 거부할 권리가 있습니다. 거부에 따른 불이익: 없음"


@pytest.mark.rule("portal.md", "statutory Korean words stay in brackets in English")
def test_in_english_the_statutory_words_stay_in_brackets(pod: Pod, hotel: Client) -> None:
    said = definitions(show(cast.make_request(pod, hotel), language="en"), "notice-statutory")

    assert [
        heading.endswith(f"({korean})")
        for (heading, _), korean in zip(said, STATUTORY, strict=True)
    ] == [True] * 5
    assert "(그 전에 동의를 철회하면 철회한 때까지)" in said[3][1]


@pytest.mark.rule("PIPA", "Art. 17(2)5")
def test_a_disadvantage_is_named(pod: Pod, hotel: Client) -> None:
    missing = cast.make_item(
        effect_if_refused="feature_missing", missing_feature={"ko": "베개 준비", "en": "Pillows"}
    )
    refused = cast.make_item("itinerary", required=True, effect_if_refused="service_refused")
    said = definitions(
        show(cast.make_request(pod, hotel, items=[missing, refused])), "notice-statutory"
    )

    assert "베개 준비" in said[4][1]
    assert "이 서비스를 이용할 수 없습니다" in said[4][1]
    assert "없음" not in said[4][1]


@pytest.mark.rule("PIPA", "Art. 22(5)")
def test_required_and_optional_stand_apart_and_that_one_may_refuse(pod: Pod, hotel: Client) -> None:
    items = [cast.make_item(required=True), cast.make_item("itinerary")]
    html = show(cast.make_request(pod, hotel, items=items))

    assert html.index('data-required="yes"') < html.index("필수 항목") < html.index("선택 항목<")
    assert 'data-required="no"' in html
    assert "선택 항목에 동의하지 않아도 서비스를 이용할 수 있습니다." in html


@pytest.mark.rule("PIPA", "Art. 28-8(2)")
def test_a_transfer_abroad_is_a_consent_of_its_own_with_five_items(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel, overseas=ABROAD)
    said = definitions(show(request), "notice-overseas")

    assert [heading for heading, _ in said] == OVERSEAS
    assert all(text for _, text in said)
    assert 'data-tick="overseas"' in show(request)
    assert "overseas" in notices.required_ticks(request, Choices.everything(request))


@pytest.mark.rule("consent.md", "11.2")
@pytest.mark.parametrize(
    ("category", "ticks"),
    [
        ("stay", {"provision"}),
        ("health", {"provision", "sensitive"}),
        ("official_id", {"provision", "unique_id"}),
        ("track", {"provision", "location"}),
        ("workout", {"provision", "sensitive", "location"}),
    ],
)
def test_each_class_has_its_own_block_and_tick(pod: Pod, category: str, ticks: set[str]) -> None:
    client = cast.make_client(level=2)
    cast.make_template(client.partner, categories={category: {"actions": ["read"], "fields": None}})
    request = cast.make_request(pod, client, items=[cast.make_item(category)])

    assert notices.required_ticks(request, Choices.everything(request)) == ticks
    blocks = set(re.findall(r'data-tick="(\w+)"', show(request)))
    assert blocks | {"provision"} == ticks


@pytest.mark.rule("consent.md", "11.3")
def test_what_the_decree_calls_important_is_marked_by_a_class(pod: Pod) -> None:
    client = cast.make_client(level=2)
    cast.make_template(client.partner, categories={"health": {"actions": ["read"], "fields": None}})
    html = show(cast.make_request(pod, client, items=[cast.make_item("health")], marketing=True))
    marked = re.findall(r'<div class="notice-important">(.*?)</div>', html, re.DOTALL)

    assert len(marked) == 5  # recipient, purpose, period, sensitive data, marketing
    assert "style=" not in html


@pytest.mark.rule("consent.md", "4.1")
def test_a_notice_is_a_function_of_its_arguments(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    choices = Choices.everything(request)
    first = notices.render(request, choices, "ko")
    fresh = AccessRequest.objects.get(pk=request.pk)

    with translation.override("en"), time_machine.travel(timezone.now() + timedelta(days=9)):
        assert notices.render(fresh, choices, "ko") == first
    with translation.override(None), timezone.override("America/New_York"):
        assert notices.render(fresh, choices, "ko-kr") == first
    ticked = Choices(items=choices.items, ticks=frozenset({"provision"}))
    assert notices.render(fresh, ticked, "ko") == first


def test_narrowing_changes_the_notice(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel)
    some = show(request, cast.choose(ItemChoice("stay", fields=("hotel", "city"))))

    assert "이 항목의 모든 정보" in show(request)
    assert "숙박: 호텔, 도시" in some
    less = cast.choose(ItemChoice("stay"), frequency={"count": 1, "unit": "day"})
    assert "하루 1회 이하" in show(request, less)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_bytes_are_utf_8_nfc_with_line_feeds_and_no_secrets(
    pod: Pod, hotel: Client, language: str
) -> None:
    html = show(cast.make_request(pod, hotel), language=language)

    assert unicodedata.is_normalized("NFC", html)
    assert "\r" not in html
    for absent in ("nonce", "csrf", "script", pod.owner.email, str(pod.pk), "{", "}"):
        assert absent not in html


def test_a_brands_words_are_escaped(pod: Pod) -> None:
    evil = '<script>alert("x")</script>'
    client = cast.make_client(cast.make_partner(legal_name_ko=evil), name_ko=evil)
    cast.make_template(client.partner, title_ko=evil)
    why = {"ko": evil, "en": evil}
    worker = {"name": why, "work": why}
    html = show(
        cast.make_request(
            pod, client, items=[cast.make_item(why=why)], benefit=why, processors=[worker]
        )
    )

    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 7


@pytest.mark.rule("consent.md", "1.1")
def test_processors_never_stand_among_recipients(pod: Pod, hotel: Client) -> None:
    worker = {
        "name": {"ko": "청소대행", "en": "Cleaners"},
        "work": {"ko": "청소", "en": "Cleaning"},
    }
    html = show(cast.make_request(pod, hotel, processors=[worker]))

    assert "청소대행" not in str(definitions(html, "notice-statutory"))
    assert "청소대행 (청소)" in html


def test_what_is_bound_to_a_stay_ends_with_it(pod: Pod, hotel: Client) -> None:
    ends = (timezone.now() + timedelta(days=2)).isoformat()
    request = cast.make_request(
        pod, hotel, bound_to={"kind": "stay", "ref": "s-1", "ends_at": ends}
    )
    assert "숙박 종료(" in definitions(show(request), "notice-statutory")[3][1]


def test_look_only_is_not_kept(pod: Pod, hotel: Client) -> None:
    request = cast.make_request(pod, hotel, access_mode="look_only", retention_days=None)
    assert "보기만 하고 보유하지 않음" in definitions(show(request), "notice-statutory")[3][1]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize(
    "span",
    [{"last_days": 7}, {"since": "2026-01-01"}, {"since": "2026-01-01", "until": "2026-02-01"}],
)
@pytest.mark.parametrize("unit", ["hour", "day", "week", "month", "year", "record", "total"])
def test_every_unit_and_range_has_words(
    pod: Pod, hotel: Client, language: str, span: dict[str, object], unit: str
) -> None:
    request = cast.make_request(pod, hotel, range=span, frequency={"count": 3, "unit": unit})
    html = show(request, language=language)
    assert "3" in html
    assert "None" not in html
