"""Whether a request is one that its owner's standing rules keep away (consent/standing.py)."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from consent.models import AccessRequest, Partner, RequestItem, StandingRule
from consent.requests.addressees import Addressee
from consent.requests.validation import Asked
from vault import categories
from vault.models import Pod


def keeps_out(pod: Pod, request: AccessRequest) -> bool:
    """Return whether a rule keeps this request away from the owner of this pod."""
    reads = [item.category for item in request.items.all() if item.action == _READ]
    return is_ruled_out(pod.pk, request.partner, request.purpose, reads)


def keeps_out_asked(addressee: Addressee, partner: Partner, asked: Asked) -> bool:
    """Return the same of one that is not stored yet; it is asked about nobody, too."""
    reads = [item.category for item in asked.items if item.action == _READ]
    return is_ruled_out(addressee.place, partner, asked.purpose, reads)


def is_ruled_out(pod: UUID, partner: Partner, purpose: str, reads: Collection[str]) -> bool:
    """Return whether a rule is about this brand, this purpose, or one of these kinds of data.

    A rule about a kind of data is one about every view of it, too.
    """
    named = {*reads, *categories.sources(reads)}
    about = Q(partner=partner) | Q(partner=None, purpose=purpose, category="")
    about |= Q(partner=None, purpose="", category__in=named)
    return StandingRule.objects.filter(about, pod=pod, removed_at=None).exists()


_READ = RequestItem.Action.READ
