"""A demo shows strangers no rows of data in which personal data was found, unless its owner decides so."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints.models import Endpoint
from webapp.runs import inputs
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
SECRET = "write to ada.lovelace@engines.example please"
FOUND = {"code": "personal_data", "severity": "warning", "message": "“text” holds e-mail addresses in 1 row."}


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    made.artifact.mkdir(parents=True)
    (made.artifact / "manifest.json").write_text("{}", "utf-8")
    (made.artifact / "examples.json").write_text(json.dumps([{"input": SECRET, "label": "a"}]), "utf-8")
    return made


def report(run: Run, **finding: Any) -> None:
    run.version.problems = [FOUND | finding]
    run.version.save()


OLD, NEW = {"examples": ["text: ⟨email⟩ ⟨name⟩"]}, {"columns": ["text"], "examples": ["text: ⟨email⟩"]}


@pytest.mark.parametrize("finding", [OLD, NEW])
def test_visitors_see_no_examples(run: Run, finding: dict[str, Any], client: Client) -> None:
    """Also of versions that were read before the finding named its columns."""
    demo = things.endpoint(run)
    path = reverse("demo", args=[demo.slug])
    assert SECRET in client.get(path).content.decode()
    report(run, **finding)
    for address in (path, f"{path}?example=0"):
        page = client.get(address)
        assert page.status_code == 200
        assert "lovelace" not in page.content.decode()
    assert client.get(reverse("demo_example", args=[demo.slug, 0])).status_code == 404


def test_examples_that_were_checked_are_shown(run: Run, client: Client) -> None:
    """The trainer chose texts without personal data."""
    report(run, **NEW)
    (run.artifact / "manifest.json").write_text('{"examples_checked": true}', "utf-8")
    assert inputs.personal_inputs(run) == []
    assert SECRET in client.get(reverse("demo", args=[things.endpoint(run).slug])).content.decode()


def test_columns_that_the_model_does_not_read_hide_nothing(run: Run) -> None:
    report(run, columns=["note", "label"], examples=["note: ⟨email⟩"])
    assert inputs.personal_inputs(run) == []


def test_the_share_page_says_so_and_its_owner_decides(
    run: Run, user: User, outsider: User, client: Client, client_of: ClientOf
) -> None:
    report(run, **NEW)
    share = reverse("share", args=[run.prototype_id])
    said = "Personal data was found in “text”, so the demo shows no examples from your data."
    assert said in " ".join(client_of(user).get(share).content.decode().split())
    demo = things.endpoint(run)
    assert said in " ".join(client_of(user).get(share).content.decode().split())
    decide, path = reverse("show_examples", args=[demo.pk]), reverse("demo", args=[demo.slug])
    assert client_of(outsider).post(decide, {"shown": "1"}).status_code == 404
    for shown in (True, False):
        client_of(user).post(decide, {"shown": str(int(shown))})
        assert Endpoint.objects.get().shows_personal is shown
        assert ("lovelace" in client.get(path).content.decode()) is shown
