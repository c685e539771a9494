"""The database, and the cache beside it."""

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.settings.deployment import FACE, SANDBOX, VAR_DIR

DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'vault.sqlite3'}")
try:
    DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600)}
except ValueError:
    # What was there may hold a password: it is not repeated.
    raise ImproperlyConfigured(
        "DATABASE_URL must be like postgres://user:password@host:5432/name or sqlite:////path/to/file."
    ) from None
DATABASES["default"]["TEST"] = {"NAME": env.text("TEST_DATABASE_NAME", "") or None}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue at BEGIN, and a commit that returned survives a power cut:
        # with NORMAL a signed checkpoint could be rolled back.
        "transaction_mode": "IMMEDIATE",
        "timeout": 5 if SANDBOX else 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
    }
else:
    # A partner's read waits at most this long for a row lock, then answers 503.
    lock_timeout = "1s" if FACE == "partner" or SANDBOX else "10s"
    DATABASES["default"]["OPTIONS"] = {
        # Planned once per connection: without these two every read plans its joins again.
        "server_side_binding": True,
        "prepare_threshold": 1,
        "options": f"-c lock_timeout={lock_timeout} -c timezone=UTC",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHE_URL = env.text("CACHE_URL", "")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache"
        if CACHE_URL
        else "django.core.cache.backends.locmem.LocMemCache",
        # In memory as much as a minute of proofs is kept (consent/oauth/seen.py); the default of
        # 300 would forget them, and a forgotten proof counts twice.
        # One that does not answer may not hold the threads that ask it.
        **(
            {"LOCATION": CACHE_URL, "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1}}
            if CACHE_URL
            else {"OPTIONS": {"MAX_ENTRIES": 200_000}}
        ),
    }
}
