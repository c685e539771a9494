"""Brokers of the storm's own: a RabbitMQ node and a Redis."""

from collections.abc import Callable
from pathlib import Path

import redis
from kombu import Connection

from tests.chaos.servers import Process, Server, free_port, postgres_program, program

RABBITMQ_FOLDERS = (
    Path("/usr/lib/rabbitmq/bin"),
    Path("/usr/local/sbin"),
    Path("/opt/rabbitmq/sbin"),
)


class Broker(Server):
    """What a broker of either kind can suffer."""

    @property
    def url(self) -> str:
        """What CELERY_BROKER_URL is to say."""
        raise NotImplementedError

    def flush(self, queue: str) -> None:
        """Take away everything that waits in it."""
        raise NotImplementedError


class RabbitMQ(Broker):
    """A node of its own, with its own name, cookie and port mapper."""

    name = "rabbitmq"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "rabbitmq")
        self._server, self._epmd = program("rabbitmq-server", RABBITMQ_FOLDERS), program("epmd", ())
        (self.directory / "plugins").write_text("[].")
        (self.directory / "rabbitmq.conf").write_text("log.console = false\n")
        (self.directory / "none").touch()
        self._mapper_port = free_port()
        self._mapper = self._run(
            self._epmd, "-address", "127.0.0.1", "-port", str(self._mapper_port)
        )
        self._between = free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def flush(self, queue: str) -> None:
        with Connection(self.url) as broker:
            broker.channel().queue_purge(queue)

    def close(self) -> None:
        super().close()
        self._mapper.kill()
        self._mapper.wait()

    def _begin(self) -> Process:
        here = self.directory
        return self._run(
            self._server,
            ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(self._mapper_port),
            RABBITMQ_NODENAME="storm@localhost",
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(self._between),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
            RABBITMQ_MNESIA_BASE=str(here / "data"),
            RABBITMQ_LOG_BASE=str(here / "log"),
            RABBITMQ_LOGS=str(here / "log" / "node.log"),
            RABBITMQ_CONF_ENV_FILE=str(here / "none"),
            RABBITMQ_CONFIG_FILE=str(here / "rabbitmq"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(here / "plugins"),
            RABBITMQ_PID_FILE=str(here / "pid"),
        )

    def _answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=2) as broker:
                broker.connect()
        except Exception:  # noqa: BLE001 - whatever it says while it comes up, it is not up
            return False
        return True


class Redis(Broker):
    """A Redis that writes down every command, so that the canary can be looked for."""

    name = "redis"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "redis")
        self._server = program("redis-server", ())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self, queue: str) -> None:
        # All of it: a FLUSHALL knows no queues.
        with redis.Redis(port=self.port) as server:
            server.flushall()

    def _begin(self) -> Process:
        return self._run(
            self._server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "yes", "--dir", str(self.directory),
        )  # fmt: skip

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=2) as server:
                return bool(server.ping())
        except redis.RedisError:
            return False


def need() -> None:
    """Pass if every program of the storm is installed. Raises `Missing`."""
    checks: tuple[Callable[[], str], ...] = (
        lambda: postgres_program("initdb"), lambda: program("redis-server", ()),
        lambda: program("rabbitmq-server", RABBITMQ_FOLDERS), lambda: program("epmd", ()),
    )  # fmt: skip
    for check in checks:
        check()
