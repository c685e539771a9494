"""Holds a pod's row while something that depends on its keys is written.

First in the lock order. Whoever makes, wraps or destroys keys of a pod holds it alone; whoever
only seals under a key that is there shares it, so that two brands and an owner can write at
once, and no key is destroyed under their hands.
"""

from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from keys.models import CategoryKey
from vault.exceptions import PodErased
from vault.models import Pod


def alone(pod: Pod) -> Pod:
    """Lock the pod against everybody else and return its row as it is now. Raises `PodErased`.

    Rows that point at it may be written meanwhile: that is checked against its key only.
    """
    held = Pod.objects.select_for_update(of=("self",), no_key=True)
    return _there(held.select_related("owner"), pod.id)


def shared(pod: Pod) -> Pod:
    """Lock the pod against those who hold it alone; return its row. Raises `PodErased`."""
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM vault_pod WHERE id = %s FOR SHARE", [pod.id])
    return _there(Pod.objects.select_related("owner"), pod.id)


def for_sealing(pod: Pod, categories: set[str]) -> Pod:
    """Lock no more than needed to seal records of these categories. Raises `PodErased`."""
    if _have_keys(pod, categories):
        held = shared(pod)
        # Between the look and the lock a category may have been erased: then its key is made anew.
        if _have_keys(pod, categories):
            return held
    return alone(pod)


def _have_keys(pod: Pod, categories: set[str]) -> bool:
    keys = CategoryKey.objects.filter(pod=pod.id, category__in=categories)
    return set(keys.values_list("category", flat=True)) == categories


def _there(pods: QuerySet[Pod], pod_id: UUID) -> Pod:
    pod = pods.filter(id=pod_id).first()
    if pod is None or pod.erased_at is not None:
        raise PodErased
    return pod
