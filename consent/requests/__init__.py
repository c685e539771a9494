"""What a partner may ask, how it reaches somebody, and what that person decides (section 3)."""

from consent.choices import Choices, ItemChoice
from consent.requests.answers import answer, state
from consent.requests.closing import cancel, close_overdue
from consent.requests.deciding import approve, defer, mark_viewed, refuse, refuse_waiting
from consent.requests.links import bind, open_link
from consent.requests.submitting import Submitted, submit

__all__ = [
    "Choices", "ItemChoice", "Submitted", "answer", "approve", "bind", "cancel", "close_overdue",
    "defer", "mark_viewed", "open_link", "refuse", "refuse_waiting", "state", "submit",
]  # fmt: skip
