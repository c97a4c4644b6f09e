"""What a visitor brings about is no fault of the site in its log."""

import logging
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.logs import OnlyFaults


def test_an_address_that_cannot_be_read_has_no_traceback(
    user: User, workspace: Workspace, api_of: Callable[[User], Client], caplog: pytest.LogCaptureFixture
) -> None:
    assert api_of(user).get("/api/v1/runs?cursor=%00").status_code == 400
    told = [one for one in caplog.records if one.name == "django.request"]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)]
    assert "A zero byte in the address" in told[0].getMessage()


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
