"""Ending many at once: everything, a brand, a category, a purpose; and how far all ends have come.

With a category or a purpose its owner may also say that nobody shall ask for it any more.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent import grants, standing
from consent.actors import Actor
from consent.models import Grant, GrantQuerySet, Partner
from consent.standing import About
from portal.customer import copies, progress, shared, words
from portal.customer.doors import with_pod
from vault import categories
from vault.exceptions import UnknownCategory
from vault.models import Pod

PER_PAGE = 20
MOST_NAMED = 20  # brands on the page that asks; a count says how many more
WITHDRAWN = Grant.EndKind.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Sweep:
    """What would end, in words and as a set."""

    title: str
    chosen: GrantQuerySet
    end: Callable[..., object]
    keepable: bool = False  # whether the brand may be left what it has (7.3): only if it is one
    # The kinds of data that end, where grants may go on with the rest of what they cover.
    narrows_by: Collection[str] = ()
    rule: About | None = None  # what may be kept away from now on


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def everything(request: HttpRequest, pod: Pod) -> HttpResponse:
    """End everything with everybody ("동의 모두 철회")."""
    end = partial(grants.end_all, pod, WITHDRAWN, "", Actor.owner(pod.owner))
    return _ask(request, pod, Sweep(_("Withdraw every consent?"), shared.loaded(pod), end))


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def brand(request: HttpRequest, pod: Pod, partner_id: UUID) -> HttpResponse:
    """End everything with one brand."""
    partner = _partner(pod, partner_id)
    title = _("End everything with %(brand)s?") % {"brand": words.either(partner, "legal_name")}
    actor = Actor.owner(pod.owner)
    kept = "keep" in request.POST
    end = partial(grants.end_partner, pod, partner, WITHDRAWN, "", actor, kept=kept)
    chosen = shared.loaded(pod).to(partner)
    keepable = bool(grants.keepable(chosen.unended()))
    return _ask(request, pod, Sweep(title, chosen, end, keepable=keepable))


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def category(request: HttpRequest, pod: Pod, name: str) -> HttpResponse:
    """End one category with every brand."""
    try:
        categories.get(name)
    except UnknownCategory:
        raise Http404 from None
    title = _("Stop sharing %(what)s with every brand?") % {"what": words.category(name)}
    covering = categories.covering(name)
    live = shared.loaded(pod).filter(items__category__in=covering, items__ended_at=None)
    chosen = live.distinct()
    actor = Actor.owner(pod.owner)
    end = partial(grants.end_category, pod, name, WITHDRAWN, "", actor)
    sweep = Sweep(title, chosen, end, narrows_by=covering, rule=About(category=name))
    return _ask(request, pod, sweep)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def purpose(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """End the purpose of a grant with every brand that shares it."""
    given = get_object_or_404(Grant.objects.of(pod), id=grant_id)
    title = _("End everything for “%(purpose)s”?") % {"purpose": words.purpose(given.purpose)}
    actor = Actor.owner(pod.owner)
    end = partial(grants.end_purpose, pod, given.purpose, WITHDRAWN, "", actor)
    chosen = shared.loaded(pod).filter(purpose=given.purpose)
    return _ask(request, pod, Sweep(title, chosen, end, rule=About(purpose=given.purpose)))


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def block(request: HttpRequest, pod: Pod, partner_id: UUID) -> HttpResponse:
    """Take no more requests of a brand."""
    partner = _partner(pod, partner_id)
    name = words.either(partner, "legal_name")
    if request.method == "POST":
        standing.block(pod, About(partner=partner), Actor.owner(pod.owner))
        messages.success(request, _("Requests of %(brand)s no longer reach you.") % {"brand": name})
        return redirect("blocked")
    live = shared.of(pod, shared.loaded(pod).unended().to(partner))
    context = {"partner": partner, "name": name, "shared": live}
    return render(request, "portal/customer/block.html", context)


@require_safe
@with_pod
def blocked(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show what the owner takes no requests of: brands, purposes, kinds of data."""
    rows = [(number, about, _named(about)) for number, about in standing.rules(pod)]
    return render(request, "portal/customer/blocked.html", {"rows": rows})


@require_POST
@with_pod
def unblock(request: HttpRequest, pod: Pod, rule_id: int) -> HttpResponse:
    """Take such requests again."""
    about = dict(standing.rules(pod)).get(rule_id)
    if about is None:
        raise Http404
    standing.unblock(pod, about, Actor.owner(pod.owner))
    messages.success(
        request, _("Requests of %(brand)s reach you again.") % {"brand": _named(about)}
    )
    return redirect("blocked")


@require_safe
@with_pod
def ended(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show everything that has ended, and how many have confirmed the destruction."""
    found = shared.loaded(pod).exclude(ended_at=None).order_by("-ended_at", "pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(each, progress.of(each.grant)) for each in _in_order(pod, page.object_list)]
    return render(request, "portal/customer/ended.html", {"page": page, "rows": rows})


def _in_order(pod: Pod, found: Iterable[Grant]) -> list[shared.Shared]:
    return sorted(shared.of(pod, found), key=_ended_at, reverse=True)


def _ended_at(seen: shared.Shared) -> float:
    return (seen.grant.ended_at or seen.grant.stops_at).timestamp()


def _ask(request: HttpRequest, pod: Pod, sweep: Sweep) -> HttpResponse:
    """Say what would end, and end it."""
    unended = sweep.chosen.unended()
    if request.method == "POST":
        count = unended.count()
        sweep.end(may_anonymise=copies.may_anonymise(request))
        if sweep.rule is not None and "rule" in request.POST:
            standing.block(pod, sweep.rule, Actor.owner(pod.owner))
            messages.success(request, _("Such requests no longer reach you."))
        if not count:
            return redirect("blocked")
        text = ngettext("%(count)s sharing ended.", "%(count)s sharings ended.", count)
        messages.success(request, text % {"count": count})
        return redirect("ended")
    found = shared.of(pod, unended)
    context = {
        "title": sweep.title,
        "shared": found[:MOST_NAMED],
        "more": max(0, len(found) - MOST_NAMED),
        "narrows": bool(sweep.narrows_by),
        "keepable": sweep.keepable,
        "choosers": copies.brands([(each.brand, each.grant) for each in found], sweep.narrows_by),
        "asks_rule": "rule" in request.GET,
        "rule": sweep.rule is not None and not standing.stands(pod, sweep.rule),
    }
    return render(request, "portal/customer/ends.html", context)


def _named(about: About) -> str:
    if about.partner is not None:
        return words.either(about.partner, "legal_name")
    return words.purpose(about.purpose) if about.purpose else words.category(about.category)


def _partner(pod: Pod, partner_id: UUID) -> Partner:
    """Return a brand that the owner has to do with; all others do not exist."""
    known = Partner.objects.filter(requests__pod=pod).distinct()
    return get_object_or_404(known, id=partner_id)
