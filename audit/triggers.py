"""The database's own refusal to change the log, for PostgreSQL and for SQLite.

The third of three walls: no code path, querysets that refuse, triggers. Whoever owns the
database can take them down, and then the proofs speak. `install` may run again; a later
change of the list below is a migration that calls it again.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

MESSAGE = "the log is append-only"

# Tables from which nothing is changed or taken.
FROZEN = ("audit_entry", "audit_leaf", "audit_checkpoint")
# Other refusals: table, statement, and under which condition (None: always).
LIMITS: tuple[tuple[str, str, str | None], ...] = (
    ("audit_detail", "UPDATE", None),
    ("audit_quarantine", "DELETE", None),
    ("audit_logstate", "DELETE", None),
    ("audit_logstate", "UPDATE", "NEW.size < OLD.size OR NEW.origin <> OLD.origin"),
    ("audit_tile", "DELETE", None),
    # A tile only ever gets longer.
    (
        "audit_tile",
        "UPDATE",
        "OLD.width = 256 OR NEW.width < OLD.width OR NEW.level <> OLD.level OR NEW.n <> OLD.n"
        " OR substr(NEW.hashes, 1, OLD.width * 32) <> OLD.hashes",
    ),
)
NO_TRUNCATE = (
    *FROZEN, "audit_detail", "audit_quarantine", "audit_logstate", "audit_tile", "audit_pending",
)  # fmt: skip
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place."""
    remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for statement in _statements(connection.vendor).values():
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger away: for a migration backwards, and around a test's flush."""
    with connection.cursor() as cursor:
        for name, table in _tables(connection.vendor).items():
            where = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{where}")


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of triggers that ought to be there and are not, or are switched off."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit_%%' AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}
    return set(_tables(connection.vendor)) - there


def _tables(vendor: str) -> dict[str, str]:
    """Return the table of each trigger, by its name."""
    names = {f"{table}_no_{verb}": table for table in FROZEN for verb in ("update", "delete")}
    names |= {f"{table}_no_{verb.lower()}": table for table, verb, _ in LIMITS}
    if vendor == "postgresql":
        names |= {f"{table}_no_truncate": table for table in NO_TRUNCATE}
    return names


def _statements(vendor: str) -> dict[str, str]:
    conditions = {f"{table}_no_{verb.lower()}": when for table, verb, when in LIMITS}
    create = _on_postgresql if vendor == "postgresql" else _on_sqlite
    return {
        name: create(name, table, name.rpartition("_")[2].upper(), conditions.get(name))
        for name, table in _tables(vendor).items()
    }


def _on_postgresql(name: str, table: str, verb: str, when: str | None) -> str:
    # Without a condition once for each statement, so that even one that hits no row is refused.
    each = f"ROW WHEN ({when})" if when else "STATEMENT"
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION audit_refuse()"
    )


def _on_sqlite(name: str, table: str, verb: str, when: str | None) -> str:
    condition = f" WHEN {when}" if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table}{condition}"
        f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )
