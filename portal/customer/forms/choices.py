"""What an owner may choose within a request: items, fields, how long, how often. Nothing is ticked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent import choices as choosing
from consent import frequencies
from consent.choices import Choices, ItemChoice
from consent.exceptions import BelowAtLeast, ChoicesInvalid
from consent.models import AccessRequest, RequestItem
from portal.customer import phrases, words
from vault import categories

SHORTER = (1, 7, 30, 90, 180)  # days
RARER = ("day", "week", "month")
Draft = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the request with the fields of the form that belong to it."""

    item: RequestItem
    name: str
    why: str
    class_: str
    take: forms.BoundField | None  # None: required, so there is nothing to tick
    leave_out: forms.BoundField | None


class ChoicesForm(forms.Form):
    """The choices for one request, made from the request itself."""

    until = forms.ChoiceField(label=gettext_lazy("Until when"), required=False)
    often = forms.ChoiceField(label=gettext_lazy("How often"), required=False)

    def __init__(self, asked: AccessRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked, self.items = asked, list(asked.items.all())
        for item in self.items:
            self._add(item)
        self.fields["until"].choices = list(_untils(asked))  # type: ignore[attr-defined]
        self.fields["often"].choices = list(_oftens(asked))  # type: ignore[attr-defined]

    def _add(self, item: RequestItem) -> None:
        if not item.required:
            label = words.category(item.category)
            self.fields[f"take-{item.position}"] = forms.BooleanField(label=label, required=False)
        names = _field_names(item)
        if item.action == RequestItem.Action.READ and len(names) > 1:
            pairs = list(zip(names, words.fields(item.category, names), strict=True))
            self.fields[f"leave-{item.position}"] = forms.MultipleChoiceField(
                label=_("Leave out"),
                choices=pairs,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    def rows(self, *, required: bool) -> list[Row]:
        """Return the required or the optional items; the page never mixes them."""
        return [self._row(item) for item in self.items if item.required is required]

    def _row(self, item: RequestItem) -> Row:
        take, leave = f"take-{item.position}", f"leave-{item.position}"
        return Row(
            item,
            words.category(item.category),
            words.either(item, "why"),
            categories.get(item.category).class_,
            self[take] if take in self.fields else None,
            self[leave] if leave in self.fields else None,
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what lies outside the request, in words for a person."""
        cleaned = super().clean() or self.cleaned_data
        try:
            choosing.check(self.asked, from_draft(self.draft()), timezone.now())
        except BelowAtLeast:
            raise forms.ValidationError(
                _("The brand says that less than this is of no use to it. Choose more, or refuse.")
            ) from None
        except ChoicesInvalid:
            raise forms.ValidationError(
                _("Choose at least one item, and of each item at least one detail.")
            ) from None
        return cleaned

    def draft(self) -> Draft:
        """Return the choices in a form that a session can keep between two pages."""
        data = self.cleaned_data
        until = data.get("until")
        count, _slash, unit = (data.get("often") or "").partition("/")
        return {
            "items": [self._chosen(item) for item in self.items if self._is_taken(item)],
            "expires": _in_days(until).isoformat() if until else None,
            "frequency": {"count": int(count), "unit": unit} if count else None,
        }

    def _is_taken(self, item: RequestItem) -> bool:
        return item.required or bool(self.cleaned_data.get(f"take-{item.position}"))

    def _chosen(self, item: RequestItem) -> list[Any]:
        left_out = set(self.cleaned_data.get(f"leave-{item.position}") or ())
        kept = [name for name in _field_names(item) if name not in left_out]
        return [item.category, item.action, kept if left_out else None]


def from_draft(draft: Draft, ticks: frozenset[str] = frozenset()) -> Choices:
    """Return the choices that a session kept, with the ticks made on the confirm page."""
    items = tuple(
        ItemChoice(category, action, None if kept is None else tuple(kept))
        for category, action, kept in draft["items"]
    )
    expires = datetime.fromisoformat(draft["expires"]) if draft["expires"] else None
    return Choices(items=items, expires_at=expires, frequency=draft["frequency"], ticks=ticks)


def _field_names(item: RequestItem) -> list[str]:
    return list(item.fields or categories.get(item.category).top_fields)


def _in_days(days: str) -> datetime:
    # To the minute, as the notice says it.
    return (timezone.now() + timedelta(days=int(days))).replace(second=0, microsecond=0)


def _untils(asked: AccessRequest) -> Iterator[tuple[str, str]]:
    # What is bound to a journey ends with it, whatever was asked for.
    latest = min(asked.grant_expires_at, asked.bound_ends_at or asked.grant_expires_at)
    yield "", _("As asked: until %(day)s") % {"day": words.day(latest)}
    start = max(timezone.now(), asked.valid_from or timezone.now())
    least = (asked.at_least or {}).get("expires")
    for days in SHORTER:
        end = _in_days(str(days))
        enough = least is None or end >= datetime.fromisoformat(least)
        if start + timedelta(hours=1) < end < latest and enough:
            text = ngettext("%(days)s day: until %(day)s", "%(days)s days: until %(day)s", days)
            yield str(days), text % {"days": days, "day": words.day(end)}


def _oftens(asked: AccessRequest) -> Iterator[tuple[str, str]]:
    yield "", _("As asked: %(often)s") % {"often": phrases.frequency(asked.frequency)}
    rarest = (asked.at_least or {}).get("frequency")
    for unit in RARER:
        budget = {"count": 1, "unit": unit}
        fits = frequencies.at_most(budget, asked.frequency) and budget != asked.frequency
        if fits and (rarest is None or frequencies.at_most(rarest, budget)):
            yield f"1/{unit}", phrases.frequency(budget)
