"""Log lines as JSON with an allow-list of fields, so that no personal value reaches a file by accident."""

import logging
from http.client import responses

import structlog

# A key that is not here is dropped: forgetting to add one loses a detail, never a secret.
ALLOWED = {
    "event", "level", "timestamp", "logger", "reason", "partner", "delivery", "grant",
    "attempt", "status", "seconds", "count", "size", "index", "path", "method", "error", "pid",
}  # fmt: skip

_QUOTING = ("django.request", "django.security", "django.server")


def keep_allowed(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Drop every field that is not on the allow-list."""
    return {key: value for key, value in event.items() if key in ALLOWED}


def say_only_what_we_wrote(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leave out what a caller wrote: Django's messages quote paths, hosts and field names.

    What remains is the sentence up to its first open place, or else the status in words. Paths of
    ours are quoted where we log ourselves.
    """
    record = event.get("_record")
    if record is None or not record.name.startswith(_QUOTING):
        return event
    status: int = getattr(record, "status_code", 0)
    # Without arguments the message was written out by then, with what a caller wrote inside.
    template = str(record.msg) if event.get("positional_args") else ""
    event["event"] = _before_places(template) or responses.get(status, "refused")
    if status:
        event["status"] = status
    return event


def _before_places(template: str) -> str:
    return template.partition("%")[0].rstrip(' (:"')


def formatter() -> logging.Formatter:
    """Return the formatter that all handlers share."""
    return structlog.stdlib.ProcessorFormatter(
        pass_foreign_args=True,
        foreign_pre_chain=[
            say_only_what_we_wrote,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
