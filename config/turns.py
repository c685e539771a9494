"""How a worker takes a message: what is no turn of ours is thrown away, and the worker lives on.

Celery unpacks a message's body without looking at it. One that is no (args, kwargs, options)
ends the whole worker, goes back to the queue, and ends the next one.
"""

from collections.abc import Callable
from typing import Any

from celery import Task
from celery.exceptions import InvalidTaskError
from celery.worker import strategy

_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, LookupError)


class Turn(Task):  # type: ignore[type-arg]
    """A task whose messages are looked at before they are unpacked."""

    Strategy = "config.turns:careful"


def careful(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Return Celery's own handler for a task's messages, behind a look at each of them."""
    handle = strategy.default(task, app, consumer, **options)

    def handler(message: Any, body: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            need_turn(message.payload)
            return handle(message, body, *args, **kwargs)
        except _MALFORMED:
            raise InvalidTaskError("this is no turn of ours") from None

    return handler


def need_turn(payload: object) -> None:
    """Pass if a message asks for a task without an argument. Raises `InvalidTaskError`."""
    match payload:
        case [[], dict() as named, dict()] if not named:
            return
    raise InvalidTaskError("this is no turn of ours")
