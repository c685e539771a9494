"""The form of a line of the negative table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Somebody sends something to a route and is refused.

    `change` is laid over the route's good body (`...` takes a member away); `raw` is sent instead
    of it. `ids` says whose things the path names: the hotel's, or such as do not exist. `code` is
    what the caller is told, `reason` what the log says where that differs; `whose` names the
    caller in the log: its client, the client of the token that it holds wrongly, or nobody.
    """

    name: str
    route: str
    method: str = "POST"
    who: str = "hotel"
    change: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ids: str = "hotel's"
    status: int
    code: str
    reason: str | None = None
    whose: str = "client"

    def __str__(self) -> str:
        return f"{self.method} {self.route}: {self.name}, by {self.who}"
