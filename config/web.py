"""The web server of `manage.py serve`: a process of its own that ends when its parent does.

The parent holds the other end of our standard input. When it goes, however it goes, the pipe
closes, and we stop: no orphan keeps the port, or serves beside the next start.
"""

import argparse
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.gate import Gate


def main() -> None:
    """Serve config.wsgi with one worker process until SIGTERM, or until the parent is gone."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    options = _parser().parse_args()
    threading.Thread(target=_stop_without_parent, daemon=True).start()
    Granian(
        "config.web:guarded",
        factory=True,
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=1,
        # Granian's own default would be 32 threads, each with a database connection.
        blocking_threads=options.threads,
        backlog=256,
        # Of a long body this much may wait in memory, for each sender.
        http1_settings=HTTP1Settings(max_buffer_size=64 * 1024),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
        log_level=LogLevels.warning,
    ).serve()


def guarded() -> "Gate":
    """Return the application, in a worker that ends when the server around it is gone."""
    server = os.getppid()
    threading.Thread(target=_stop_without, args=(server,), daemon=True).start()
    from config.wsgi import application

    return application


def _stop_without(server: int) -> None:
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)


def _stop_without_parent() -> None:
    # The bare descriptor: sys.stdin has a lock, which the forked worker would inherit held.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="config.web")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser


if __name__ == "__main__":
    main()
