"""How mail leaves the vault."""

from django.core.exceptions import ImproperlyConfigured

from config import env
from config.settings.deployment import SANDBOX, VAR_DIR

_MAIL_IN_FILES = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_BACKEND = env.text("EMAIL_BACKEND", _MAIL_IN_FILES)
if SANDBOX and EMAIL_BACKEND != _MAIL_IN_FILES:
    raise ImproperlyConfigured("EMAIL_BACKEND must not be set in a sandbox: no mail leaves it.")
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
DEFAULT_FROM_EMAIL = env.text("VAULT_MAIL_FROM", "vault@localhost")
