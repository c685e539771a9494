"""What the process is put together from: apps, middleware, routes, templates."""

from config.settings.deployment import FACE, SANDBOX

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
