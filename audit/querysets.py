"""Querysets that can only add."""

from typing import Any, Never, TypeVar

from django.db import models

from audit.exceptions import LogIsAppendOnly

Row = TypeVar("Row", bound=models.Model)


class AppendOnly(models.QuerySet[Row]):
    """A queryset that refuses to change or remove; the database's triggers say the same."""

    def update(self, **_kwargs: Any) -> Never:
        """Refuse."""
        raise LogIsAppendOnly

    def delete(self) -> Never:
        """Refuse."""
        raise LogIsAppendOnly

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse."""
        raise LogIsAppendOnly

    def update_or_create(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse."""
        raise LogIsAppendOnly

    # Model.delete() and Model.save() of a loaded row come through these two.
    def _raw_delete(self, _using: str | None) -> Never:
        raise LogIsAppendOnly

    def _update(self, _values: Any) -> Never:
        raise LogIsAppendOnly
