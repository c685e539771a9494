"""Request links: a code from a QR or a slip of paper leads the first who confirms to a request."""

from uuid import uuid4

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from consent import alliances, requests
from consent.exceptions import LinkRefused
from consent.models import AccessRequest
from portal.customer.doors import with_pod
from vault.models import Pod

REMEMBERED = "link:request"


@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """Take a code, from a guest too; the request is remembered through sign-in and sign-up."""
    refused = False
    if request.method == "POST":
        address = get_adapter(request).get_client_ip(request)
        try:
            found = requests.open_link(request.POST.get("code", ""), address, pod=_pod(request))
        except LinkRefused:
            refused = True
        else:
            request.session[REMEMBERED] = str(found.pk)
            return redirect("link-confirm")
    return render(request, "portal/customer/link.html", {"refused": refused})


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Show who asks, and let the owner take the request into the vault."""
    asked = _remembered(request)
    if asked is None:
        return redirect("link")
    if request.method == "POST":
        return take(request)
    return render(request, "portal/customer/link_confirm.html", {"asked": asked})


@with_pod
def take(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Bind the remembered request to this pod; the first who does so has it."""
    asked = _remembered(request)
    request.session.pop(REMEMBERED, None)
    try:
        if asked is None:
            raise LinkRefused
        return redirect(_bind(asked, pod))
    except LinkRefused:
        return render(request, "portal/customer/link.html", {"refused": True})


def _bind(asked: AccessRequest, pod: Pod) -> str:
    """Give the request, or the whole journey it is a part of, to this pod; return its page."""
    if asked.reach == AccessRequest.Reach.JOURNEY:
        journey = alliances.bind(asked.stop.journey, pod)
        return reverse("journey", args=[journey.pk])
    requests.bind(asked, pod)
    return reverse("request", args=[asked.pk])


def _remembered(request: HttpRequest) -> AccessRequest | None:
    linked = (AccessRequest.Reach.LINK, AccessRequest.Reach.JOURNEY)
    found = AccessRequest.objects.waiting().filter(reach__in=linked, link__isnull=False)
    found = found.select_related("partner", "client", "template", "stop__journey__alliance")
    return found.filter(pk=request.session.get(REMEMBERED, uuid4())).first()


def _pod(request: HttpRequest) -> Pod | None:
    if not isinstance(request.user, User):
        return None
    return Pod.objects.of(request.user).there().first()
