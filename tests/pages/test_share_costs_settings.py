"""Sharing, costs and settings: what each page says, and what its small forms change."""

import ast
import html
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import ApiToken, User, Workspace
from webapp.costs.gate import charge
from webapp.costs.models import Budget, LedgerEntry, Rate
from webapp.endpoints.models import Endpoint, EndpointVersion, Status
from webapp.endpoints.snippets import of_json
from webapp.runs.models import Run

Browser = Callable[[User], Client]
AWKWARD = """It's "here" at $5 \\ `now`, <b>元</b> 🙂
next line"""


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return things.run(things.prototype(workspace))


@pytest.fixture
def endpoint(run: Run) -> Endpoint:
    return things.endpoint(run)


@pytest.fixture
def browser(user: User, client_of: Browser) -> Client:
    return client_of(user)


def share(browser: Client, run: Run) -> str:
    answer = browser.get(reverse("share", args=[run.prototype_id]))
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def forms(endpoint: Endpoint) -> list[str]:
    """Addresses that only take a form."""
    key, link, version = endpoint.keys.get(), endpoint.links.get(), endpoint.current
    names = ("update_endpoint", "create_key", "create_link")
    own = [reverse(name, args=[endpoint.pk]) for name in names]
    return [
        *own,
        reverse("deploy", args=[version.run_id]),
        reverse("revoke_key", args=[key.pk]),
        reverse("revoke_link", args=[link.pk]),
        reverse("promote", args=[version.pk]),
        reverse("set_rate", args=[Rate.objects.filter(workspace=endpoint.workspace).first().pk]),
    ]


def test_a_form_is_not_a_page(endpoint: Endpoint, browser: Client) -> None:
    for path in [*forms(endpoint), reverse("set_budget"), reverse("update_profile"), reverse("create_token")]:
        page = browser.get(path)
        assert page.status_code == 405, path
        assert b"<h1" in page.content, path  # as after reloading a form that was refused: never an empty page


def test_an_outsider_changes_nothing(endpoint: Endpoint, outsider: User, client_of: Browser) -> None:
    browser = client_of(outsider)
    for path in forms(endpoint):
        assert browser.post(path).status_code == 404, path
    assert browser.get(reverse("endpoint_qr", args=[endpoint.pk])).status_code == 404


def test_a_stranger_changes_nothing(endpoint: Endpoint, client: Client) -> None:
    for path in forms(endpoint):
        answer = client.post(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/"), path


def test_a_finished_run_can_be_shared(run: Run, browser: Client) -> None:
    older = things.run(run.prototype, number=2)
    page = share(browser, run)
    assert page.count('class="btn primary"') == 1
    assert page.count("/deploy") == 1, "what visitors would see is shown of each run before it is shared"
    assert sum(f"?run={one.pk}" in page for one in (run, older)) == 1
    assert "$0.50 a day" in page


def test_nothing_to_share_leads_to_training(workspace: Workspace, browser: Client) -> None:
    run = things.run(things.prototype(workspace), status="failed", headline=None)
    page = share(browser, run)
    assert "Nothing to share yet" in page
    assert reverse("train", args=[run.prototype_id]) in page


@pytest.mark.parametrize("status", Status.values)
def test_the_title_says_how_the_demo_is(status: str, run: Run, endpoint: Endpoint, browser: Client) -> None:
    error = {"code": "export", "message": "The model could not be packaged."}
    Endpoint.objects.filter(pk=endpoint.pk).update(status=status, error=error if status == "failed" else None)
    title = re.search(r"<h1>(.*?)</h1>", share(browser, run), re.DOTALL)
    wanted = {"deploying": "Getting ready", "live": "Live", "off": "Paused", "failed": error["message"]}
    assert title
    assert wanted[status] in title[1]


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ({"engine": "onnx-int8", "accuracy_int8": 0.9, "agreement": 0.99}, "8-bit weights"),
        ({"engine": "onnx-fp32", "accuracy_int8": 0.8, "agreement": 1.0}, "lost more than half a point"),
        ({"engine": "onnx-fp32", "agreement": 1.0}, "The model with its full weights. It gave"),
    ],
)
def test_it_says_which_weights_answer(
    export: dict[str, object], said: str, run: Run, endpoint: Endpoint, browser: Client
) -> None:
    details = {"rows": 96, "accuracy_trained": 0.91} | export
    EndpointVersion.objects.update(engine=export["engine"], export=details)
    assert said in share(browser, run)


def test_a_new_key_is_shown_once(run: Run, endpoint: Endpoint, browser: Client) -> None:
    session = browser.session
    session[f"key:{endpoint.pk}"] = "mqe_new"
    session.save()
    assert "mqe_new" in share(browser, run)
    assert "mqe_new" not in share(browser, run)


def test_a_key_is_revoked(run: Run, endpoint: Endpoint, browser: Client) -> None:
    key = endpoint.keys.get()
    assert browser.post(reverse("revoke_key", args=[key.pk]))["Location"] == reverse("share", args=[run.prototype_id])
    assert not endpoint.keys.working().exists()
    assert "No keys yet." in share(browser, run)


def test_a_link_is_revoked_and_given_back(run: Run, endpoint: Endpoint, browser: Client) -> None:
    link = endpoint.links.get()
    path = reverse("revoke_link", args=[link.pk])
    demo = Client().get(reverse("demo", args=[endpoint.slug]), {"link": link.token})
    assert demo.status_code == 200
    Endpoint.objects.update(visibility="link")
    browser.post(path)
    assert Client().get(reverse("demo", args=[endpoint.slug]), {"link": link.token}).status_code != 200
    assert link.token not in share(browser, run)
    browser.post(path, {"restore": "1"})
    assert Client().get(reverse("demo", args=[endpoint.slug]), {"link": link.token}).status_code == 200
    assert link.token in share(browser, run)


