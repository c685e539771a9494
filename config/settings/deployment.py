"""Which vault this is, what this process serves of it, and where it keeps what it has."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import env, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# local: one machine, loopback, plain HTTP. production: behind TLS, everything explicit.
ENV = env.one_of("VAULT_ENV", ("local", "production"), "local")
PRODUCTION = ENV == "production"
# A vault of invented customers for brands' engineers (docs/sandbox.md).
SANDBOX = env.flag("VAULT_SANDBOX", False)
if SANDBOX and PRODUCTION:
    raise ImproperlyConfigured("VAULT_SANDBOX must be 0 in production.")
VAR_DIR = Path(env.text("VAULT_VAR", str(BASE_DIR / "var" / ("sandbox" if SANDBOX else ""))))
# A process serves one face: the partner API with slim middleware, the portal, or both.
FACE = env.one_of("VAULT_FACE", ("all", "portal", "partner"), "all")
DEBUG = False

ORIGIN = env.text("VAULT_ORIGIN", "http://127.0.0.1:8000" if not PRODUCTION else env._UNSET)
if PRODUCTION and not ORIGIN.startswith("https://"):
    raise ImproperlyConfigured("VAULT_ORIGIN must start with https:// in production.")
ALLOWED_HOSTS = env.words(
    "VAULT_HOSTS", ORIGIN.split("//")[1].split(":")[0] + ",127.0.0.1,localhost"
)
CSRF_TRUSTED_ORIGINS = [ORIGIN]
# How many proxies of ours stand in front: whose word in X-Forwarded-For is taken for an address.
TRUSTED_PROXIES = ALLAUTH_TRUSTED_PROXY_COUNT = env.number("VAULT_TRUSTED_PROXIES", 0)
SECRET_KEY = secret_key.read(VAR_DIR, production=PRODUCTION)
