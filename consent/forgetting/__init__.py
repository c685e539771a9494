"""The second step of an erasure (design: Legal hold): the log forgets who it was.

The first step made everything unreadable within its own transaction. This one takes time, so it
is made of short steps, each in one transaction, that any worker can go on with:

1. No new entry names the person. A minute passes, so that whoever was writing one is done.
2. What a law keeps is sealed anew under hold keys, apart; the rest is deleted, batch by batch.
3. The audit key is destroyed. The leaves stay in the tree, and mean nobody.
"""

from consent.forgetting.steps import COOLING_OFF, begin, forget_due, waive

__all__ = ["COOLING_OFF", "begin", "forget_due", "waive"]
