"""What beat asks for, where there is a sandbox."""

from celery import shared_task

from sandbox import answering


@shared_task(name="sandbox.live")
def live() -> None:
    """Let the invented customers answer."""
    answering.live()
