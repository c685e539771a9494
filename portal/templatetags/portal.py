"""Template words of our own."""

import zlib
from datetime import timedelta
from typing import Any

from django import template
from django.template.defaultfilters import stringfilter
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from portal.customer import particles, phrases, words

register = template.Library()
TINTS = 6


@register.filter
def tint(name: str) -> int:
    """Return which of the quiet colours a brand's sign has, always the same for the same name."""
    return zlib.crc32(str(name).encode()) % TINTS


@register.filter(is_safe=True)
@stringfilter
def fit(sentence: str) -> str:
    """Leave the fitting one of each pair of Korean particles."""
    return particles.fit(sentence)


@register.filter
def device(agent: str) -> str:
    """Return browser and system of a user agent as people call them: "Chrome · Windows"."""
    browsers = (("Edg", "Edge"), ("Whale", "Whale"), ("SamsungBrowser", "Samsung Internet"),
                ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
    systems = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"),
               ("iPad", "iPad"), ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    found = (
        next((name for sign, name in each if sign in agent), "") for each in (browsers, systems)
    )
    return " · ".join(filter(None, found)) or "?"


@register.filter
def since(moment: Any) -> str:
    """Return how long ago a moment was, roughly: "2 hours"."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("a moment")
    return timesince(moment, depth=1)


@register.filter
def category(category_id: str) -> str:
    """Return a category's name in the language of the page."""
    return words.category(category_id)


@register.filter
def purpose(purpose_id: str) -> str:
    """Return a purpose's name in the language of the page."""
    return words.purpose(purpose_id)


@register.filter
def either(thing: Any, name: str) -> str:
    """Return `<name>_ko` or `<name>_en`, by the language of the page."""
    return words.either(thing, name)


@register.filter
def frequency(budget: dict[str, Any] | None) -> str:
    """Return a budget in words."""
    return phrases.frequency(budget)


@register.filter
def span(length: Any) -> str:
    """Return a length of time in words."""
    return phrases.length(length)
