"""Tokens of models that write and what they cost, and what the owner tells such a model: for members alone."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.costs.gate import charge, line_of
from webapp.endpoints import actions, registry
from webapp.endpoints.models import Endpoint
from webapp.endpoints.usage import price_per_1000, used

SECRET = "Answer as a lighthouse keeper."
MINUTE = 60.0


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    run = things.run(things.prototype(workspace), task="text-generation")
    run.artifact.mkdir(parents=True)
    (run.artifact / "manifest.json").write_text(json.dumps({"task": "text-generation", "form": "chat"}), "utf-8")
    return things.endpoint(run)


def count(endpoint: Endpoint) -> None:
    minute = int(timezone.now().timestamp() // MINUTE)
    told: dict[str, Any] = {"slug": endpoint.slug, "key": "", "minute": minute, "requests": 2, "errors": 0, "rows": 2}
    registry.store([told | {"ms": 9.0, "prompt_tokens": 300, "completion_tokens": 500}, told | {"ms": 1.0}])


def test_tokens_are_summed_and_have_a_price(endpoint: Endpoint) -> None:
    assert price_per_1000(endpoint, 0) is None
    count(endpoint)
    line = line_of(endpoint) | {"kind": "hosting", "hardware": "endpoint"}
    charge(endpoint.workspace, key="k", seconds=3600, price=Decimal("0.02"), **line)
    totals = used(endpoint)
    assert (totals["requests"], totals["prompt_tokens"], totals["completion_tokens"]) == (4, 300, 500)
    assert price_per_1000(endpoint, totals["completion_tokens"]) == Decimal("0.04")


def test_members_see_tokens_and_the_system_prompt_and_visitors_do_not(
    client: Client, user: User, endpoint: Endpoint
) -> None:
    count(endpoint)
    actions.update(endpoint, user, {"system_prompt": SECRET})
    assert registry.record(endpoint, None)["system_prompt"] == SECRET
    demo = client.get(reverse("demo", args=[endpoint.slug]))
    assert demo.status_code == 200
    assert SECRET not in demo.content.decode()
    client.force_login(user)
    page = client.get(reverse("share", args=[endpoint.prototype_id])).content.decode()
    assert SECRET in page
    assert "Tokens written" in page
    assert "500" in page


def test_the_form_changes_it_and_clears_it(client: Client, user: User, endpoint: Endpoint) -> None:
    client.force_login(user)
    url = reverse("update_endpoint", args=[endpoint.pk])
    client.post(url, {"system_prompt": SECRET, "was_system_prompt": ""})
    endpoint.refresh_from_db()
    assert endpoint.system_prompt == SECRET
    client.post(url, {"system_prompt": "", "was_system_prompt": SECRET})
    endpoint.refresh_from_db()
    assert endpoint.system_prompt == ""
