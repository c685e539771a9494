"""What a request may not ask, whatever the owner would say (3.6). Never cut to fit: refused whole.

Each rule has an id, which stands in the answer and in the log.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from consent import frequencies, profiles
from consent.access.decision import LEVEL_NEEDED
from consent.exceptions import RequestAgainstRule
from consent.models import Client, Partner, PurposeTemplate, RequestItem
from consent.requests.validation import Asked, AskedItem, texts, tidy
from vault import categories, resident_numbers, vocabulary
from vault.exceptions import UnknownCategory

SENTENCES = {
    "session-without-person": _(
        "In a session the person is named by a pairwise id or a link, never by a hint."
    ),
    "purpose-not-registered": _("This purpose is not registered for this partner."),
    "zero-items": _("A request asks for at least one item."),
    "item-repeated": _("Each category is asked for once per action."),
    "category-unknown": _("There is no such category."),
    "category-not-registered": _("This category is not registered for this purpose."),
    "action-not-registered": _("This action is not registered for this purpose and category."),
    "view-only-read": _("A view is computed here; nothing can be added to it."),
    "field-unknown": _("This category has no such field."),
    "field-not-registered": _("This field is not registered for this purpose."),
    "level-too-low": _("This data needs a client of a higher level."),
    "look-only-category": _("This category may be looked at, never stored."),
    "service-refused-for-optional": _(
        "The service may not be refused to somebody who declines an optional item."
    ),
    "effect-unnamed": _("The feature that would be missing needs a name."),
    "access-mode-not-registered": _("This access mode is not registered for this purpose."),
    "retention-missing": _("What may be stored needs a retention."),
    "retention-of-look-only": _("What is only looked at is not retained."),
    "retention-above-ceiling": _("The retention is longer than the ceiling of this purpose."),
    "frequency-above-ceiling": _("The frequency is above the ceiling of this purpose."),
    "range-empty": _("The range of data ends before it starts, or is given twice."),
    "start-past": _("The start lies in the past."),
    "expiry-past": _("The expiry lies in the past or before the start."),
    "expiry-above-ceiling": _("The expiry is later than the ceiling of this purpose."),
    "expiry-above-year": _("A grant lives at most 12 months."),
    "bound-to-past": _("What the grant would be bound to is over before it starts."),
    "at-least-above-asked": _("at_least is more than what is asked for."),
    "onward-bundled": _("Passing on to others needs a request of its own."),
    "marketing-not-declared": _("This purpose is marketing and has to be declared as such."),
    "resident-number": _("Resident registration numbers are neither stored nor requested."),
}


def check(asked: Asked, template: PurposeTemplate, client: Client, now: datetime) -> None:
    """Pass if the request may be shown to an owner. Raises `RequestAgainstRule`."""
    for rule in _broken(asked, template, client, now):
        raise broken(rule)


def broken(rule: str) -> RequestAgainstRule:
    """Return the error for a rule."""
    return RequestAgainstRule(rule, str(SENTENCES[rule]))


def current_template(partner: Partner, purpose: str) -> PurposeTemplate:
    """Return the partner's registered purpose. Raises `RequestAgainstRule`."""
    template = partner.purposes.filter(purpose=purpose, retired_at=None).first()
    if template is None or purpose not in vocabulary.purposes():
        raise broken("purpose-not-registered")
    return template


def holds_resident_number(value: object) -> bool:
    """Return whether any text inside `value` holds a 주민등록번호, as it would be kept."""
    return any(resident_numbers.spans(text) for text in texts(tidy(value)))


def _broken(
    asked: Asked, template: PurposeTemplate, client: Client, now: datetime
) -> Iterator[str]:
    if not asked.items:
        yield "zero-items"
    if len({(item.category, item.action) for item in asked.items}) != len(asked.items):
        yield "item-repeated"
    for item in asked.items:
        yield from _item(item, asked, template, client)
    yield from _terms(asked, template)
    yield from _times(asked, template, now)
    yield from _least(asked)
    if asked.in_session and "mail" in asked.subject:
        # An answer at once would tell whether somebody with this address is a customer (3.5).
        yield "session-without-person"
    if asked.onward:
        yield "onward-bundled"
    if vocabulary.purpose(asked.purpose).marketing and not asked.marketing:
        yield "marketing-not-declared"


def _item(
    item: AskedItem, asked: Asked, template: PurposeTemplate, client: Client
) -> Iterator[str]:
    try:
        category = categories.get(item.category)
    except UnknownCategory:
        yield "category-unknown"
        return
    ceiling = template.categories.get(category.id)
    if ceiling is None:
        yield "category-not-registered"
        return
    if item.action not in ceiling.get("actions", ["read"]):
        yield "action-not-registered"
    if category.of and item.action != RequestItem.Action.READ:
        yield "view-only-read"
    yield from _fields(item, category, ceiling.get("fields"))
    if client.level < max(LEVEL_NEEDED[class_] for class_ in category.classes):
        yield "level-too-low"
    if category.look_only and asked.access_mode != "look_only":
        yield "look-only-category"
    yield from _effect(item)


def _fields(
    item: AskedItem, category: categories.Category, ceiling: list[str] | None
) -> Iterator[str]:
    wanted = set(category.top_fields if item.fields is None else item.fields)
    if not wanted <= set(category.top_fields):
        yield "field-unknown"
    if ceiling is not None and not wanted <= set(ceiling):
        yield "field-not-registered"


def _effect(item: AskedItem) -> Iterator[str]:
    if item.effect == "service_refused" and not item.required:
        yield "service-refused-for-optional"
    if (item.effect == "feature_missing") != bool(item.missing_feature["ko"]):
        yield "effect-unnamed"


def _terms(asked: Asked, template: PurposeTemplate) -> Iterator[str]:
    if asked.access_mode not in template.access_modes:
        yield "access-mode-not-registered"
    if asked.access_mode == "may_store" and not asked.retention:
        yield "retention-missing"
    if asked.access_mode == "look_only" and asked.retention:
        yield "retention-of-look-only"
    if (asked.retention or timedelta()) > template.max_retention:
        yield "retention-above-ceiling"
    if not frequencies.at_most(asked.frequency, template.max_frequency):
        yield "frequency-above-ceiling"
    span = asked.data_range or {}
    if ("last_days" in span and len(span) > 1) or (
        span.get("since", "") > span.get("until", "9999-12-31")
    ):
        yield "range-empty"


def _times(asked: Asked, template: PurposeTemplate, now: datetime) -> Iterator[str]:
    # A partner's clock may be a little behind; what it meant is "from now on".
    if asked.valid_from is not None and asked.valid_from < now - timedelta(minutes=15):
        yield "start-past"
    start = max(now, asked.valid_from or now)
    if asked.expires <= start:
        yield "expiry-past"
    if asked.expires > now + profiles.length("grant_at_most"):
        yield "expiry-above-year"
    if asked.expires > now + template.max_expiry:
        yield "expiry-above-ceiling"
    if asked.bound_to is not None and asked.bound_to["ends_at"] <= start:
        yield "bound-to-past"


def _least(asked: Asked) -> Iterator[str]:
    least = asked.at_least or {}
    if (earliest := least.get("expires")) and datetime.fromisoformat(earliest) > asked.expires:
        yield "at-least-above-asked"
    if (rarest := least.get("frequency")) and not frequencies.at_most(rarest, asked.frequency):
        yield "at-least-above-asked"
