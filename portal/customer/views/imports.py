"""Bringing in a file from somewhere else, with a report of what did not fit."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.customer import words
from portal.customer.doors import with_pod
from portal.customer.forms.imports import ImportForm
from vault.exceptions import FileRefused, MappingInvalid
from vault.importers.run import Report, import_file, kind_of
from vault.models import Pod

MOST_LISTED = 100


@require_http_methods(["GET", "HEAD", "POST"])
@with_pod
def bring(request: HttpRequest, pod: Pod) -> HttpResponse:
    """Take a file and show what came of it."""
    sent = request.method == "POST"
    form = ImportForm(request.POST if sent else None, request.FILES if sent else None)
    if form.is_bound and form.is_valid():
        report = _import(pod, form)
        if report is not None:
            return render(request, "portal/customer/data_imported.html", _context(report))
    return render(request, "portal/customer/data_import.html", {"form": form})


def _import(pod: Pod, form: ImportForm) -> Report | None:
    data = form.cleaned_data
    mapping = data["mapping"].read() if data["mapping"] else None
    try:
        kind = kind_of(data["file"].name)
        return import_file(pod, data["file"], kind, mapping, data["on_error"], mask=data["mask"])
    except FileRefused as error:
        form.add_error("file", _("This file %(reason)s.") % {"reason": error})
    except MappingInvalid as error:
        form.add_error("mapping", str(error))
    return None


def _context(report: Report) -> dict[str, object]:
    kept = [(words.category(name), count) for name, count in report.categories.items()]
    return {
        "report": report,
        "kept": kept,
        "listed": report.problems[:MOST_LISTED],
        "unlisted": max(0, report.problem_count - MOST_LISTED),
    }
