"""Profile KR: the statutory items of a consent, in the statute's words and order (section 11).

The words are data with a version (`words.json`); a change of them is a new version, and
grants keep the bytes that were shown. Partners' texts are escaped, and emphasis is a class
only, so that the page decides how large "important" is (11.3).
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from consent import choices as choosing
from consent.choices import Choices, Kept
from consent.models import AccessRequest, RequestItem
from vault import categories, vocabulary

SEOUL = ZoneInfo("Asia/Seoul")
_WORDS_PATH = Path(__file__).parent / "words.json"


def version() -> str:
    """Return which version of the words this is."""
    return str(_data()["version"])


def render(request: AccessRequest, choices: Choices, language: str) -> bytes:
    """Return the notice in "ko" or "en". Raises `ChoicesInvalid`."""
    page = _Page(request, choices, language)
    text = unicodedata.normalize("NFC", page.html())
    return text.replace("\r\n", "\n").encode("utf-8")


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(_WORDS_PATH.read_text(encoding="utf-8"))
    return data


class _Page:
    """One notice while it is being written."""

    def __init__(self, request: AccessRequest, choices: Choices, language: str) -> None:
        self.request, self.choices, self.language = request, choices, language
        self.kept = choosing.kept_items(request, choices)
        # What a brand brings is not provided to it; it stands among the items below.
        reads = [each for each in self.kept if each.asked.action == RequestItem.Action.READ]
        self.provided = reads or self.kept

    # Parts ---------------------------------------------------------------------------
    def html(self) -> SafeString:
        parts = [
            format_html('<h2 class="notice-title">{}</h2>', self.word("title")),
            self.statutory(),
            self.paragraph("choice", "notice-choice"),
            self.items(required=True),
            self.items(required=False),
            self.terms(),
            self.own_consents(),
        ]
        return format_html(
            '<section class="notice" lang="{}" data-template="{}">\n{}\n</section>\n',
            self.language,
            version(),
            _lines(part for part in parts if part),
        )

    def statutory(self) -> SafeString:
        """The five items of PIPA Art. 17②, in its order. The first four are never empty."""
        said = {
            "recipient": _important(self.recipient()),
            "purpose": _important(self.purpose()),
            "items": self.item_names(self.provided),
            "period": _important(self.period()),
            "right": self.right(),
        }
        return self.definitions("notice-statutory", _data()["statutory"], said)

    def items(self, *, required: bool) -> SafeString | str:
        chosen = [each for each in self.kept if each.asked.required is required]
        if not chosen:
            return ""
        return format_html(
            '<section class="notice-items" data-required="{}">\n<h3>{}</h3>\n<ul>\n{}\n</ul>\n</section>',
            "yes" if required else "no",
            self.word("required" if required else "optional"),
            _lines(self.item(each) for each in chosen),
        )

    def item(self, kept: Kept) -> SafeString:
        return format_html(
            "<li>{} · {}<br>{}: {}<br>{}: {}</li>",
            self.item_name(kept),
            self.word(kept.asked.action),
            self.word("why"),
            self.text(kept.asked, "why"),
            self.word("when_refused"),
            self.effect(kept.asked),
        )

    def terms(self) -> SafeString:
        rows = [
            (self.word("frequency"), self.frequency()),
            (self.word("range"), self.range()),
            (self.word("benefit"), self.text(self.request, "benefit")),
            (self.word("contact"), self.officer()),
            (self.word("policy"), self.request.partner.privacy_url),
        ]
        if self.request.processors:
            rows.append((self.word("processors"), self.processors()))
        return format_html('<dl class="notice-terms">\n{}\n</dl>', _definitions(rows))

    def own_consents(self) -> SafeString | str:
        """What needs a tick of its own, each by itself: there is no "agree to all" (11.2)."""
        parts = [self.of_class(name) for name in ("sensitive", "unique_id", "location")]
        parts += [self.overseas(), self.marketing()]
        if not any(parts):
            return ""
        return _lines([self.paragraph("own_consent", "notice-own"), *(p for p in parts if p)])

    def of_class(self, name: str) -> SafeString | str:
        chosen = [each for each in self.kept if name in categories.get(each.asked.category).classes]
        if not chosen:
            return ""
        told = self.paragraph("location_told", "notice-told") if name == "location" else ""
        return self.consent(name, self.word(name), [_important(self.item_names(chosen)), told])

    def overseas(self) -> SafeString | str:
        """The five items of PIPA Art. 28-8②."""
        abroad = self.request.overseas
        if not abroad:
            return ""
        where = (self.both(abroad[name]) for name in ("country", "when", "how"))
        said = {
            "items": self.item_names(self.provided),
            "where": " · ".join(where),
            "recipient": f"{self.both(abroad['recipient'])} ({abroad['contact']})",
            "period": format_html("{} · {}", self.purpose(), self.period()),
            "refusing": self.both(abroad["refusing"]),
        }
        block = self.definitions("notice-overseas", _data()["overseas"], said)
        return self.consent("overseas", self.word("overseas_title"), [block])

    def marketing(self) -> SafeString | str:
        if not self.request.marketing:
            return ""
        fact = _important(self.word("marketing_fact"))
        return self.consent("marketing", self.word("marketing"), [fact])

    # Phrases -------------------------------------------------------------------------
    def recipient(self) -> str:
        partner, client = self.request.partner, self.request.client
        name = partner.legal_name(self.language)
        return f"{name} ({self.text(client, 'name')}, {partner.registration_number})"

    def purpose(self) -> str:
        general = vocabulary.purpose(self.request.purpose).label.in_language(self.language)
        return f"{self.text(self.request.template, 'title')} ({general})"

    def item_names(self, chosen: Iterable[Kept]) -> SafeString:
        return format_html(
            "<ul>\n{}\n</ul>",
            _lines(format_html("<li>{}</li>", self.item_name(each)) for each in chosen),
        )

    def item_name(self, kept: Kept) -> str:
        category = categories.get(kept.asked.category)
        label = category.label.in_language(self.language)
        if category.of:
            # What leaves, and that the records it is computed from do not.
            return f"{label}: {category.description.in_language(self.language)}"
        if kept.fields is None:
            return f"{label}: {self.word('all_fields')}"
        named = (category.fields[name].in_language(self.language) for name in kept.fields)
        return f"{label}: {', '.join(named)}"

    def period(self) -> str:
        """How long, and always that withdrawing ends it (11.1)."""
        return f"{self.start()} {self.end()}, {self.retention()} {self.word('withdrawn')}"

    def start(self) -> str:
        if self.request.valid_from is None:
            return self.word("from_consent")
        return self.word("from").format(moment=self.moment(self.request.valid_from))

    def end(self) -> str:
        until = choosing.expires_at(self.request, self.choices)
        bound = self.request.bound_ends_at
        if bound is not None and bound < until:
            what = self.word(self.request.bound_kind)
            return self.word("bound").format(what=what, moment=self.moment(bound))
        return self.word("until").format(moment=self.moment(until))

    def retention(self) -> str:
        if self.request.access_mode == AccessRequest.AccessMode.LOOK_ONLY:
            return self.word("look_only")
        assert self.request.retention is not None  # rule "retention-missing"
        return self.word("retention_days").format(days=self.request.retention.days)

    def right(self) -> SafeString:
        """Always that one may refuse; "없음" where nothing is lost by it."""
        effects = [self.effect(each.asked) for each in self.kept]
        lost = [each for each in dict.fromkeys(effects) if each != self.word("none")]
        return format_html("{} {}", self.word("right"), ", ".join(lost) or self.word("none"))

    def effect(self, item: RequestItem) -> str:
        said = self.word(item.refusal_effect)
        if item.refusal_effect == RequestItem.RefusalEffect.FEATURE_MISSING:
            said = f"{said} {self.text(item, 'refusal_effect_name')}"
        return said

    def frequency(self) -> str:
        budget = choosing.frequency(self.request, self.choices)
        if budget is None:
            return self.word("unlimited")
        return self.word("times").format(count=budget["count"], unit=self.word(budget["unit"]))

    def range(self) -> str:
        span = self.request.data_range
        if not span:
            return self.word("everything")
        if "last_days" in span:
            return self.word("last_days").format(days=span["last_days"])
        ends = {name: span.get(name, "") for name in ("since", "until")}
        return self.word("since_until").format(**ends)

    def officer(self) -> str:
        partner = self.request.partner
        return f"{partner.officer_name} ({partner.officer_phone}, {partner.officer_mail})"

    def processors(self) -> str:
        named = (
            f"{each[f'name_{self.language}']} ({each[f'work_{self.language}']})"
            for each in self.request.processors
        )
        return ", ".join(named)

    def moment(self, at: datetime) -> str:
        local = at.astimezone(SEOUL)
        if self.language == "ko":
            return f"{local.year}년 {local.month}월 {local.day}일 {local:%H:%M}"
        return f"{local:%Y-%m-%d %H:%M} (KST)"

    # Pieces --------------------------------------------------------------------------
    def word(self, key: str) -> str:
        return str(_data()["words"][key][self.language])

    def text(self, thing: object, name: str) -> str:
        return str(getattr(thing, f"{name}_{self.language}"))

    def both(self, said: Mapping[str, str]) -> str:
        return said[self.language]

    def paragraph(self, key: str, css_class: str) -> SafeString:
        return format_html('<p class="{}">{}</p>', css_class, self.word(key))

    def consent(self, tick: str, title: str, parts: Iterable[str]) -> SafeString:
        return format_html(
            '<section class="notice-consent" data-tick="{}">\n<h3>{}</h3>\n{}\n</section>',
            tick,
            title,
            _lines(part for part in parts if part),
        )

    def definitions(
        self, css_class: str, headings: Iterable[Mapping[str, str]], said: Mapping[str, str]
    ) -> SafeString:
        rows = [(self.heading(heading), said[heading["key"]]) for heading in headings]
        return format_html('<dl class="{}">\n{}\n</dl>', css_class, _definitions(rows))

    def heading(self, heading: Mapping[str, str]) -> str:
        # In English the statutory words stay, in brackets.
        korean = heading["ko"]
        return korean if self.language == "ko" else f"{heading['en']} ({korean})"


def _important(said: str) -> SafeString:
    return format_html('<div class="notice-important">{}</div>', said)


def _definitions(rows: Iterable[tuple[str, str]]) -> SafeString:
    return format_html_join("\n", "<dt>{}</dt>\n<dd>{}</dd>", rows)


def _lines(parts: Iterable[str]) -> SafeString:
    return format_html_join("\n", "{}", ((part,) for part in parts))
