"""A broker that hangs holds up nobody for long; each kind of work has a task of the name that its rows are sent by."""

import socket
import time

import pytest
from celery import current_app
from django.utils.module_loading import import_string
from kombu import Connection

from webapp.core import queues
from webapp.core.work import Work
from webapp.datasets.reading import Reading
from webapp.endpoints.packaging import Packaging
from webapp.labelling.guiding import Guiding
from webapp.runs.estimates import Measuring
from webapp.runs.previews import Drawing
from webapp.runs.searching import Searching
from webapp.runs.tasks import sweep
from webapp.runs.training import Training

KINDS: list[type[Work]] = [Training, Searching, Measuring, Drawing, Reading, Packaging, Guiding]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_work_is_done_by_the_task_that_its_rows_name(kind: type[Work]) -> None:
    name = kind.model.TASK
    assert import_string(name).name == name
    assert current_app.tasks[name].run("no such row") is None


def test_a_broker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, as a stopped process does by its kernel, and says nothing."""
    monkeypatch.setattr(queues, "SOCKET_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = Connection(f"redis://127.0.0.1:{port}/0", transport_options={"socket_timeout": None})
        monkeypatch.setattr(queues.current_app, "connection_for_write", lambda: asked)
        started = time.monotonic()
        assert not queues.enqueue(sweep)
        assert time.monotonic() - started < 10
    assert asked.transport_options == {"socket_timeout": None}, "a worker's own connection waits for as long as it must"
