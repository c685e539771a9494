"""What a run needs, and what it ran on."""

import os
import platform
import shutil

import psycopg
from psycopg import sql


def missing() -> str | None:
    """Return what the bench needs and does not find, in words; None when all is there."""
    if not shutil.which("wrk"):
        return "wrk (Debian: apt-get install wrk)"
    try:
        psycopg.connect(_dsn(os.environ["BENCH_ADMIN_URL"]), connect_timeout=3).close()
    except psycopg.OperationalError:
        place = os.environ["BENCH_ADMIN_URL"].split("@")[-1]
        return f"PostgreSQL at {place} (or DATABASE_URL set to another)"
    return None


def make_database() -> None:
    """Make the bench's database where there is none."""
    with psycopg.connect(_dsn(os.environ["BENCH_ADMIN_URL"]), autocommit=True) as admin:
        name = os.environ["BENCH_DATABASE"]
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def stated() -> dict[str, object]:
    """Return the conditions of this run."""
    with psycopg.connect(_dsn(os.environ["DATABASE_URL"])) as connection:
        settings = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("server_version", "synchronous_commit", "fsync", "shared_buffers")
        }
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "postgresql": settings,
        "server": "granian, WSGI, everything on this machine",
    }


def _dsn(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)
