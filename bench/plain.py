"""Celery alone, as one would write it in an afternoon: a task per event that posts it."""

import http.client
import os
from urllib.parse import urlsplit

from celery import Celery

app = Celery("plain", broker=os.environ.get("BENCH_PLAIN_BROKER", "memory://"))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_default_queue="bench-plain",
    task_default_queue_type="quorum",
    broker_transport_options={"confirm_publish": True},
    worker_hijack_root_logger=False,
)


@app.task(name="plain.post")
def post(url: str, body: str) -> None:
    """Post one event; whether it arrived is nobody's business."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=15)
    try:
        connection.request("POST", parts.path, body, {"Connection": "close"})
        connection.getresponse().read()
    finally:
        connection.close()
