"""Wires the house together: settings, URLs, Celery, errors as HTTP. Nothing imports it."""
