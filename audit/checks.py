"""System checks of the log."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections

from audit import triggers


@register(Tags.database)
def triggers_are_there(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report a database in which the log could be changed without a word.

    Runs with `check --database default` and before every `migrate`.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        try:
            if "audit_entry" not in connection.introspection.table_names():
                continue  # before the first migration
            missing = triggers.missing(connection)
        except DatabaseError:
            continue  # not reachable: another check's matter
        if missing:
            found.append(_report(alias, missing))
    return found


def _report(alias: str, missing: set[str]) -> Error:
    return Error(
        f"Database {alias!r} lets the log be changed: {', '.join(sorted(missing))} missing.",
        hint="Run `manage.py migrate audit 0001 --fake` and then `manage.py migrate audit`.",
        id="audit.E001",
    )
