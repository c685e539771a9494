"""My data: what lies in the pod, where each thing comes from, and changing it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent.models import GrantItem
from portal.customer import numbers, words
from portal.customer.doors import with_pod
from portal.customer.forms.records import RecordForm
from vault import categories, pods
from vault.categories import Category
from vault.exceptions import RecordChangedMeanwhile, RecordInvalid, RRNFound
from vault.models import Pod, Record, Source
from vault.pods import Opened

PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """One category of the pod, for the list."""

    id: str
    name: str
    note: str
    class_: str
    count: int
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One record, opened for its owner."""

    record: Record
    lines: list[words.Line]

    @property
    def source(self) -> str:
        """Return who it comes from, in words."""
        if self.record.source == Source.OWNER:
            return _("Entered by me")
        if self.record.source == Source.INFERRED:
            return _("Inferred by %(brand)s") % {"brand": self.record.source_name}
        return _("From %(brand)s") % {"brand": self.record.source_name}


@require_safe
@with_pod
def overview(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Show the categories that hold something, and the ones that could."""
    counted = {
        row["category"]: row
        for row in pod.records.values("category").annotate(count=Count("id"), at=Max("changed_at"))
    }
    shelves = [_shelf(each, counted.get(each.id)) for each in categories.load().values()]
    filled = sorted((each for each in shelves if each.count), key=lambda each: each.name)
    empty = sorted((each for each in shelves if not each.count), key=lambda each: each.name)
    return render(request, "portal/customer/data.html", {"filled": filled, "empty": empty})


@require_safe
@with_pod
def category(request: HttpRequest, pod: Pod, name: str) -> HttpResponse:
    """Show the records of one category, a page at a time."""
    kind = _category(name)
    found = pod.records.filter(category=kind.id).order_by("-obtained_at", "-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    shown = [_shown(kind, opened) for opened in pods.open_all(pod, page.object_list)]
    sharing = GrantItem.objects.filter(grant__pod=pod, grant__ended_at=None, ended_at=None)
    context = {
        "kind": kind,
        "name": words.category(name),
        "page": page,
        "shown": shown,
        "is_shared": sharing.filter(category__in=categories.covering(kind.id)).exists(),
    }
    return render(request, "portal/customer/data_category.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def add(request: HttpRequest, pod: Pod, name: str) -> HttpResponse:
    """Put a record into the pod."""
    kind = _category(name)
    form = RecordForm(kind, *_sent(request))
    if form.is_bound and form.is_valid() and _put(form, lambda value: pods.put(pod, name, value)):
        messages.success(request, _("Kept safe. Nobody but you can see it until you say so."))
        return redirect("data-category", name)
    return render(request, "portal/customer/data_form.html", _form(kind, form))


@require_safe
@with_pod
def record(request: HttpRequest, pod: Pod, record_id: UUID) -> HttpResponse:
    """Show one record with its earlier versions."""
    found = get_object_or_404(pod.records, id=record_id)
    kind = _category(found.category)
    newest, *older = (_shown(kind, opened) for opened in pods.history(pod, found.id))
    context = {"kind": kind, "name": words.category(kind.id), "shown": newest, "older": older}
    return render(request, "portal/customer/data_record.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def change(request: HttpRequest, pod: Pod, record_id: UUID) -> HttpResponse:
    """Change a record of one's own; beside a brand's, put one's own version."""
    found = get_object_or_404(pod.records, id=record_id)
    kind = _category(found.category)
    opened = pods.get(pod, found.id)
    form = RecordForm(kind, *_sent(request), value=opened.value)
    expected = numbers.whole(request.POST.get("version"))

    def write(value: dict[str, Any]) -> None:
        if found.source == Source.OWNER:
            pods.change(found, value, expected=expected)
        else:
            pods.dispute(found, value)

    if form.is_bound and form.is_valid() and _put(form, write):
        messages.success(request, _("Changed. The earlier version is kept below it."))
        return redirect("data-record", found.id)
    context = {**_form(kind, form), "record": found}
    return render(request, "portal/customer/data_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def delete(request: HttpRequest, pod: Pod, record_id: UUID) -> HttpResponse:
    """Delete a record, after saying what that means."""
    found = get_object_or_404(pod.records, id=record_id)
    if request.method == "POST":
        pods.delete(found)
        messages.success(request, _("Deleted."))
        return redirect("data-category", found.category)
    kind = _category(found.category)
    context = {"shown": _shown(kind, pods.get(pod, found.id)), "name": words.category(kind.id)}
    return render(request, "portal/customer/data_delete.html", context)


@require_POST
@with_pod
def hide(request: HttpRequest, pod: Pod, record_id: UUID) -> HttpResponse:
    """Keep a record from every brand, or stop doing so."""
    found = get_object_or_404(pod.records, id=record_id)
    if "show" in request.POST:
        pods.show(found)
    else:
        pods.hide(found)
    return redirect("data-record", found.id)


def _sent(request: HttpRequest) -> tuple[Any, Any]:
    """Return what a form gets: an empty one is sent, too."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _category(name: str) -> Category:
    found = categories.load().get(name)  # a view holds nothing to show
    if found is None:
        raise Http404
    return found


def _shelf(kind: Category, row: Any) -> Shelf:
    here = words.language()
    return Shelf(
        id=kind.id,
        name=kind.label.in_language(here),
        note=kind.description.in_language(here),
        class_=kind.class_,
        count=row["count"] if row else 0,
        changed_at=row["at"] if row else None,
    )


def _shown(kind: Category, opened: Opened) -> Shown:
    return Shown(opened.record, words.lines(kind, opened.value))


def _form(kind: Category, form: RecordForm) -> dict[str, Any]:
    note = kind.description.in_language(words.language())
    return {"kind": kind, "name": words.category(kind.id), "note": note, "form": form}


def _put(form: RecordForm, write: Any) -> bool:
    """Write what was filled in; show what the vault finds wrong instead of failing."""
    try:
        write(form.value())
    except (RecordInvalid, RRNFound) as error:
        form.refuse(error)
    except RecordChangedMeanwhile:
        form.add_error(
            None, _("This record was changed somewhere else meanwhile. Reload the page.")
        )
    else:
        return True
    return False
