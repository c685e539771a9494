"""What happens to a grant, from giving to ending: each event once, each in one transaction."""

from consent.grants.deleting import deletable
from consent.grants.ending import end, end_all, end_every, end_partner, end_purpose, invalidate
from consent.grants.giving import give
from consent.grants.items import end_category, end_item
from consent.grants.keeping import keepable
from consent.grants.pausing import (
    need_ground,
    pause,
    pause_all,
    resume,
    resume_all,
    resume_due,
    suspend,
    suspend_all,
    unsuspend,
    unsuspend_all,
)
from consent.grants.recalling import recall, recall_all
from consent.grants.run_out import end_run_out

__all__ = [
    "deletable", "end", "end_all", "end_category", "end_every", "end_item", "end_partner", "end_purpose",
    "end_run_out", "give", "invalidate", "keepable", "need_ground", "pause", "pause_all",
    "recall", "recall_all", "resume", "resume_all", "resume_due", "suspend", "suspend_all", "unsuspend", "unsuspend_all",
]  # fmt: skip
