"""What beat asks for. Thin: a task names a moment, the rule is where it always is.

No task takes an argument, so nothing about anybody ever reaches a broker. Each may run twice
at once, or not at all for a while: the database says what is left to do.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import shared_task
from celery.signals import worker_shutdown, worker_shutting_down
from django.db import close_old_connections

from audit import tally
from consent import grants, requests
from consent.revocation import courier, escalations, folding, purging, settling
from consent.revocation.faults import point

# How many batches a task works through at once. Then beat's next turn goes on.
ROUNDS = 20


@shared_task(name="revocation.drain")
def drain() -> None:
    """Send every event that is due. Returns at once where this process is doing so already."""
    with _connection():
        point("drain.started")
        courier.courier().run()


@shared_task(name="revocation.end_run_out")
def end_run_out() -> None:
    """End formally what a clock has stopped."""
    until_done(grants.end_run_out)


@shared_task(name="revocation.resume_paused")
def resume_paused() -> None:
    """Let go on what was paused until now."""
    until_done(grants.resume_due)


@shared_task(name="revocation.close_overdue_requests")
def close_overdue_requests() -> None:
    """Close what nobody approved in time, and tell its partner."""
    until_done(requests.close_overdue)


@shared_task(name="revocation.sweep_tally")
def sweep_tally() -> None:
    """Write down how many identical refusals there were, once their minute is over."""
    until_done(tally.sweep)


@shared_task(name="revocation.escalate")
def escalate() -> None:
    """Make known what is overdue: obligations without an answer, events that did not arrive."""
    until_done(escalations.escalate_overdue)
    until_done(settling.escalate_stale)


@shared_task(name="revocation.fold_activity")
def fold_activity() -> None:
    """Fold new leaves of the log into days per grant."""
    until_done(folding.fold_activity)


@shared_task(name="revocation.purge")
def purge() -> None:
    """Forget what can no longer be used."""
    with _connection():
        purging.purge()


@worker_shutting_down.connect
def retire(**_signal: object) -> None:
    """Begin nothing new: Celery waits for the turns that run, and a drain could lead on for a minute."""
    courier.retire()


@worker_shutdown.connect
def finish(**_signal: object) -> None:
    """Write down what is still in flight before the worker goes."""
    with _connection():
        courier.close()


def until_done(rule: Callable[[], int]) -> None:
    """Call a rule that works in batches until one of them was empty, or for ROUNDS.

    Returns at once where this process is doing so already: else turns of a long rule would
    take one thread after the other, until none is left to send what is due.
    """
    working = _working.setdefault(rule, threading.Lock())
    if not working.acquire(blocking=False):
        return
    try:
        with _connection():
            for _ in range(ROUNDS):
                if not rule():
                    return
    finally:
        working.release()


_working: dict[Callable[[], int], threading.Lock] = {}


@contextmanager
def _connection() -> Iterator[None]:
    """Drop a connection that broke or is old, before and after: a thread of a worker lives long."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
