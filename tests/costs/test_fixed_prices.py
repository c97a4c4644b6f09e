"""Prices that the operator fixes, and the highest budget: no workspace changes the one or passes the other."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts import limits
from webapp.accounts.models import User, Workspace
from webapp.core.prices import fixed_prices
from webapp.core.problems import BudgetSpent, Problem
from webapp.costs import actions, gate
from webapp.costs.models import Rate
from webapp.runs.models import Status
from webapp.runs.training import Training

FIXED = {"cpu": Decimal("0.5"), "gpu": Decimal("2.25")}


@pytest.fixture
def fixed(settings: Any) -> None:
    settings.RATES = FIXED


@pytest.mark.parametrize(
    ("hardware", "price"), [("cpu", "0.5"), ("gpu", "2.25"), ("gpu:4", "9"), ("endpoint", "0.02080")]
)
def test_they_count_whatever_the_workspace_had_set(
    workspace: Workspace, settings: Any, hardware: str, price: str
) -> None:
    for kind in ("cpu", "gpu"):
        actions.set_rate(workspace, kind, 0)
    settings.RATES = FIXED
    assert actions.price_per_hour(workspace, hardware) == Decimal(price)


@pytest.mark.parametrize("hardware", ["cpu", "gpu", "endpoint"])
def test_the_api_refuses_another_price(
    fixed: None, workspace: Workspace, user: User, api_of: Any, hardware: str
) -> None:
    before = list(Rate.objects.values("hardware", "price_per_hour"))
    for price in ("0", "0.01", "9"):
        answer = api_of(user).put(
            f"/api/v1/rates/{hardware}", {"price_per_hour": price}, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "prices_fixed")
        assert answer.json()["hint"]
    assert list(Rate.objects.values("hardware", "price_per_hour")) == before
    listed = {rate["hardware"]: rate for rate in api_of(user).get("/api/v1/rates").json()["items"]}
    assert listed["gpu"]["price_per_hour"] == "2.25"
    assert "operator" in listed["gpu"]["source"]
    assert "operator" not in listed["endpoint"]["source"]


def test_the_page_shows_whose_they_are(
    fixed: None, workspace: Workspace, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, rate = client_of(user), Rate.objects.filter(workspace=workspace, hardware="cpu").get()
    address = reverse("set_rate", args=[rate.pk])
    page = browser.get(reverse("costs")).content.decode()
    assert "set by the operator of this site" in page
    assert "The operator of this site sets the prices." in page
    assert address not in page
    refused = browser.post(address, {"price": "0"})
    assert refused.status_code == 403
    assert "The operator of this site sets the prices." in refused.content.decode()
    rate.refresh_from_db()
    assert rate.price_per_hour == Decimal("0.08925")


def test_a_run_is_charged_by_them(workspace: Workspace, settings: Any) -> None:
    actions.set_rate(workspace, "cpu", 0)
    run = things.run(things.prototype(workspace), status=Status.QUEUED)
    settings.RATES = FIXED
    work = Training.begin(run, [])
    assert work
    assert work.row.price_per_hour == Decimal("0.5")


def test_a_budget_has_a_ceiling(workspace: Workspace, user: User, api_of: Any, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"budget": 100}
    api = api_of(user)
    put = lambda amount: api.put("/api/v1/budget", {"amount": amount}, content_type="application/json")  # noqa: E731
    assert put("100").status_code == 200
    answer = put("100.01")
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (409, "workspace_limit", "budget")
    assert put("999999").status_code == 409
    assert put("0").status_code == 200


def test_a_budget_from_before_counts_as_the_ceiling(workspace: Workspace, settings: Any) -> None:
    actions.set_budget(workspace, 500)
    settings.LIMITS = settings.LIMITS | {"budget": 10}
    assert gate.month(workspace).budget == 10
    gate.charge(workspace, key="a", seconds=3600, price=Decimal(10), kind="training", hardware="cpu")
    with pytest.raises(BudgetSpent, match=r"\$10"):
        gate.check_budget(workspace)
    with pytest.raises(BudgetSpent):
        gate.reserve(workspace, "run:x", gate.Terms(Decimal(1)), Decimal(0))
    limits.set_limit(workspace, "budget", 20)
    assert gate.month(workspace).left == 10
    limits.set_limit(workspace, "budget", None)
    assert gate.month(workspace).budget == 500


def test_the_command_sets_it(workspace: Workspace, user: User) -> None:
    call_command("limits", "--workspace", user.email, "budget=5", stdout=StringIO())
    assert gate.month(workspace).budget == 5
    with pytest.raises(Problem, match="at most 5 a month"):
        actions.set_budget(workspace, 6)


def test_the_page_says_how_high_it_may_be(workspace: Workspace, user: User, client_of: Any) -> None:
    browser: Client = client_of(user)
    limits.set_limit(workspace, "budget", 40)
    page = browser.get(reverse("costs")).content.decode()
    assert "The operator of this site allows at most $40.00." in page
    refused = browser.post(reverse("set_budget"), {"amount": "41"}, follow=True)
    assert "at most 40 a month" in refused.content.decode()
    assert "$40.00" in browser.get(reverse("limits")).content.decode()


def test_a_page_asks_no_further_query_for_it(workspace: Workspace, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        gate.month(workspace)


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("", {}),
        (" cpu = 0.09 , gpu=0.80,", {"cpu": Decimal("0.09"), "gpu": Decimal("0.80")}),
        ("endpoint=0", {"endpoint": Decimal(0)}),
    ],
)
def test_as_they_are_written(text: str, prices: dict[str, Decimal]) -> None:
    assert fixed_prices(text) == prices


@pytest.mark.parametrize(
    "text", ["cpu", "cpu=", "tpu=1", "cpu=-1", "cpu=1,5", "cpu=1e9", "cpu=$1", "gpu:4=1", "cpu=0.123456"]
)
def test_anything_else_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="RATES looks like"):
        fixed_prices(text)
