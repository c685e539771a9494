"""The process that a test asks: its routes, its middleware, and a cache that has seen nobody yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from pytest_django import Settings


@contextmanager
def partner(settings: Settings, origin: str, routes: str = "config.urls_partner") -> Iterator[None]:
    """The door alone, with the slim middleware that it has in production."""
    with _serving(settings, origin, routes, settings.PARTNER_MIDDLEWARE):
        yield


@contextmanager
def whole(settings: Settings, origin: str) -> Iterator[None]:
    """Door and pages together, as the first run serves them."""
    with _serving(settings, origin, "config.urls", settings.PORTAL_MIDDLEWARE):
        yield


@contextmanager
def _serving(settings: Settings, origin: str, routes: str, middleware: list[str]) -> Iterator[None]:
    settings.ROOT_URLCONF = routes
    settings.MIDDLEWARE = middleware
    settings.ORIGIN = origin
    cache.clear()
    yield
    cache.clear()
