"""Typed reads of the environment. NAME or NAME_FILE (a path to a file holding the value), never both.

A setting that is missing or malformed stops the start with one sentence that says
which one, what is wrong and what would be right.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

_UNSET = object()
T = TypeVar("T")


def text(name: str, default: str | object = _UNSET) -> str:
    """Return the value of `name`, or of the file that `name`_FILE points at.

    Raises `ImproperlyConfigured` when both are set, when the file cannot be read,
    or when neither is set and there is no default.
    """
    value = os.environ.get(name)
    path = os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None
    if value is not None:
        return value
    if default is _UNSET:
        raise ImproperlyConfigured(f"{name} is not set; set {name} or {name}_FILE.")
    return str(default)


def flag(name: str, default: bool) -> bool:
    """Return a yes or no."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    raw = text(name, "1" if default else "0").strip().lower()
    if raw not in words:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {raw!r}.")
    return words[raw]


def number(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number not below `least`."""
    return _parsed(
        name, str(default), int, f"a whole number of at least {least}", lambda n: n >= least
    )


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without blanks."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    """Return one of `choices`."""
    return _parsed(name, default, str, " or ".join(choices), lambda word: word in choices)


def _parsed(
    name: str, default: str, parse: Callable[[str], T], wanted: str, good: Callable[[T], bool]
) -> T:
    raw = text(name, default)
    try:
        value = parse(raw)
        if good(value):
            return value
    except ValueError:
        pass
    raise ImproperlyConfigured(f"{name} must be {wanted}, not {raw!r}.")
