"""What a visitor brings about is no fault of the site in its log."""

import importlib
import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.logs import NoUpgrades, OnlyFaults


def test_an_address_that_cannot_be_read_has_no_traceback(
    user: User, workspace: Workspace, api_of: Callable[[User], Client], caplog: pytest.LogCaptureFixture
) -> None:
    assert api_of(user).get("/api/v1/runs?cursor=%00").status_code == 400
    told = [one for one in caplog.records if one.name == "django.request"]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)]
    assert "A zero byte in the address" in told[0].getMessage()


def test_another_host_is_a_line_and_no_fault(db: None, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """On a public site each scanner that asks by address would leave a traceback."""
    settings.ALLOWED_HOSTS = ["maquette.example"]
    assert Client(headers={"Host": "10.0.0.1"}).get("/accounts/login/").status_code == 400
    told = [one for one in caplog.records if one.name == "django.security.DisallowedHost"]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)]


def test_handshakes_that_nobody_takes_leave_no_lines() -> None:
    (only,) = [one for one in logging.getLogger("uvicorn.error").filters if isinstance(one, NoUpgrades)]
    source = inspect.getsource(importlib.import_module("uvicorn.protocols.http.httptools_impl"))
    for words in NoUpgrades.UPGRADES:
        assert words in source, "uvicorn words it otherwise now"
        assert not only.filter(logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, words + " x", (), None))
    assert only.filter(
        logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, "Invalid HTTP request", (), None)
    )


def test_a_paused_demo_is_no_error(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)), status="off")
    assert Client().get(reverse("demo", args=[endpoint.slug])).status_code == 503
    assert {one.levelname for one in caplog.records if one.name == "django.request"} == {"WARNING"}


@pytest.mark.parametrize("status", [500, 503])
def test_a_fault_keeps_its_traceback(status: int) -> None:
    fault = (ValueError, ValueError("ours"), None)
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "%s", ("x",), fault)
    record.status_code = status
    assert OnlyFaults().filter(record)
    assert (record.levelname, record.exc_info) == ("ERROR", fault)
