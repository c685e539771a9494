"""A person with a pod, and another one."""

from collections.abc import Iterator

import pytest
from django.utils import translation

from accounts.models import User
from vault import pods
from vault.models import Pod


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner@example.org")


@pytest.fixture
def pod(owner: User) -> Pod:
    return pods.create(owner)


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger@example.org")


@pytest.fixture
def strangers_pod(stranger: User) -> Pod:
    return pods.create(stranger)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield
