"""The name under which one partner knows one owner."""

from consent.models import Pair, Partner
from vault.models import Pod


def pairwise_of(partner: Partner, pod: Pod) -> str:
    """Return this partner's id of this owner, made now if there is none (5.6).

    The caller holds the pod's row, so of two first grants at once both get the same id.
    """
    pair, _ = Pair.objects.get_or_create(partner=partner, pod=pod)
    return pair.pairwise


def pod_of(partner: Partner, pairwise: str) -> Pod | None:
    """Return the pod that this partner knows by this id; another partner's id is unknown (P6).

    An erased one, too: its partner is told that the grant ended, as every read is (6.5).
    """
    pair = Pair.objects.filter(partner=partner, pairwise=pairwise).select_related("pod__owner")
    found = pair.first()
    return None if found is None else found.pod
