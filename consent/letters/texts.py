"""Writes letters, in the language of whom they are for. No pod value ever stands in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.letters.senders import Message
from consent.models import Grant, Letter, Partner
from vault import vocabulary
from vault.exceptions import UnknownPurpose

MOST_LINES = 30  # things told in one message; a count says how many more
# What a locked screen may show: no brand, no kind of data.
_SUBJECTS: dict[str, Promise] = {
    Letter.Kind.ASKED: gettext_lazy("There is a new request"),
    Letter.Kind.WITHDRAWN: gettext_lazy("You ended sharing"),
    Letter.Kind.ENDED: gettext_lazy("Sharing has ended"),
    Letter.Kind.CONFIRMED: gettext_lazy("Destruction was confirmed"),
    Letter.Kind.OVERDUE: gettext_lazy("A confirmation is overdue"),
    Letter.Kind.SUSPENDED: gettext_lazy("A brand was stopped"),
    Letter.Kind.REINSTATED: gettext_lazy("A brand goes on"),
    Letter.Kind.PROVIDED: gettext_lazy("Your location was provided"),
}
_PAGES = {
    Letter.Kind.ASKED: "/requests/",
    Letter.Kind.WITHDRAWN: "/ended/",
    Letter.Kind.ENDED: "/ended/",
    Letter.Kind.CONFIRMED: "/ended/",
    Letter.Kind.OVERDUE: "/ended/",
    Letter.Kind.SUSPENDED: "/",
    Letter.Kind.REINSTATED: "/",
    Letter.Kind.PROVIDED: "/activity/?show=read",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a letter tells."""

    brand: str
    at: str
    purpose: str
    how: str


def compose(letters: Sequence[Letter], *, more: int = 0, more_told: int = 0) -> Message:
    """Return one message for letters of one kind to one owner, the oldest first.

    `more` letters stand behind these without being loaded, about `more_told` things.
    """
    first = letters[0]
    owner = first.owner
    assert owner is not None  # letters to nobody are settled before they are written
    with translation.override(owner.language):
        kind = Letter.Kind(first.kind)
        subject = f"[{_('My Data Vault')}] {_SUBJECTS[kind]}"
        page = (
            f"/grants/{first.grant_id}/" if len(letters) == 1 and first.grant_id else _PAGES[kind]
        )
        context = {
            "lines": [_line(letter) for letter in letters[:MOST_LINES]],
            "more": max(0, len(letters) + more - MOST_LINES),
            "count": sum(letter.count for letter in letters) + more_told,
            "address": settings.ORIGIN.rstrip("/") + page,
            "settings": settings.ORIGIN.rstrip("/") + "/settings/messages/",
        }
        body = render_to_string(f"letters/{kind.value}.txt", context)
    return Message(mail=owner.email, subject=subject, body=body.strip() + "\n", short=subject)


def _line(letter: Letter) -> Line:
    grant = letter.grant
    partner = grant.partner if grant else letter.partner
    return Line(
        brand=_name(grant, partner),
        at=_moment(letter.happened_at),
        purpose=_purpose(grant) if grant else "",
        how=_how(grant) if grant else "",
    )


def _name(grant: Grant | None, partner: Partner | None) -> str:
    if partner is None:
        return ""
    language = (translation.get_language() or "ko")[:2]
    legal = partner.legal_name(language)
    if grant is None:
        return legal
    client = grant.request.client
    return f"{client.name_ko if language == 'ko' else client.name_en} ({legal})"


def _purpose(grant: Grant) -> str:
    try:
        label = vocabulary.purpose(grant.purpose).label
    except UnknownPurpose:
        return grant.purpose
    return label.in_language("ko" if (translation.get_language() or "ko")[:2] == "ko" else "en")


_ENDS: dict[str, Promise] = {
    Grant.EndKind.WITHDRAWN: gettext_lazy("Consent withdrawn"),
    Grant.EndKind.REVOKED: gettext_lazy("Use ended"),
    Grant.EndKind.EXPIRED: gettext_lazy("Period over"),
    Grant.EndKind.CONSUMED: gettext_lazy("Used up"),
    Grant.EndKind.SUPERSEDED: gettext_lazy("Replaced by a new consent"),
    Grant.EndKind.INVALIDATED: gettext_lazy("Void"),
}


def _how(grant: Grant) -> str:
    return str(_ENDS[Grant.EndKind(grant.end_kind)]) if grant.end_kind else ""


def _moment(at: datetime) -> str:
    return str(date_format(timezone.localtime(at), "DATETIME_FORMAT"))
