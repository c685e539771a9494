"""One grant: what, why, since, until, its use; pausing it, ending it, and what follows an end."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent import grants
from consent.actors import Actor
from consent.exceptions import GrantNotLive
from consent.models import Grant, RequestItem
from portal.customer import copies, progress, shared, timeline, words
from portal.customer.doors import with_pod
from vault.models import Pod

LAST_EVENTS = 10


def _own(pod: Pod, grant_id: UUID) -> Grant:
    return get_object_or_404(shared.loaded(pod), id=grant_id)


@require_safe
@with_pod
def show(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """Show a grant; an ended one with how far its end has come."""
    grant = _own(pod, grant_id)
    (seen,) = shared.of(pod, [grant])
    asked = {(item.category, item.action): item for item in grant.request.items.all()}
    items = [
        {
            "item": item,
            "name": words.category(item.category),
            "fields": words.fields(item.category, item.fields),
            "why": words.either(asked[item.category, item.action], "why"),
        }
        for item in grant.items.all()
    ]
    unended = Grant.objects.of(pod).unended()
    context = {
        "seen": seen,
        "grant": grant,
        "items": items,
        "live_items": [item for item in grant.items.all() if item.ended_at is None],
        "hidden": _hidden(pod, grant),
        "progress": progress.of(grant) if seen.state == "ended" else None,
        "events": timeline.of(pod, grant=grant, limit=LAST_EVENTS),
        "with_brand": unended.to(grant.partner).count(),
        "with_purpose": unended.filter(purpose=grant.purpose).count(),
    }
    return render(request, "portal/customer/grant.html", context)


@require_safe
@with_pod
def notice(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """Show the very bytes that were agreed to."""
    grant = get_object_or_404(shared.loaded(pod).select_related("notice"), id=grant_id)
    (seen,) = shared.of(pod, [grant])
    body = bytes(grant.notice.body).decode()
    context = {"seen": seen, "grant": grant, "body": body}
    return render(request, "portal/customer/grant_notice.html", context)


@require_POST
@with_pod
def pause(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """Pause a grant, or let it go on."""
    grant, actor = _own(pod, grant_id), Actor.owner(pod.owner)
    try:
        if "resume" in request.POST:
            grants.resume(grant, actor)
            messages.success(request, _("It goes on as you had agreed."))
        else:
            grants.pause(grant, actor)
            messages.success(request, _("Paused. This brand can see nothing until you go on."))
    except GrantNotLive:
        messages.warning(request, _("This is over already. Nothing can be read under it."))
    return redirect("grant", grant.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def end(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """Say what an end means, and end it."""
    grant = _own(pod, grant_id)
    if request.method == "POST":
        grants.end(
            grant,
            Grant.EndKind.WITHDRAWN,
            "",
            Actor.owner(pod.owner),
            kept="keep" in request.POST,
            may_anonymise=copies.may_anonymise(request),
        )
        return redirect("grant", grant.pk)
    (seen,) = shared.of(pod, [grant])
    context = {
        "seen": seen,
        "grant": grant,
        "keepable": bool(grants.keepable([grant])),
        "choosers": copies.brands([(seen.brand, grant)]),
    }
    return render(request, "portal/customer/grant_end.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def recall(request: HttpRequest, pod: Pod, grant_id: UUID) -> HttpResponse:
    """Say what it means to take back that a brand may keep its copies, and do it."""
    grant = _own(pod, grant_id)
    if request.method == "POST":
        grants.recall(grant, Actor.owner(pod.owner))
    if request.method == "POST" or grant.kept_by_consent_at is None:
        return redirect("grant", grant.pk)
    (seen,) = shared.of(pod, [grant])
    return render(request, "portal/customer/grant_recall.html", {"seen": seen, "grant": grant})


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def end_item(request: HttpRequest, pod: Pod, grant_id: UUID, item_id: int) -> HttpResponse:
    """Say what ending one category means, and end it."""
    grant = _own(pod, grant_id)
    item = get_object_or_404(grant.items.all(), id=item_id)
    if request.method == "POST":
        actor, may_anonymise = Actor.owner(pod.owner), copies.may_anonymise(request)
        grants.end_item(item, Grant.EndKind.WITHDRAWN, "", actor, may_anonymise=may_anonymise)
        return redirect("grant", grant.pk)
    (seen,) = shared.of(pod, [grant])
    read = item.action == RequestItem.Action.READ
    rest = grant.items.filter(ended_at=None).exclude(pk=item.pk).order_by("pk")
    context = {
        "seen": seen,
        "grant": grant,
        "item": item,
        "name": words.category(item.category),
        "going_on": [*dict.fromkeys(words.category(each.category) for each in rest)],
        "choosers": read and copies.brands([(seen.brand, grant)], [item.category]),
    }
    return render(request, "portal/customer/grant_end_item.html", context)


def _hidden(pod: Pod, grant: Grant) -> list[str]:
    """Return what lies in the pod and cannot be seen under this grant."""
    held = set(pod.records.values_list("category", flat=True).distinct())
    seen = {item.category for item in grant.items.all() if item.ended_at is None}
    return sorted(words.category(each) for each in held - seen)
