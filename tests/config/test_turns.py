"""What is no turn of ours is thrown away; it never ends the worker that took it (fault 33)."""

import pytest
from celery.exceptions import InvalidTaskError

from config import turns
from config.celery import app


@pytest.mark.parametrize("payload", [[[], {}, {}], ([], {}, {})])
def test_a_turn_is_taken(payload: object) -> None:
    turns.need_turn(payload)


@pytest.mark.parametrize(
    "payload",
    [None, "", {}, [], [[]], [[], {}], [[1], {}, {}], [[], {"a": 1}, {}], [[], {}, None], 7],
    ids=repr,
)
def test_what_is_none_is_refused(payload: object) -> None:
    with pytest.raises(InvalidTaskError):
        turns.need_turn(payload)


def test_every_task_looks_at_its_messages_first() -> None:
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    assert {task.Strategy for task in ours} == {"config.turns:careful"}


def test_no_worker_can_be_steered_by_way_of_the_broker() -> None:
    assert app.conf.worker_enable_remote_control is False
