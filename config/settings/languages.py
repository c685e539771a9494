"""Language and time."""

from datetime import timedelta

from config.settings.deployment import BASE_DIR, FACE, PRODUCTION

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
