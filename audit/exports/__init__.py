"""Writes a range of the log so that anybody can check it without us.

`announce` appends the export's own entry; `cut` waits until a published checkpoint covers it;
`write` streams the bundle. docs/verifying.md describes the files.
"""

from audit.exports.bundle import Written, need_free, write
from audit.exports.cutting import Announced, Cut, announce, cut
from audit.exports.scopes import ALL, NOTHING, Scope

__all__ = [
    "ALL",
    "NOTHING",
    "Announced",
    "Cut",
    "Scope",
    "Written",
    "announce",
    "cut",
    "need_free",
    "write",
]
