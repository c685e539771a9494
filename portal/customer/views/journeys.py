"""A journey: decided brand by brand on one page, confirmed by every name, left by one button."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from consent import alliances, notices, requests
from consent.actors import Actor
from consent.alliances import Decision
from consent.choices import Choices
from consent.exceptions import (
    AlreadyDecided,
    BelowAtLeast,
    ChoicesInvalid,
    NoticeChanged,
    PartnerSuspended,
    RequestExpired,
)
from consent.models import Journey
from portal.customer import copies, journeys, offers, words
from portal.customer.doors import with_pod
from portal.customer.forms.choices import from_draft
from portal.customer.forms.journeys import LATER, StopForm
from portal.customer.journeys import Part
from portal.customer.views.requests import TICKS
from vault.models import Pod

SHARED = frozenset({"live", "paused"})


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One brand on the confirm page: the notice that will be pinned, and its own ticks."""

    part: Part
    choices: Choices
    notice: str
    digest: str
    ticks: list[str]

    @property
    def name(self) -> str:
        """Return the name of this brand's ticks in the form."""
        return f"tick{self.part.stop.order}"

    @property
    def is_ticked(self) -> bool:
        """Say whether every consent of this brand has its tick."""
        return set(self.ticks) <= self.choices.ticks


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def show(request: HttpRequest, pod: Pod, journey_id: UUID) -> HttpResponse:
    """Show a journey, and take the owner's choices for the brands that wait."""
    journey = _own(pod, journey_id)
    parts = journeys.parts(pod, journey)
    open_ = [part for part in parts if part.state == "waiting"] if journey.is_under_way else []
    for part in open_:
        requests.mark_viewed(part.asked)
    data = request.POST if request.method == "POST" else None
    forms = [StopForm(part, data) for part in open_ if part.can_receive]
    if data is not None and all(form.is_valid() for form in forms):
        decided = [form for form in forms if form.cleaned_data["answer"] not in {"", LATER}]
        if decided:
            kept = {str(form.asked.pk): form.kept() for form in decided}
            request.session[_key(journey)] = kept
            return redirect("journey-confirm", journey.pk)
        messages.warning(request, _("Say yes or no to at least one brand."))
    context = {
        "journey": journey,
        "blocks": [_block(pod, form) for form in forms],
        "kept_out": [part for part in open_ if not part.can_receive],
        "decided": [part for part in parts if part not in open_],
        **_summary(journey, parts),
    }
    return render(request, "portal/customer/journey.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def confirm(request: HttpRequest, pod: Pod, journey_id: UUID) -> HttpResponse:
    """Show each brand's text that will be pinned, take each one's ticks, and decide."""
    journey = _own(pod, journey_id)
    kept: dict[str, Any] = request.session.get(_key(journey), {})
    waiting = [part for part in journeys.parts(pod, journey) if part.state == "waiting"]
    decided = [part for part in waiting if str(part.asked.pk) in kept]
    if not decided or not journey.is_under_way:
        return redirect("journey", journey.pk)
    agreed = [
        _confirmed(request, part, kept[str(part.asked.pk)])
        for part in decided
        if kept[str(part.asked.pk)] is not None
    ]
    refused = [part for part in decided if kept[str(part.asked.pk)] is None]
    if request.method == "POST" and all(each.is_ticked for each in agreed):
        return _decide(request, journey, agreed, refused)
    context = {
        "journey": journey,
        "agreed": agreed,
        "refused": refused,
        "agreed_names": journeys.names(each.part for each in agreed),
        "refused_names": journeys.names(refused),
        "missing": request.method == "POST",
    }
    return render(request, "portal/customer/journey_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def end(request: HttpRequest, pod: Pod, journey_id: UUID) -> HttpResponse:
    """Say what leaving means for each brand, and leave."""
    journey = _own(pod, journey_id)
    if request.method == "POST":
        may_anonymise = copies.may_anonymise(request)
        alliances.end_journey(journey, Actor.owner(pod.owner), may_anonymise=may_anonymise)
        return redirect("journey", journey.pk)
    parts = journeys.parts(pod, journey)
    through = set(alliances.through(journey).unended().values_list("pk", flat=True))
    shared = [(part, part.grant) for part in parts if part.grant and part.state in SHARED]
    ending = [(part, grant) for part, grant in shared if grant.pk in through]
    context = {
        "journey": journey,
        "ending": [part for part, _ in ending],
        "staying": [part for part, grant in shared if grant.pk not in through],
        "choosers": copies.brands((part.brand, grant) for part, grant in ending),
        "undecided": [part for part in parts if part.state == "waiting"],
    }
    return render(request, "portal/customer/journey_end.html", context)


def _own(pod: Pod, journey_id: UUID) -> Journey:
    mine = Journey.objects.of(pod).select_related("alliance", "client__partner", "pod__owner")
    return get_object_or_404(mine, id=journey_id)


def _key(journey: Journey) -> str:
    return f"journey:{journey.pk}"


def _block(pod: Pod, form: StopForm) -> dict[str, Any]:
    asked = form.asked
    current = offers.current(pod, asked)
    everything = notices.render(asked, Choices.everything(asked), words.language())
    return {
        "part": form.part,
        "form": form,
        "current": current,
        "notice": everything.decode(),
        "required": offers.previewed(pod, asked, form.rows(required=True), current),
        "optional": offers.previewed(pod, asked, form.rows(required=False), current),
    }


def _summary(journey: Journey, parts: list[Part]) -> dict[str, Any]:
    """Return what the head of the page says: who shares now, and how far an end has come."""
    ended = [part.progress for part in parts if part.progress is not None]
    holders = [holder for each in ended for holder in each.holders]
    return {
        "shared": [part for part in parts if part.state in SHARED],
        "holders": len(holders),
        "confirmed": sum(holder.done for holder in holders),
        "is_over": not journey.is_under_way,
    }


def _confirmed(request: HttpRequest, part: Part, draft: Any) -> Confirmed:
    ticked = frozenset(request.POST.getlist(f"tick{part.stop.order}")) & frozenset(TICKS)
    choices = from_draft(draft, ticked)
    notice = notices.render(part.asked, choices, words.language())
    needed = notices.required_ticks(part.asked, choices)
    ticks = [name for name in TICKS if name in needed]
    return Confirmed(part, choices, notice.decode(), notices.digest(notice), ticks)


def _decide(
    request: HttpRequest, journey: Journey, agreed: list[Confirmed], refused: list[Part]
) -> HttpResponse:
    """Decide for all of these brands at once; what stands in the way is said on the page."""
    decisions = [
        Decision(
            request=each.part.asked,
            choices=each.choices,
            notice_digest=request.POST.get(f"notice{each.part.stop.order}", ""),
        )
        for each in agreed
    ]
    decisions += [Decision(request=part.asked, choices=None) for part in refused]
    assert journey.pod is not None
    actor = Actor.owner(journey.pod.owner)
    try:
        alliances.decide(journey, decisions, actor=actor, language=words.language())
    except NoticeChanged:
        messages.warning(
            request, _("The text changed while you were reading. Please read it again.")
        )
        return redirect("journey-confirm", journey.pk)
    except (ChoicesInvalid, BelowAtLeast):
        messages.warning(request, _("These choices no longer fit. Please choose again."))
    except (AlreadyDecided, RequestExpired):
        messages.warning(request, _("One of these brands no longer asks. Nothing was changed."))
    except PartnerSuspended:
        messages.warning(request, _("One of these brands may not receive anything at present."))
    else:
        request.session.pop(_key(journey), None)
        messages.success(request, _("It is as you decided. You can leave with one button."))
    return redirect("journey", journey.pk)
