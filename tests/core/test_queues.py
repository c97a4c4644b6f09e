"""A broker that hangs holds up nobody for long."""

import socket
import time

import pytest
from kombu import Connection

from webapp.core import queues
from webapp.runs.tasks import sweep


def test_a_broker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, as a stopped process does by its kernel, and says nothing."""
    monkeypatch.setattr(queues, "SOCKET_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = Connection(f"redis://127.0.0.1:{port}/0", transport_options={"socket_timeout": None})
        monkeypatch.setattr(queues.current_app, "connection_for_write", lambda: asked)
        started = time.monotonic()
        assert not queues.hand_over(sweep)
        assert time.monotonic() - started < 10
    assert asked.transport_options == {"socket_timeout": None}, "a worker's own connection waits for as long as it must"
