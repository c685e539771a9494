"""Every setting, once. All values come from the environment; docs/settings.md lists them.

Nothing here is unsafe by default: without VAULT_ENV=production the vault runs on one
machine's loopback, with keys and a database of its own under `var/`.
"""

from config.settings.accounts import *
from config.settings.applications import *
from config.settings.celery import *
from config.settings.databases import *
from config.settings.deployment import *
from config.settings.http import *
from config.settings.languages import *
from config.settings.logging import *
from config.settings.mail import *
from config.settings.vault import *
