"""Serves the description: to programs as JSON, to their makers as a page."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from config.openapi.document import document
from config.openapi.page import Page


@require_safe
@cache_control(public=True, max_age=300)
def description(_request: HttpRequest) -> HttpResponse:
    """Serve the OpenAPI document."""
    written = orjson.dumps(document(), option=orjson.OPT_INDENT_2)
    return HttpResponse(written, content_type="application/json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the description in the language of the pages."""
    shown = Page(document("ko" if (get_language() or "").startswith("ko") else "en"))
    facts = {"info": shown.info, "groups": shown.groups(), "schemes": shown.schemes()}
    return render(request, "portal/common/api.html", facts)
