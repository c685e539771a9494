"""Says terms of a consent, how often, how long, how it ended, in the language of the page."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent.models import Grant

_END_KINDS: dict[str, str | Promise] = {
    Grant.EndKind.WITHDRAWN: gettext_lazy("Consent withdrawn"),
    Grant.EndKind.REVOKED: gettext_lazy("Use ended"),
    Grant.EndKind.EXPIRED: gettext_lazy("Period over"),
    Grant.EndKind.CONSUMED: gettext_lazy("Used up"),
    Grant.EndKind.SUPERSEDED: gettext_lazy("Replaced by a new consent"),
    Grant.EndKind.INVALIDATED: gettext_lazy("Void"),
}


def end_kind(kind: str) -> str:
    """Return how a grant ended, in the words of the law."""
    return str(_END_KINDS.get(kind, kind))


def frequency(budget: Mapping[str, Any] | None) -> str:
    """Return a budget in words: "Once a day"."""
    if not budget:
        return _("As often as needed")
    count = budget["count"]
    sentences = {
        "hour": ngettext("%(count)s time an hour", "%(count)s times an hour", count),
        "day": ngettext("%(count)s time a day", "%(count)s times a day", count),
        "week": ngettext("%(count)s time a week", "%(count)s times a week", count),
        "month": ngettext("%(count)s time a month", "%(count)s times a month", count),
        "year": ngettext("%(count)s time a year", "%(count)s times a year", count),
        "record": ngettext(
            "%(count)s time for each record", "%(count)s times for each record", count
        ),
        "total": ngettext("%(count)s time in all", "%(count)s times in all", count),
    }
    return sentences[budget["unit"]] % {"count": count}


def length(span: timedelta | None) -> str:
    """Return a length of time in words; None stands for not kept at all."""
    if span is None:
        return _("Not kept")
    if span < timedelta(days=1):
        hours = max(1, round(span.total_seconds() / 3600))
        return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    return ngettext("%(count)s day", "%(count)s days", span.days) % {"count": span.days}
