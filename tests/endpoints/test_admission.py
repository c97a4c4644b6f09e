"""What strangers with every kind of link see: the demo, or a page in the founder's name that says why not."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.costs.models import Budget
from webapp.endpoints.models import Endpoint, ShareLink, Status, Visibility
from webapp.endpoints.serving_client import open_once, problem_of

MEMBERS_WORDS = ("your prototypes", "belongs to another workspace")


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    workspace.name = "Tern Pay"
    workspace.save()
    return things.endpoint(things.run(things.prototype(workspace)), visibility=Visibility.LINK)


@pytest.fixture
def link(endpoint: Endpoint) -> ShareLink:
    return endpoint.links.get()


def visit(endpoint: Endpoint, token: str = "", client: Client | None = None) -> tuple[int, str, Any]:
    answer = (client or Client()).get(reverse("demo", args=[endpoint.slug]), {"link": token} if token else {})
    return answer.status_code, answer.content.decode(), answer


def test_the_link_opens(endpoint: Endpoint, link: ShareLink) -> None:
    assert visit(endpoint, link.token)[0] == 200


def test_a_revoked_link_says_so(endpoint: Endpoint, link: ShareLink) -> None:
    ShareLink.objects.update(revoked_at=timezone.now())
    status, page, answer = visit(endpoint, link.token)
    assert status == 410
    assert "This link has been turned off" in page
    assert "Ask Tern Pay" in page
    assert answer["Cache-Control"] == "no-store"


def test_an_expired_link_says_so(endpoint: Endpoint, link: ShareLink) -> None:
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(days=1))
    status, page, _answer = visit(endpoint, link.token)
    assert (status, "This link has expired" in page, "Ask Tern Pay" in page) == (410, True, True)


def test_a_link_to_a_demo_for_members_says_so_and_leads_to_signing_in(endpoint: Endpoint, link: ShareLink) -> None:
    Endpoint.objects.update(visibility=Visibility.PRIVATE)
    status, page, _answer = visit(endpoint, link.token)
    assert (status, "Only members of Tern Pay can open this demo" in page) == (403, True)
    assert f"/accounts/login/?next=%2Fd%2F{endpoint.slug}%3Flink%3D{link.token}" in page


@pytest.mark.parametrize("visibility", [Visibility.LINK, Visibility.PUBLIC])
def test_a_paused_demo_says_so_at_load(visibility: str, endpoint: Endpoint, link: ShareLink) -> None:
    Endpoint.objects.update(visibility=visibility, status=Status.OFF)
    status, page, answer = visit(endpoint, link.token)
    assert (status, answer["Retry-After"]) == (503, "300")
    assert "This demo is paused" in page
    assert "Contact Tern Pay" in page
    assert "<form" not in page


def test_a_demo_paused_by_the_budget_speaks_of_no_money(endpoint: Endpoint, link: ShareLink) -> None:
    Budget.objects.filter(workspace=endpoint.workspace).update(amount=0)
    status, page, _answer = visit(endpoint, link.token)
    assert (status, "This demo is paused" in page, "budget" in page) == (503, True, False)


def test_a_demo_that_gets_ready_opens_by_itself(endpoint: Endpoint, link: ShareLink) -> None:
    Endpoint.objects.update(status=Status.DEPLOYING, current=None)
    status, page, answer = visit(endpoint, link.token)
    assert (status, answer["Refresh"], "getting ready" in page) == (503, "5", True)


@pytest.mark.parametrize("visibility", [Visibility.LINK, Visibility.PRIVATE])
@pytest.mark.parametrize("state", [Status.LIVE, Status.OFF])
@pytest.mark.parametrize("token", ["", "guessed"])
def test_without_a_link_it_looks_like_no_demo_at_all(
    visibility: str, state: str, token: str, endpoint: Endpoint
) -> None:
    Endpoint.objects.update(visibility=visibility, status=state)
    query = {"link": token} if token else {}
    there, nowhere = (Client().get(reverse("demo", args=[slug]), query) for slug in (endpoint.slug, "no-such-demo"))
    assert there.status_code == nowhere.status_code == 404
    shown, unknown = (answer.content.decode() for answer in (there, nowhere))
    strip = lambda page: page.replace(endpoint.slug, "").replace("no-such-demo", "").partition("?next=")[0]  # noqa: E731
    assert strip(shown) == strip(unknown)
    assert "Tern Pay" not in shown
    assert not [words for words in MEMBERS_WORDS if words in shown]


def test_a_link_of_another_demo_opens_nothing(endpoint: Endpoint, outsider: User) -> None:
    other = things.endpoint(things.run(things.prototype(outsider.workspaces.get())), slug="theirs")
    assert visit(endpoint, other.links.get().token)[0] == 404


def test_an_outsider_who_is_signed_in_is_a_stranger(endpoint: Endpoint, outsider: User, client_of: Any) -> None:
    status, page, _answer = visit(endpoint, client=client_of(outsider))
    assert (status, "Sign in" in page) == (404, False)


def test_a_member_sees_that_it_is_paused_too(endpoint: Endpoint, user: User, client_of: Any) -> None:
    Endpoint.objects.update(visibility=Visibility.PRIVATE)
    assert visit(endpoint, client=client_of(user))[0] == 200
    Endpoint.objects.update(status=Status.OFF)
    assert visit(endpoint, client=client_of(user))[0] == 503


def test_a_page_that_was_open_before_the_pause_is_told_beside_the_field(endpoint: Endpoint, link: ShareLink) -> None:
    Endpoint.objects.update(status=Status.OFF)
    sent = {"text": "hello", "link": link.token}
    answer = Client().post(reverse("demo", args=[endpoint.slug]), sent, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert (answer.status_code, "This demo is paused" in page, "<html" in page) == (200, True, False)


def test_an_answer_to_a_revoked_link_cannot_be_judged(endpoint: Endpoint, link: ShareLink) -> None:
    ShareLink.objects.update(revoked_at=timezone.now())
    answer = Client().post(reverse("demo_feedback", args=[endpoint.slug]), {"link": link.token, "token": "x"})
    assert (answer.status_code, "turned off" in answer.content.decode()) == (410, True)


def test_a_refusal_of_one_input_is_told_to_a_person() -> None:
    """What serving says to programs counts inputs from 0; a page has one."""
    import io
    import json
    import urllib.error
    from email.message import Message

    body = {
        "detail": "Input 0 is not a picture.",
        "code": "bad_input",
        "hint": "Counted from 0; mend it and send again.",
    }
    error = urllib.error.HTTPError("http://x", 422, "", Message(), io.BytesIO(json.dumps(body).encode()))
    problem = problem_of(error)
    assert (problem.message, problem.hint) == ("What you sent is not a picture.", "Change it, then ask again.")


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"outputs": []}')

    def log_message(self, *_arguments: object) -> None:
        pass


def test_a_page_asks_serving_past_any_proxy_of_the_environment(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question carries the internal token."""
    monkeypatch.setattr("urllib.request._opener", None)  # the library's own reads the environment at its first question
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        settings.SERVING_URL = f"http://127.0.0.1:{server.server_port}"
        assert json.load(open_once("/internal/predict", {}, "")) == {"outputs": []}
