"""How a message reaches a person: by mail now; SMS and 알림톡 come in by the same port.

A short message may stand on a locked screen, so it names no brand and no kind of data, and it
is at most 90 bytes, what one SMS holds.
"""

from dataclasses import dataclass
from typing import Protocol

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.functional import cached_property

SHORT = 90  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one person."""

    mail: str
    subject: str  # shows on a locked screen too
    body: str
    short: str


class Sender(Protocol):
    """Takes messages for people. Raises `OSError` for one that was not taken."""

    def send(self, message: Message) -> None:
        """Hand a message on."""


class MailSender:
    """Sends by the mail server of the settings, over one connection while it is used."""

    def send(self, message: Message) -> None:
        """Hand a message to the mail server."""
        mail = EmailMessage(
            message.subject, message.body, to=[message.mail], connection=self._connection
        )
        if not mail.send():
            raise OSError("the mail server took nothing")

    @cached_property
    def _connection(self) -> BaseEmailBackend:
        return get_connection()


def current() -> Sender:
    """Return the sender that this vault uses."""
    return MailSender()