def test_a_link_is_made_with_its_days(endpoint: Endpoint, browser: Client) -> None:
    browser.post(reverse("create_link", args=[endpoint.pk]), {"name": "Marta", "days": "7"})
    assert endpoint.links.get(name="Marta").expires_at


def test_what_visitors_say_is_only_text(run: Run, endpoint: Endpoint, browser: Client) -> None:
    endpoint.feedback.create(
        workspace=endpoint.workspace, input="<script>alert(1)</script>", output={"label": "a"}, verdict="down"
    )
    page = browser.get(reverse("share", args=[run.prototype_id])).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_the_example_survives_every_language() -> None:
    curl, python, script = of_json("http://site/e/x/predict", json.dumps(AWKWARD, ensure_ascii=False), "label")
    assert json.loads(shlex.split(curl)[-1]) == {"inputs": [AWKWARD]}
    quoted = curl.partition("-d ")[2]
    shell = subprocess.run(["sh", "-c", f"printf %s {quoted}"], capture_output=True, check=True, text=True)
    assert json.loads(shell.stdout) == {"inputs": [AWKWARD]}
    assigned = ast.parse(python).body[1]
    assert isinstance(assigned, ast.Assign)
    assert isinstance(assigned.value, ast.Call)
    assert json.loads(ast.literal_eval(assigned.value.args[0])) == [AWKWARD]
    literal = script.partition("inputs: [")[2].partition("] }),")[0]
    assert json.loads(literal) == AWKWARD


def test_the_qr_code_stands_on_white(endpoint: Endpoint, browser: Client) -> None:
    answer = browser.get(reverse("endpoint_qr", args=[endpoint.pk]))
    assert answer["Content-Type"] == "image/svg+xml"
    assert b"#fff" in answer.content


def test_the_costs_page_adds_up(run: Run, browser: Client, workspace: Workspace) -> None:
    common = {"prototype": run.prototype_id, "prototype_name": "idea"}
    of_run = {"subject": "run", "subject_id": run.pk, "subject_name": "Run 1", "kind": "training", "hardware": "cpu"}
    of_demo = {
        "subject": "endpoint",
        "subject_id": "x",
        "subject_name": "Try",
        "kind": "hosting",
        "hardware": "endpoint",
    }
    charge(workspace, key="a", seconds=3600, price=Decimal("2"), **common, **of_run)
    charge(workspace, key="b", seconds=7200, price=Decimal("0.5"), **common, **of_demo)
    page = html.unescape(browser.get(reverse("costs")).content.decode())
    title = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    assert title
    assert " ".join(title[1].split()).startswith("$3.00 this month")
    assert reverse("run", args=[run.pk]) in page
    assert "Demo “Try”" in page
    assert "the most was $3 on" in page


def test_a_month_without_a_charge(browser: Client) -> None:
    assert b"Nothing spent this month" in browser.get(reverse("costs")).content
    assert b"Nothing spent in March 2020" in browser.get(reverse("costs"), {"month": "2020-03"}).content
    assert browser.get(reverse("costs"), {"month": "never"}).status_code == 200


def test_a_past_month_has_no_forecast(browser: Client, workspace: Workspace) -> None:
    fields = {"kind": "data", "hardware": "cpu", "subject": "dataset", "subject_id": "x", "subject_name": "rows"}
    charge(workspace, key="old", seconds=3600, price=Decimal("2"), **fields)
    LedgerEntry.objects.update(created_at="2020-02-29T12:00:00Z")
    page = browser.get(reverse("costs"), {"month": "2020-02"}).content.decode()
    assert "$2.00 in February 2020" in page
    assert "No prototype" in page


def test_the_budget_is_set_from_the_page(browser: Client, workspace: Workspace) -> None:
    assert browser.post(reverse("set_budget"), {"amount": "75.5"})["Location"] == reverse("costs")
    assert Budget.objects.get(workspace=workspace).amount == Decimal("75.50")
    assert browser.post(reverse("set_budget"), {"amount": "a lot"}).status_code == 422
    assert Budget.objects.get(workspace=workspace).amount == Decimal("75.50")


def test_a_price_is_set_from_the_page(browser: Client, workspace: Workspace) -> None:
    rate = Rate.objects.get(workspace=workspace, hardware="cpu")
    path = reverse("set_rate", args=[rate.pk])
    assert browser.post(path, {"price": "0.12345"})["Location"] == reverse("costs")
    assert browser.post(path, {"price": "-1"}).status_code == 422
    rate.refresh_from_db()
    assert (rate.price_per_hour, rate.source) == (Decimal("0.12345"), "set by the owner")


def test_a_token_is_made_shown_once_and_revoked(browser: Client) -> None:
    browser.post(reverse("create_token"), {"name": "laptop"})
    token = ApiToken.objects.get()
    first, second = (browser.get(reverse("settings")).content.decode() for _ in range(2))
    assert 'id="token-text"' in first
    assert 'id="token-text"' not in second
    browser.post(reverse("revoke_token", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at


def test_the_profile_is_kept(browser: Client, user: User, workspace: Workspace) -> None:
    browser.post(reverse("update_profile"), {"email": "Ada@new.example"})
    browser.post(reverse("rename_workspace"), {"name": "Engine Room"})
    user.refresh_from_db()
    assert user.email == "ada@new.example"
    assert "<h1>Engine Room</h1>" in browser.get(reverse("settings")).content.decode()


def test_an_email_of_another_is_refused(browser: Client, outsider: User) -> None:
    answer = browser.post(reverse("update_profile"), {"email": outsider.email})
    assert answer.status_code == 422
