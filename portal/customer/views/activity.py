"""Activity: everything that happened around one's own data, newest first."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from consent.models import Grant
from portal.customer import numbers, shared, timeline
from portal.customer.doors import with_pod
from portal.customer.sentences import FILTERS
from vault.models import Pod

PER_PAGE = 50


@require_safe
@with_pod
def show(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show the timeline, all of it or one kind of events, of all brands or of one grant."""
    kind = request.GET.get("show", "")
    types = FILTERS[kind][1] if kind in FILTERS else None
    grant = _grant(request, pod)
    events = timeline.of(
        pod,
        types=types,
        grant=grant,
        before=numbers.whole(request.GET.get("before")),
        limit=PER_PAGE + 1,
    )
    page, rest = events[:PER_PAGE], events[PER_PAGE:]
    context = {
        "days": list(timeline.by_day(page)),
        "kinds": [(name, label) for name, (label, _types) in FILTERS.items()],
        "kind": kind if kind in FILTERS else "",
        "grant": grant,
        "next_before": page[-1].seq if rest else None,
    }
    return render(request, "portal/customer/activity.html", context)


def _grant(request: HttpRequest, pod: Pod) -> Grant | None:
    try:
        grant_id = UUID(request.GET.get("grant", ""))
    except ValueError:
        return None
    return get_object_or_404(shared.loaded(pod), id=grant_id)
