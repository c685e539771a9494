"""Every setting, once. All values come from the environment; docs/settings.md lists them.

Nothing here is unsafe by default: without VAULT_ENV=production the vault runs on one
machine's loopback, with keys and a database of its own under `var/`.
"""

import operator
from datetime import timedelta
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import env, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

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

# Databases ---------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'vault.sqlite3'}")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600)}
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

# Applications ------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "accounts",
    "keys",
    "audit",
    "vault",
    "consent",
    "portal",
    "config",
    *(("sandbox",) if SANDBOX else ()),
    *(
        ()
        if FACE == "partner"
        else (
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "allauth.usersessions",
            "django_htmx",
            "django_cotton",
        )
    ),
]
# allauth insists on its middleware wherever it is installed, so the slim face does without both.
PARTNER_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.handlers.ProblemMiddleware",
]
PORTAL_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.common.middleware.PersonalPages",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.handlers.ProblemMiddleware",
]
MIDDLEWARE = PARTNER_MIDDLEWARE if FACE == "partner" else PORTAL_MIDDLEWARE
if SANDBOX:
    # Outermost: whatever answers, a page of an error included, says where it comes from.
    MIDDLEWARE = ["sandbox.marking.Marked", *MIDDLEWARE]
ROOT_URLCONF = "config.urls_partner" if FACE == "partner" else "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "portal.common.context.frame",
            ],
        },
    }
]

# Accounts ----------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# The second knows the sessions that it began itself; what the first refuses it is not asked.
AUTHENTICATION_BACKENDS = [
    "accounts.backends.Backend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["accounts.hashers.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "portal.customer.forms.accounts.SignUp",
    "reset_password": "portal.customer.forms.accounts.ResetPassword",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[내정보금고] "
ACCOUNT_USER_DISPLAY = operator.attrgetter("email")  # in mails to that very person
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
USERSESSIONS_TRACK_ACTIVITY = False
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
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

# Language and time -------------------------------------------------------------------
# Partners' programs are answered in English unless they ask for Korean; people in Korean first.
LANGUAGE_CODE = "en" if FACE == "partner" else "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]  # each in its own words, never translated
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
LANGUAGE_COOKIE_NAME = "__Host-language" if PRODUCTION else "language"
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
LANGUAGE_COOKIE_SECURE = PRODUCTION
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
FORMAT_MODULE_PATH = ["portal.formats"]
USE_TZ = True
TIME_ZONE = "Asia/Seoul"

# HTTP --------------------------------------------------------------------------------
SESSION_COOKIE_NAME = "__Host-sid" if PRODUCTION else "sid"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: []
    for name in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
STATIC_URL = "static/"
# One machine serves straight from the packages; production collects once, hashed and compressed.
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["consent.authentication.PartnerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["config.json.Renderer"],
    "DEFAULT_PARSER_CLASSES": ["config.json.Parser"],
    "EXCEPTION_HANDLER": "config.handlers.exception_handler",
    # No OPTIONS that describes our classes, no ?format= that turns a call into a 404.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}

# Celery ------------------------------------------------------------------------------
# Unset: the embedded broker, in the memory of `manage.py serve`. The database is the truth
# either way; a broker only says when to look.
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "memory://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Nobody steers a worker by way of the broker; and two workers on one machine need no names.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever; how often: config/brokers.py
if CELERY_BROKER_URL.startswith("memory"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {"polling_interval": 0.05}
elif CELERY_BROKER_URL.startswith("redis"):
    # Without the two intervals a killed worker's task comes back after 100 s, not after the timeout.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 60,
        "unacked_restore_interval": 3,
        "unacked_restore_throttle": 1,
    }
else:
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}

# The vault ---------------------------------------------------------------------------
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
CATEGORY_DIR = env.text(
    "VAULT_CATEGORIES", ""
)  # an operator's own categories, beside the shipped ones
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

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "formatters": {"plain": {"()": "config.logs.formatter"}},
    "root": {"handlers": ["console"], "level": env.text("VAULT_LOG_LEVEL", "INFO")},
}
