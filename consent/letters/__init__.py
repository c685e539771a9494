"""Tells owners what happened: a row in the transaction of it, a message by a worker afterwards."""

from consent.letters.wishes import Wishes, wish, wishes_of
from consent.letters.writing import of_ends, of_grants, write

__all__ = ["Wishes", "of_ends", "of_grants", "wish", "wishes_of", "write"]
