"""The vault's settings, with the view beside it in the same process."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
