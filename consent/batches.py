"""Rules that the clock applies to many rows at once: one that cannot be done never stops the others."""

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import InterfaceError, OperationalError

from keys.exceptions import ProviderAway

logger = logging.getLogger(__name__)
# Nothing of the row's own: the next turn tries again.
_AWAY = (OperationalError, InterfaceError, ProviderAway)


def do(ids: Sequence[UUID], rule: Callable[[Sequence[UUID]], int]) -> int:
    """Apply a rule to some rows together, or where that fails to each by itself; return how many.

    `rule` is one transaction. Raises what says that the database or the keys are away.
    """
    if not ids:
        return 0
    try:
        return rule(ids)
    except _AWAY:
        raise
    except Exception:
        if len(ids) == 1:
            logger.exception("a rule of the clock cannot be applied to a row")
            return 0
    return sum(do([one], rule) for one in ids)
