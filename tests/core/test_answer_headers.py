"""What is for one person is kept by nobody on the way, and no other site draws it into its pages."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints.models import Visibility

ClientOf = Callable[[User], Client]


@pytest.mark.parametrize("name", ["home", "settings", "costs", "workers", "new_prototype"])
def test_a_signed_in_page_is_kept_by_nobody(name: str, user: User, client_of: ClientOf) -> None:
    answer = client_of(user).get(reverse(name))
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/datasets", "/api/v1/nothing"])
def test_nor_is_an_answer_of_the_api(path: str, user: User, client_of: ClientOf, api_of: ClientOf) -> None:
    for client in (client_of(user), api_of(user), Client()):
        assert client.get(path)["Cache-Control"] == "no-store"


def test_a_page_for_everybody_may_be_kept(user: User, workspace: Workspace) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)), visibility=Visibility.PUBLIC)
    for path in (reverse("demo", args=[endpoint.slug]), "/healthz"):
        answer = Client().get(path)
        assert answer.status_code == 200
        assert answer.get("Cache-Control", "") != "no-store"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_says_otherwise_itself_keeps_its_word(user: User, client_of: ClientOf, workspace: Workspace) -> None:
    """Pictures of a dataset: a browser may keep them, nobody between."""
    from django.http import HttpResponse
    from django.test import RequestFactory

    from webapp.core.middleware import answer_headers

    request = RequestFactory().get("/api/v1/x")
    answer = answer_headers(lambda _request: HttpResponse(headers={"Cache-Control": "private, max-age=60"}))(request)
    assert answer["Cache-Control"] == "private, max-age=60"
