"""Says categories, fields and values in the language of the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from vault import categories, vocabulary
from vault.categories import Category
from vault.exceptions import UnknownCategory, UnknownPurpose
from vault.vocabulary import Label

# Of a long list a person sees the beginning; the count says the rest.
SHOWN_OF_A_LIST = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a record: what it is, and what it says. `image` is a data URL."""

    label: str
    text: str
    image: str = ""


def language() -> str:
    """Return "ko" or "en"."""
    return "ko" if (get_language() or "ko").startswith("ko") else "en"


def category(category_id: str) -> str:
    """Return a category's name; its id where it is no longer known."""
    try:
        return categories.get(category_id).label.in_language(language())
    except UnknownCategory:
        return category_id


def field(of: Category, path: str) -> str:
    """Return a field's name."""
    label = of.fields.get(path)
    return label.in_language(language()) if label else path


def fields(category_id: str, names: list[str] | None) -> list[str]:
    """Return the names of some fields of a category; nothing where all of them are meant."""
    try:
        of = categories.get(category_id)
    except UnknownCategory:
        return list(names or ())
    return [field(of, name) for name in names or ()]


def purpose(purpose_id: str) -> str:
    """Return a purpose's name; its id where it is no longer known."""
    try:
        return vocabulary.purpose(purpose_id).label.in_language(language())
    except UnknownPurpose:
        return purpose_id


def either(thing: object, name: str) -> str:
    """Return `<name>_ko` or `<name>_en` of a thing that has both; the other where one is empty."""
    here = language()
    other = "en" if here == "ko" else "ko"
    return str(getattr(thing, f"{name}_{here}") or getattr(thing, f"{name}_{other}"))


def lines(of: Category, value: Any) -> list[Line]:
    """Return a record as lines for a person, in the order of its schema."""
    if not isinstance(value, Mapping):
        return []
    return list(_lines(of, value, of.schema.get("properties", {}), ""))


def _lines(
    of: Category, value: Mapping[str, Any], properties: Mapping[str, Any], prefix: str
) -> Iterator[Line]:
    for name, schema in properties.items():
        if name not in value:
            continue
        path, what = f"{prefix}{name}", value[name]
        if isinstance(what, str) and schema.get("contentEncoding"):
            yield _encoded(of, path, what, value)
        elif isinstance(what, Mapping) and not _is_money(what):
            yield from _lines(of, what, schema.get("properties", {}), f"{path}.")
        else:
            yield Line(full_name(of, path), text(what, schema))


def full_name(of: Category, path: str) -> str:
    """Return a nested field's name with the names around it: "Arrival · Latitude"."""
    steps = path.split(".")
    return " · ".join(field(of, ".".join(steps[: end + 1])) for end in range(len(steps)))


def _encoded(of: Category, path: str, what: str, value: Mapping[str, Any]) -> Line:
    kind = str(value.get("media_type", ""))
    if kind in {"image/jpeg", "image/png", "image/webp"}:
        return Line(field(of, path), "", f"data:{kind};base64,{what}")
    return Line(field(of, path), _("%(size)s kB of data") % {"size": max(1, len(what) * 3 // 4096)})


def text(value: Any, schema: Mapping[str, Any]) -> str:
    """Return a value as a person says it."""
    if value is True or value is False:
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return _list(value, schema)
    if isinstance(value, Mapping):
        return _money(value) if _is_money(value) else ", ".join(_parts(value, schema))
    if isinstance(value, int | float):
        return str(formats.localize(value, use_l10n=True))
    named = schema.get("x-values", {}).get(value)
    return Label(**named).in_language(language()) if named else _moment(str(value), schema)


def _parts(value: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    return (text(value[name], part) for name, part in properties.items() if name in value)


def _list(values: list[Any], schema: Mapping[str, Any]) -> str:
    inner = schema.get("items", {})
    shown = [text(each, inner) for each in values[:SHOWN_OF_A_LIST]]
    rest = len(values) - len(shown)
    if rest:
        shown.append(ngettext("and %(count)s more", "and %(count)s more", rest) % {"count": rest})
    return " · ".join(shown)


def _is_money(value: Mapping[str, Any]) -> bool:
    return "amount" in value and set(value) <= {"amount", "currency"}


def _money(value: Mapping[str, Any]) -> str:
    amount = formats.number_format(value["amount"], use_l10n=True, force_grouping=True)
    currency = value.get("currency", "")
    if currency == "KRW" and language() == "ko":
        return f"{amount}원"
    return f"{amount} {currency}".strip()


def _moment(value: str, schema: Mapping[str, Any]) -> str:
    kinds = {schema.get("format"), *(each.get("format") for each in schema.get("anyOf", ()))}
    if not kinds & {"date", "date-time"}:
        return value
    try:
        if len(value) == len("2026-11-21"):
            return day(date.fromisoformat(value))
        return moment(datetime.fromisoformat(value))
    except ValueError:
        return value


def day(when: date | datetime) -> str:
    """Return a day in words."""
    if isinstance(when, datetime):
        when = timezone.localtime(when).date()
    return str(formats.date_format(when, "DATE_FORMAT"))


def moment(when: datetime) -> str:
    """Return a moment in words, in the time zone of the pages."""
    if timezone.is_naive(when):
        when = timezone.make_aware(when)
    return str(formats.date_format(timezone.localtime(when), "DATETIME_FORMAT"))
