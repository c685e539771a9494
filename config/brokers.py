"""How the vault holds on to its broker: it comes back soon after the broker does, and never gives up.

Celery waits two seconds longer after every failed try, up to thirty, and after a hundred of them
its worker ends. Events that became due while a broker was away are promised within thirty
seconds of its return.
"""

from typing import Any, Self

from celery.app import amqp
from kombu import Connection

FIRST_WAIT, LONGER_BY, LONGEST_WAIT = 0.5, 0.5, 3.0  # seconds; ours alone, so nobody is stampeded


class Persistent(Connection):
    """A connection that is tried anew every few seconds."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        """Return once there is a connection; what the caller says of its waits is overruled."""
        waits = {
            "interval_start": FIRST_WAIT,
            "interval_step": LONGER_BY,
            "interval_max": LONGEST_WAIT,
        }
        return super().ensure_connection(*args, **kwargs | waits)


class AMQP(amqp.AMQP):
    """Celery's ways to speak to a broker, on such a connection."""

    Connection = Persistent
