"""Who may open the customer's pages: somebody who is signed in and owns a pod."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import User
from consent.models import Erasure
from portal.customer import progress, shared
from vault.models import Pod

PER_PAGE = 20

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Pod, P], HttpResponse]


def with_pod(view: View[P]) -> Callable[..., HttpResponse]:
    """Call `view(request, pod, …)` with the caller's own pod.

    An account without one (staff) sees a page that says so; one whose pod was erased sees how
    far that has come.
    """

    @login_required
    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        pod = Pod.objects.of(request.user).there().select_related("owner").first()
        if pod is None:
            return _without(request)
        return view(request, pod, *args, **kwargs)

    return door


def erased_pod_of(request: HttpRequest) -> Pod | None:
    """Return the pod that the caller has erased, if that is so."""
    if not isinstance(request.user, User):
        return None
    return Pod.objects.of(request.user).exclude(erased_at=None).select_related("owner").first()


def _without(request: HttpRequest) -> HttpResponse:
    pod = erased_pod_of(request)
    if pod is None:
        return render(request, "portal/customer/no_pod.html")
    ended = shared.loaded(pod).exclude(ended_at=None).order_by("-ended_at", "pk")
    page = Paginator(ended, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "pod": pod,
        "erasure": Erasure.objects.filter(pod=pod).first(),
        "page": page,
        "rows": [(grant, progress.of(grant)) for grant in page.object_list],
        "now": timezone.now(),
    }
    return render(request, "portal/customer/erased.html", context)
