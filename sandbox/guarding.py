"""Keeps invented customers and real ones apart: one database never holds both."""

from django.conf import settings
from django.db import connection

from accounts.adapter import FICTION
from accounts.models import User
from audit.models import LogState


class NotASandbox(Exception):
    """This is no place for invented customers."""


def need_sandbox() -> None:
    """Pass if the settings are a sandbox's, and the database is empty or one's. Raises `NotASandbox`.

    Nothing is written, so that it can be asked before the tables are made or changed.
    """
    if not settings.SANDBOX:
        raise NotASandbox("Set VAULT_SANDBOX=1: it gives the sandbox a folder and keys of its own.")
    tables = set(connection.introspection.table_names())
    if LogState._meta.db_table in tables and _is_other_log():
        raise NotASandbox("This database holds the log of a vault that is no sandbox.")
    if User._meta.db_table in tables and _has_strangers():
        raise NotASandbox("This database has customers who are not invented.")


def _is_other_log() -> bool:
    return LogState.objects.exclude(origin__endswith="/sandbox").exists()


def _has_strangers() -> bool:
    people = User.objects.filter(is_staff=False)
    return people.exclude(email__iendswith=FICTION).exists()
