"""Home: who has access now, what waits, what ends soon; and stopping everything for a while."""

from collections import Counter

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from consent import grants
from consent.actors import Actor
from consent.models import AccessRequest
from portal.customer import findable, journeys, shared
from portal.customer.doors import with_pod
from vault.models import Pod

MOST_SHOWN = 3  # of what waits, journeys first; the inbox has it all


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show who has access now, or what this is to somebody who is not signed in."""
    if not request.user.is_authenticated:
        return render(request, "portal/common/welcome.html")
    return overview(request)


@with_pod
def overview(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show the owner's grants, last used first."""
    unended = shared.of(pod, shared.loaded(pod).unended())
    current = [each for each in unended if each.state != "ended"]
    waiting = (
        AccessRequest.objects.of(pod)
        .waiting()
        .exclude(reach=AccessRequest.Reach.JOURNEY)
        .select_related("partner", "client", "template")
    )
    soon = sorted(
        (each for each in current if each.ends_soon), key=lambda each: each.grant.stops_at
    )
    brands = Counter(each.brand for each in soon)
    together = journeys.waiting(pod)
    first = list(together[:MOST_SHOWN])
    context = {
        "current": current,
        "seeing": len({each.grant.partner_id for each in current if each.can_see}),
        "soon": soon,
        "soon_twice": {name for name, count in brands.items() if count > 1},
        "reads": sum(each.reads for each in current),
        "refusals": sum(each.refusals for each in current),
        "running": [each for each in current if each.state in {"live", "future"}],
        "paused": [each for each in current if each.state == "paused"],
        "waiting": waiting.order_by("asked_at")[: MOST_SHOWN - len(first)],
        "waiting_total": waiting.count() + together.count(),
        "journeys_waiting": first,
        "journeys": journeys.current(pod),
        "unfindable": findable.by_none(pod.owner),
    }
    return render(request, "portal/customer/home.html", context)


@require_POST
@with_pod
def pause_all(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Stop every read for now."""
    grants.pause_all(pod, Actor.owner(pod.owner))
    messages.success(request, _("Everything is paused. No brand can see anything until you go on."))
    return redirect("home")


@require_POST
@with_pod
def resume_all(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Let every paused grant go on."""
    grants.resume_all(pod, Actor.owner(pod.owner))
    messages.success(request, _("Everything goes on as you had agreed."))
    return redirect("home")


@login_required
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """Show the ways into the account's own pages."""
    assert isinstance(request.user, User)  # login_required
    context = {"findable": findable.by_mail(request.user)}
    return render(request, "portal/customer/settings.html", context)
