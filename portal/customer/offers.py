"""What a request offers to decide: its items with what each would show, and what a yes would replace."""

from dataclasses import dataclass

from consent.models import AccessRequest, Grant, RequestItem
from portal.customer import preview
from portal.customer.forms.choices import Row
from vault.models import Pod


@dataclass(frozen=True, slots=True)
class RowWithPreview:
    """One item of the consent page with what it would show."""

    row: Row
    preview: preview.Preview | None
    is_new: bool  # beyond what is shared with this brand for this purpose already


def current(pod: Pod, asked: AccessRequest) -> Grant | None:
    """Return what a yes would replace: the grant of the same brand and purpose (5.2)."""
    unended = Grant.objects.of(pod).unended().filter(purpose=asked.purpose)
    return unended.to(asked.partner).prefetch_related("items").first()


def previewed(
    pod: Pod, asked: AccessRequest, rows: list[Row], current: Grant | None
) -> list[RowWithPreview]:
    """Return the items with what each would show today, new ones marked."""
    return [
        RowWithPreview(
            row,
            preview.of(pod, asked, row.item) if row.item.action == "read" else None,
            current is not None and not _is_held(current, row.item),
        )
        for row in rows
    ]


def _is_held(current: Grant, item: RequestItem) -> bool:
    """Say whether everything of this item is shared under the grant of now."""
    held = (one for one in current.items.all() if one.ended_at is None)
    return any(
        (one.category, one.action) == (item.category, item.action)
        and (
            one.fields is None or (item.fields is not None and set(item.fields) <= set(one.fields))
        )
        for one in held
    )
