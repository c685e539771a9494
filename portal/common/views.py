"""Pages that need no sign-in."""

from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts import languages
from accounts.models import User
from portal.common import signup_notice


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language and come back to the same page."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = "/"
    response = redirect(target)
    code = request.POST.get("language", "")
    if languages.is_known(code):
        languages.remember(response, code)
        if isinstance(request.user, User):
            languages.prefer(request.user, code)
    return response


def _operator() -> dict[str, object]:
    return {
        "operator_ko": settings.OPERATOR_NAME_KO,
        "operator_en": settings.OPERATOR_NAME_EN,
        "contact": settings.OPERATOR_CONTACT,
        "phone": settings.OPERATOR_PHONE,
        "officer_ko": settings.OPERATOR_OFFICER_KO,
        "officer_en": settings.OPERATOR_OFFICER_EN,
        "address_ko": settings.OPERATOR_ADDRESS_KO,
        "address_en": settings.OPERATOR_ADDRESS_EN,
    }


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Show the operator's privacy policy (개인정보 처리방침, PIPA Art. 30)."""
    notice = signup_notice.current(request.LANGUAGE_CODE)
    context = {**_operator(), "notice": notice, "in_force": date.fromisoformat(notice.version)}
    return render(request, "portal/common/privacy.html", context)


@require_safe
def officer(request: HttpRequest) -> HttpResponse:
    """Show who answers for personal data (개인정보 보호책임자, PIPA Art. 31)."""
    return render(request, "portal/common/officer.html", _operator())


@require_safe
def person(request: HttpRequest) -> HttpResponse:
    """Show how to reach a person."""
    return render(request, "portal/common/person.html", _operator())


@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    """Say what the vault can and cannot do."""
    return render(request, "portal/common/limits.html", _operator())
