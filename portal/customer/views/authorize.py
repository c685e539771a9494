"""The authorization endpoint (RFC 6749, 3.1; RFC 9126, 4): a brand sent somebody here to decide.

Works with plain links and forms. What came is remembered in the session, through sign-in and
sign-up, because the request_uri itself lives for seconds.
"""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from consent.exceptions import LinkRefused
from consent.models import AccessRequest, PushedRequest
from consent.oauth import authorizing, redirects, refusals
from consent.oauth.exceptions import KnockRefused
from portal.customer.doors import with_pod
from vault.models import Pod

REMEMBERED = "oauth:requests"
MOST_REMEMBERED = 8  # browser tabs at once


class SeeOther(HttpResponseRedirect):
    """303: the browser asks with GET, and never sends a form on (FAPI 2.0, 5.3.2.2)."""

    status_code = 303


@require_safe
def authorize(request: HttpRequest) -> HttpResponse:
    """Take a browser that a brand sent here, and lead it to the request that was pushed before."""
    try:
        pushed = authorizing.find(request.GET.dict() if _is_plain(request) else {})
    except KnockRefused as refused:
        refusals.tell("oauth.authorize", refused.reason)
        return _nothing_here(request)
    _remember(request, pushed.request)
    return redirect("authorize-bring", pushed.request_id)


@require_safe
@with_pod
def bring(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Put the remembered request before its owner, now that we know who that is."""
    asked = AccessRequest.objects.filter(pk=request_id, pushed__isnull=False).first()
    if asked is None or not came_with(request, asked):
        return _nothing_here(request)
    try:
        authorizing.bring(asked, pod)
    except LinkRefused:
        return _nothing_here(request)
    return redirect("request", asked.pk)


@require_safe
@with_pod
def go_back(request: HttpRequest, pod: Pod, request_id: UUID) -> HttpResponse:
    """Send the browser back to the brand with the answer, once."""
    pushed = PushedRequest.objects.filter(request_id=request_id, request__pod=pod).first()
    if pushed is None or not way_back(request, pushed.request):
        return redirect("request", request_id)
    try:
        where = authorizing.answer(pushed)
    except KnockRefused as refused:
        refusals.tell("oauth.authorize.back", refused.reason)
        return redirect("request", request_id)
    return SeeOther(where)


def came_with(request: HttpRequest, asked: AccessRequest) -> bool:
    """Return whether this browser came here with this request."""
    return str(asked.pk) in request.session.get(REMEMBERED, [])


def way_back(request: HttpRequest, asked: AccessRequest) -> bool:
    """Return whether this browser came with the request and can be sent back now."""
    return came_with(request, asked) and authorizing.can_go_back(asked)


def allow_way_back(
    request: HttpRequest, asked: AccessRequest, response: HttpResponse
) -> HttpResponse:
    """Let the forms of this one page lead on to the brand that the browser came from.

    Browsers hold `form-action` against every redirect that follows a form; without this a
    decision would be taken and the person stay where she is.
    """
    if came_with(request, asked):
        pushed = PushedRequest.objects.get(request=asked)
        where = redirects.origin(pushed.redirect_uri)
        response._csp_update = {"form-action": [where]}  # type: ignore[attr-defined]
    return response


def _remember(request: HttpRequest, asked: AccessRequest) -> None:
    before = [each for each in request.session.get(REMEMBERED, []) if each != str(asked.pk)]
    request.session[REMEMBERED] = [*before, str(asked.pk)][-MOST_REMEMBERED:]


def _is_plain(request: HttpRequest) -> bool:
    """Return whether no parameter stands there twice (RFC 6749, 3.1)."""
    return all(len(values) == 1 for _name, values in request.GET.lists())


def _nothing_here(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/customer/authorize_refused.html", status=400)
