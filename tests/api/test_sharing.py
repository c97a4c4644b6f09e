"""A demo made through the API opens for whom the page's demo would, and says so where it opens for nobody."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints.forms import ShareForm
from webapp.endpoints.models import Endpoint, ShareLink
from webapp.runs.models import Run

ApiOf = Callable[[User], Client]
SLUG = "the-demo"


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    (made.artifact / "onnx").mkdir(parents=True)
    (made.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-int8", "agreement": 1.0}))
    (made.artifact / "manifest.json").write_text(json.dumps({"inputs": [{"name": "text", "kind": "text"}]}))
    (made.artifact / "report.json").write_text("{}")
    return made


@pytest.fixture
def api(user: User, api_of: ApiOf) -> Client:
    return api_of(user)


def share(api: Client, run: Run, **wishes: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/endpoints", {"run": run.pk, "slug": SLUG} | wishes, content_type="application/json")
    assert answer.status_code == 201
    return answer.json()


def status_for_a_stranger(url: str) -> int:
    address = urlsplit(url)
    return Client().get(f"{address.path}?{address.query}").status_code


def test_what_is_made_by_default_opens_for_strangers(api: Client, run: Run) -> None:
    made = share(api, run)
    assert made["visibility"] == ShareForm().fields["visibility"].initial == "link"
    assert made["opens"] is True
    assert status_for_a_stranger(made["demo_url"]) == 200
    (link,) = api.get(f"/api/v1/endpoints/{SLUG}/links").json()["items"]
    assert link["url"] == made["demo_url"]
    assert link["opens"] is True


@pytest.mark.parametrize(("visibility", "opens"), [("private", False), ("link", True), ("public", True)])
def test_opens_is_what_a_stranger_finds(visibility: str, opens: bool, api: Client, run: Run) -> None:
    made = share(api, run, visibility=visibility)
    (link,) = api.get(f"/api/v1/endpoints/{SLUG}/links").json()["items"]
    for shown, url in ((made, made["demo_url"]), (link, link["url"])):
        assert shown["opens"] is opens
        assert (status_for_a_stranger(url) == 200) is opens


@pytest.mark.parametrize(("visibility", "opens"), [("link", False), ("public", True)])
@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_a_link_that_has_ended_does_not_pass_for_one(
    ended: str, visibility: str, opens: bool, api: Client, run: Run
) -> None:
    share(api, run, visibility=visibility)
    ShareLink.objects.update(**{ended: timezone.now()})
    told = api.get(f"/api/v1/endpoints/{SLUG}").json()
    (listed,) = api.get("/api/v1/endpoints").json()["items"]
    (link,) = api.get(f"/api/v1/endpoints/{SLUG}/links").json()["items"]
    assert told["opens"] is listed["opens"] is link["opens"] is opens
    assert (status_for_a_stranger(link["url"]) == 200) is (status_for_a_stranger(told["demo_url"]) == 200) is opens


def test_deploying_again_leaves_who_may_open_it(api: Client, run: Run) -> None:
    share(api, run, visibility="private")
    answer = api.post("/api/v1/endpoints", {"run": run.pk}, content_type="application/json")
    assert answer.json()["visibility"] == "private"
    assert Endpoint.objects.get().visibility == "private"
