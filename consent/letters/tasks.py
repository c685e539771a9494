"""What beat asks for. No task takes an argument, so nothing about anybody reaches a broker."""

from celery import shared_task

from consent.letters import provisions, sending
from consent.revocation.tasks import until_done


@shared_task(name="letters.send")
def send() -> None:
    """Send the letters that are due."""
    until_done(sending.send_due)


@shared_task(name="letters.note_provisions")
def note_provisions() -> None:
    """Owe owners the news of location that went to brands."""
    until_done(provisions.note_provisions)


@shared_task(name="letters.forget")
def forget() -> None:
    """Forget letters that were sent long ago."""
    until_done(sending.forget)
