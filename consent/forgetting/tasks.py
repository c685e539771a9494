"""What beat asks for. No task takes an argument, so nothing about anybody reaches a broker."""

from celery import shared_task

from audit import holds
from consent.forgetting import steps
from consent.revocation.tasks import until_done


@shared_task(name="forgetting.forget")
def forget() -> None:
    """Go on with what erasures still have to forget."""
    until_done(steps.forget_due)


@shared_task(name="forgetting.release")
def release() -> None:
    """Delete what no law keeps any longer."""
    until_done(holds.destroy_due)
