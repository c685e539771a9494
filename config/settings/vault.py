"""The vault's own: keys, log, categories, limits, and who runs it."""

from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import env
from config.settings.deployment import ORIGIN, PRODUCTION, SANDBOX, VAR_DIR

KEYRING_DIR = Path(env.text("VAULT_KEYRING", str(VAR_DIR / "keyring")))
if SANDBOX:
    KEYRING_REOPEN_EVERY = timedelta(seconds=2)  # keys that go away are missed at once
ANCHOR_DIR = Path(env.text("VAULT_ANCHOR", str(VAR_DIR / "anchor")))
# The name is in the database and in every checkpoint: by it a sandbox's log and a real one are
# told apart for good, and neither vault serves on the other's database.
LOG_ORIGIN = env.text(
    "VAULT_LOG_ORIGIN", ORIGIN.split("//")[1] + ("/sandbox" if SANDBOX else "/log")
)
if LOG_ORIGIN.endswith("/sandbox") != SANDBOX:
    raise ImproperlyConfigured("VAULT_LOG_ORIGIN ends in /sandbox in a sandbox and nowhere else.")
# Brands' endpoints must be public https addresses. Demo and tests open loopback, nothing else.
ALLOW_LOOPBACK_ENDPOINTS = env.flag("VAULT_ALLOW_LOOPBACK_ENDPOINTS", SANDBOX)
if PRODUCTION and ALLOW_LOOPBACK_ENDPOINTS:
    raise ImproperlyConfigured("VAULT_ALLOW_LOOPBACK_ENDPOINTS must be 0 in production.")
# An operator's own categories, beside the shipped ones.
CATEGORY_DIR = env.text("VAULT_CATEGORIES", "")
# How many calls a second one partner may make; twice as many may come at once.
# A sandbox is small, so that its limits can be reached.
PARTNER_RATE = env.number("VAULT_PARTNER_RATE", 50 if SANDBOX else 500, least=1)
# How many records one partner may bring on one day.
CONTRIBUTIONS_PER_DAY = env.number("VAULT_CONTRIBUTIONS_PER_DAY", 500 if SANDBOX else 1_000_000)
OPERATOR_NAME_KO = env.text("VAULT_OPERATOR_NAME_KO", "내정보금고 운영자")
OPERATOR_NAME_EN = env.text("VAULT_OPERATOR_NAME_EN", "Consent Vault operator")
OPERATOR_CONTACT = env.text("VAULT_OPERATOR_CONTACT", "privacy@localhost")
OPERATOR_PHONE = env.text("VAULT_OPERATOR_PHONE", "")
OPERATOR_OFFICER_KO = env.text("VAULT_OPERATOR_OFFICER_KO", "")
OPERATOR_OFFICER_EN = env.text("VAULT_OPERATOR_OFFICER_EN", "")
OPERATOR_ADDRESS_KO = env.text("VAULT_OPERATOR_ADDRESS_KO", "")
OPERATOR_ADDRESS_EN = env.text("VAULT_OPERATOR_ADDRESS_EN", "")
