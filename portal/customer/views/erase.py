"""Erasing the vault: what goes, what the law keeps; asked twice, and by nobody but its owner."""

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from consent import erasure, forgetting
from consent.actors import Actor
from consent.models import Grant
from portal.customer import shared
from portal.customer.doors import erased_pod_of, with_pod
from vault.models import Pod

ASKED = "erase:asked"


class EraseForm(forms.Form):
    """The two things to know before it goes, each with a tick; and whether to wait."""

    gone = forms.BooleanField(
        label=gettext_lazy("I know that nobody can bring it back, not even the operator.")
    )
    taken = forms.BooleanField(
        label=gettext_lazy("I have taken with me what I want to keep, or need none of it.")
    )
    at_once = forms.BooleanField(
        label=gettext_lazy("Forget what the records say about me at once, without the 24 hours."),
        required=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def ask(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Say what erasing means, and ask the first time."""
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        request.session[ASKED] = {"at_once": form.cleaned_data["at_once"]}
        return redirect("erase-confirm")
    context = {
        "form": form,
        "records": pod.records.count(),
        "brands": Grant.objects.of(pod).unended().values("partner").distinct().count(),
    }
    return render(request, "portal/customer/erase.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required  # type: ignore[untyped-decorator]
@with_pod
def confirm(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Ask the second time, of somebody who has just shown who they are; then erase."""
    asked = request.session.get(ASKED)
    if asked is None:
        return redirect("erase")
    if request.method == "POST":
        del request.session[ASKED]
        erasure.erase_pod(pod, Actor.owner(pod.owner), at_once=asked["at_once"])
        messages.success(request, _("Your vault is erased. Nothing in it can be read any more."))
        return redirect("home")
    found = shared.of(pod, shared.loaded(pod).unended())
    context = {"shared": found, "at_once": asked["at_once"]}
    return render(request, "portal/customer/erase_confirm.html", context)


@require_POST
def hasten(request: HttpRequest) -> HttpResponse:
    """Do without the 24 hours after all."""
    pod = erased_pod_of(request)
    if pod is not None and forgetting.waive(pod, Actor.owner(pod.owner)):
        messages.success(request, _("What the records say about you is being forgotten now."))
    return redirect("home")
