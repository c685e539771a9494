"""What is asked: the inbox, one request, choosing, confirming, refusing."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent import notices, requests
from consent.actors import Actor
from consent.choices import Choices
from consent.exceptions import (
    AlreadyDecided,
    BelowAtLeast,
    ChoicesInvalid,
    NoticeChanged,
    PartnerSuspended,
    RequestExpired,
)
from consent.models import AccessRequest
from portal.customer import journeys, offers, words
from portal.customer.doors import with_pod
from portal.customer.forms.choices import ChoicesForm, Draft, from_draft
from portal.customer.views import authorize
from vault.models import Pod

PER_PAGE = 20
TICKS = ("provision", "sensitive", "unique_id", "location", "overseas", "marketing")


@require_safe
@with_pod
def inbox(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show what waits, and what was asked before."""
    mine = AccessRequest.objects.of(pod).select_related("partner", "client", "template", "grant")
    waiting = mine.waiting().order_by("asked_at")
    past = mine.exclude(pk__in=waiting.values("pk")).order_by("-asked_at")
    context = {
        "waiting": waiting.exclude(reach=AccessRequest.Reach.JOURNEY),
        "journeys": journeys.waiting(pod),
        "page": Paginator(past, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "portal/customer/requests.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def show(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Show one request and take the owner's choices within it."""
    asked = _own(pod, request_id)
    if asked.reach == AccessRequest.Reach.JOURNEY:
        return redirect("journey", asked.stop.journey_id)
    if not _is_open(asked):
        closed = {"asked": asked, "way_back": authorize.way_back(request, asked)}
        return render(request, "portal/customer/request_closed.html", closed)
    requests.mark_viewed(asked)
    form = ChoicesForm(asked, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        request.session[_key(asked)] = form.draft()
        return redirect("request-confirm", asked.pk)
    current = offers.current(pod, asked)
    everything = notices.render(asked, Choices.everything(asked), words.language())
    context = {
        "asked": asked,
        "form": form,
        "notice": everything.decode(),
        "current": current,
        "required": offers.previewed(pod, asked, form.rows(required=True), current),
        "optional": offers.previewed(pod, asked, form.rows(required=False), current),
    }
    return render(request, "portal/customer/request.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def confirm(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Show exactly the text that will be pinned, take the ticks, and approve."""
    asked = _own(pod, request_id)
    draft: Draft | None = request.session.get(_key(asked))
    if draft is None or not _is_open(asked):
        return redirect("request", asked.pk)
    ticks = frozenset(request.POST.getlist("tick")) & frozenset(TICKS)
    choices = from_draft(draft, ticks)
    notice = notices.render(asked, choices, words.language())
    needed = notices.required_ticks(asked, choices)
    if request.method == "POST" and needed <= ticks:
        return _decided(request, asked, lambda: _approve(request, pod, asked, choices))
    context = {
        "asked": asked,
        "notice": notice.decode(),
        "digest": notices.digest(notice),
        "ticks": [name for name in TICKS if name in needed],
        "ticked": ticks,
        "missing": request.method == "POST",
    }
    page = render(request, "portal/customer/request_confirm.html", context)
    return authorize.allow_way_back(request, asked, page)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def refuse(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Refuse, with a reason only if the owner likes to give one."""
    asked = _own(pod, request_id)
    if request.method != "POST":
        if not _is_open(asked):
            return redirect("request", asked.pk)
        page = render(request, "portal/customer/request_refuse.html", {"asked": asked})
        return authorize.allow_way_back(request, asked, page)
    reason, shared = request.POST.get("reason", ""), "shared" in request.POST
    actor = Actor.owner(pod.owner)
    return _decided(
        request, asked, lambda: requests.refuse(asked, actor=actor, reason=reason, shared=shared)
    )


@require_POST
@with_pod
def later(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Put it off; the brand is not told."""
    asked = _own(pod, request_id)
    requests.defer(asked)
    messages.success(
        request, _("It waits for you here until %(day)s.") % {"day": words.day(asked.expires_at)}
    )
    return redirect("requests")


@require_safe
@with_pod
def done(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Say what was decided."""
    asked = _own(pod, request_id)
    if asked.decided_at is None:
        return redirect("request", asked.pk)
    if authorize.way_back(request, asked):
        return redirect("authorize-back", asked.pk)
    granted = asked.grant.items.all() if asked.approved_at else ()
    named = [words.category(item.category) for item in granted]
    context = {"asked": asked, "categories": list(dict.fromkeys(named))}
    return render(request, "portal/customer/request_done.html", context)


def _own(pod: Pod, request_id: UUID) -> AccessRequest:
    mine = AccessRequest.objects.of(pod).select_related(
        "partner", "client", "template", "pod__owner"
    )
    return get_object_or_404(mine.prefetch_related("items"), id=request_id)


def _is_open(asked: AccessRequest) -> bool:
    return AccessRequest.objects.waiting().filter(pk=asked.pk).exists()


def _key(asked: AccessRequest) -> str:
    return f"choices:{asked.pk}"


def _approve(request: HttpRequest, pod: Pod, asked: AccessRequest, choices: Choices) -> None:
    requests.approve(
        asked,
        choices,
        notice_digest=request.POST.get("notice", ""),
        actor=Actor.owner(pod.owner),
        language=words.language(),
    )
    request.session.pop(_key(asked), None)


def _decided(
    request: HttpRequest, asked: AccessRequest, decide: Callable[[], object]
) -> HttpResponse:
    """Decide, and show what came of it; what stands in the way is said on the request's page."""
    try:
        decide()
    except NoticeChanged:
        messages.warning(
            request, _("The text changed while you were reading. Please read it again.")
        )
        return redirect("request-confirm", asked.pk)
    except (ChoicesInvalid, BelowAtLeast):
        messages.warning(request, _("These choices no longer fit. Please choose again."))
    except (AlreadyDecided, RequestExpired):
        messages.warning(request, _("This request is closed already. Nothing was changed."))
    except PartnerSuspended:
        messages.warning(request, _("This brand may not receive anything at present."))
    else:
        return redirect("request-done", asked.pk)
    return redirect("request", asked.pk)
