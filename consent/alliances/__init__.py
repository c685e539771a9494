"""Alliances of brands and the journeys they serve: asked together, decided brand by brand, left at once."""

from consent.alliances.asking import Asked, ask
from consent.alliances.deciding import Decision, bind, decide
from consent.alliances.exits import end_journey, through
from consent.alliances.members import join, leave, leave_all, make

__all__ = [
    "Asked", "Decision", "ask", "bind", "decide", "end_journey", "join", "leave", "leave_all",
    "make", "through",
]  # fmt: skip
