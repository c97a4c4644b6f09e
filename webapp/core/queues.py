"""Handing work to Celery without depending on it: the database is the truth, a message only makes things quick."""

import logging
from collections.abc import Callable
from typing import ParamSpec, Protocol, cast

from celery import current_app, shared_task
from kombu import Connection
from kombu.pools import producers

log = logging.getLogger(__name__)
SOCKET_SECONDS = 0.5
"""What one answer of the broker may take. Its client asks about ten times, so a broker that hangs holds up who sends for eight
seconds. Workers, who wait for messages, have no such bound."""
POOL_SECONDS = 5.0


P = ParamSpec("P")


class Task(Protocol[P]):
    """A function that workers know by a name, which its messages carry."""

    name: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None: ...

    def apply_async(self, args: tuple[object, ...], **options: object) -> object: ...


def task(name: str) -> Callable[[Callable[P, None]], Task[P]]:
    """Register a function under a name. Messages that wait hold it, so it stays where the function moves."""

    def register(function: Callable[P, None]) -> Task[P]:
        return cast(Task[P], shared_task(name=name)(function))

    return register


def impatient(connection: Connection) -> Connection:
    """The same broker, given up when it hangs."""
    bounds = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
    return connection.clone(transport_options=connection.transport_options | bounds)


def enqueue(task: Task[...], *arguments: str, **options: object) -> bool:
    """Send one message, trying once; False when the broker is away or hangs, which a sweeper makes good later."""
    try:
        if current_app.conf.task_always_eager:
            task.apply_async(arguments, **options)
            return True
        with producers[impatient(current_app.connection_for_write())].acquire(
            block=True, timeout=POOL_SECONDS
        ) as producer:
            task.apply_async(arguments, retry=False, producer=producer, **options)
    except Exception as error:  # kombu raises its transport's own errors
        log.warning("%s was not sent: %s", task.name, error)
        return False
    return True
