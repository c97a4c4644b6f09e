"""A run's page shows what its model writes by now, escaped."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace


def test_what_a_model_writes_while_it_learns_is_shown_safely(
    workspace: Workspace, user: User, client_of: Callable[[User], Client]
) -> None:
    begun: list[dict[str, Any]] = [{"type": "stage", "name": "train", "state": "start"}]
    samples: list[dict[str, Any]] = [
        {"type": "sample", "step": epoch, "epoch": epoch, "prompt": "Where is it?", "text": f"<b>{epoch}</b>"}
        for epoch in range(1, 6)
    ]
    run = things.run(things.prototype(workspace), status="running", headline=None)
    things.write_events(run, *begun, *samples)
    answer = client_of(user).get(reverse("run", args=[run.pk])).content.decode()
    assert "What it writes by now" in answer
    assert answer.count("&lt;b&gt;") == 3, "the last few, escaped"
    assert answer.index("&lt;b&gt;5") < answer.index("&lt;b&gt;3")
    assert "Where is it?" in answer
