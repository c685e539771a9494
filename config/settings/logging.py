"""Log lines; what a line may say is in `config/logs.py`."""

from config import env

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "formatters": {"plain": {"()": "config.logs.formatter"}},
    "root": {"handlers": ["console"], "level": env.text("VAULT_LOG_LEVEL", "INFO")},
}
