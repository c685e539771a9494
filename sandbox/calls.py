"""How the table writes a call down, so that a program can make it (examples/brand/refusals.py).

NEW stands for a name that is made up for each run of a case, the same within it.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

NEW = "<new>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. It is made with a token of the case's program, unless it says otherwise."""

    method: str = "POST"
    path: str
    body: Any = None
    form: dict[str, str] | None = None  # at /oauth/, with an assertion of who calls
    raw: str | None = None  # instead of a body: what stands there as it is
    repeat: int = 0  # so many times the body, as JSON lines
    headers: dict[str, str] = field(default_factory=dict)
    shows: str = "own"  # own | none | made-up | bearer | the id of the only grant it is for
    proof: str = "good"  # good | wrong | none: of the token's key (RFC 9449)
    assertion: str = "good"  # good | wrong: of who calls (RFC 7523)
    within: int = 0  # seconds to go on for, until the answer is the one that is promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How to be told one code: the last answer, or the last of its results, is it."""

    code: str
    program: str
    why: str
    calls: tuple[Call, ...]
    customer: str = ""
    fault: str = ""  # what the operator breaks meanwhile: manage.py sandbox_fault
    one_of_many: bool = False  # the code stands in a result of a whole answer

    def told(self) -> dict[str, Any]:
        """Return it as it stands in the file."""
        return asdict(self)


def read(subject: str, purpose: str, category: str = "stay", **more: Any) -> Call:
    """Return a read."""
    body = {"subject": subject, "category": category, "purpose": purpose} | more
    return Call(path="/api/v1/reads", body=body)


def keyed(path: str, body: Any, **more: Any) -> Call:
    """Return a call under an idempotency key of its own."""
    return Call(path=path, body=body, headers={"Idempotency-Key": NEW}, **more)
