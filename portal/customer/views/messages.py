"""How an owner likes to be told."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from consent import letters
from consent.letters import Wishes
from portal.customer.doors import with_pod
from vault.models import Pod

AT_ONCE, GATHERED = "at_once", "gathered"
YES, NO = "yes", "no"


class WishesForm(forms.Form):
    """The two things that an owner may choose."""

    location = forms.ChoiceField(
        label=gettext_lazy("When a brand received my location"),
        choices=(
            (AT_ONCE, gettext_lazy("Tell me at once, each time")),
            (GATHERED, gettext_lazy("Gather it, and tell me every 30 days")),
        ),
        widget=forms.RadioSelect,
    )
    own_ends = forms.ChoiceField(
        label=gettext_lazy("When I end something myself"),
        choices=((YES, gettext_lazy("Send me a proof")), (NO, gettext_lazy("Send nothing"))),
        widget=forms.RadioSelect,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def wishes(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show how one is told, and take another wish."""
    now = letters.wishes_of(pod.owner)
    form = WishesForm(
        request.POST if request.method == "POST" else None,
        initial={
            "location": GATHERED if now.gathers_location else AT_ONCE,
            "own_ends": YES if now.wants_own_ends else NO,
        },
    )
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        wished = Wishes(
            gathers_location=said["location"] == GATHERED, wants_own_ends=said["own_ends"] == YES
        )
        letters.wish(pod.owner, wished)
        messages.success(request, _("We tell you the way you like."))
        return redirect("messages")
    return render(request, "portal/customer/messages.html", {"form": form})
