"""The Celery app and its clock. Rules never call a task; beat does, and tasks look into the database.

The schedule is here and nowhere else: no table, nothing to change at run time.
"""

import logging
import os

from celery import Celery
from celery.signals import setup_logging, worker_init

from config import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("vault", task_cls="config.turns:Turn", amqp="config.brokers:AMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
SANDBOX = env.flag("VAULT_SANDBOX", False)
TASKS = ["consent.revocation", "consent.forgetting", "consent.letters", "config"]
app.autodiscover_tasks([*TASKS, *(["sandbox"] if SANDBOX else [])])
# Several vaults may share a broker; each has a queue of its own.
app.conf.task_default_queue = env.text("VAULT_QUEUE", "vault")
# In memory: the default scheduler keeps its turns in a file, and ours need not be remembered.
app.conf.beat_scheduler = "celery.beat:Scheduler"


@setup_logging.connect
def _keep_our_logging(**_signal: object) -> None:
    """Leave the handlers to settings.LOGGING, which lets no personal value through."""
    quiet()


@worker_init.connect
def _need_one_vault(**_signal: object) -> None:
    """Start no worker where keyring, database and anchor do not fit (Celery has set Django up by now)."""
    from audit import anchor
    from keys import keyring

    keyring.check_start()
    keyring.keyring().signers()
    anchor.check_start()


def quiet() -> None:
    """Say nothing about each of a million turns that went well."""
    for name in ("celery", "kombu", "amqp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Remarks that are true and change nothing here: the embedded broker has no host; and no turn
    # of ours has an ETA, which RabbitMQ's quorum queues could not delay on our exchange.
    for name in ("kombu.connection", "kombu.transport.native_delayed_delivery"):
        logging.getLogger(name).setLevel(logging.ERROR)


# Task and seconds between two. A turn that no worker took for so long is dropped, so that a
# worker that was away an hour finds one turn of each and not 3,600.
EVERY = {
    "revocation.drain": 1.0,
    "revocation.fold_activity": 2.0,
    "revocation.sweep_tally": 5.0,
    "revocation.end_run_out": 5.0,
    "revocation.resume_paused": 5.0,
    "revocation.close_overdue_requests": 5.0,
    "forgetting.forget": 30.0,
    "forgetting.release": 3600.0,
    "letters.send": 2.0,
    "letters.note_provisions": 5.0,
    "letters.forget": 3600.0,
    "revocation.escalate": 60.0,
    "revocation.purge": 3600.0,
    "keys.rotate": 3600.0,
    **({"sandbox.live": 1.0} if SANDBOX else {}),
}
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": max(5.0, seconds)}}
    for name, seconds in EVERY.items()
}
