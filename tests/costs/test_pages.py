"""What owners see of a budget that runs out, and how amounts are typed and said."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from tests.pages.test_refused_forms import Case, check
from webapp.accounts.models import Role, User, Workspace
from webapp.costs import gate
from webapp.costs.actions import set_budget
from webapp.costs.models import Budget, LedgerEntry, Rate
from webapp.costs.tables import plain
from webapp.costs.views import forecast_of, runs_out
from webapp.endpoints.models import Endpoint

LINE = {"kind": "training", "hardware": "cpu", "subject": "run", "subject_id": "r", "subject_name": "Run 1"}


@pytest.fixture
def browser(user: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(user)


@pytest.fixture
def demo(workspace: Workspace) -> Endpoint:
    return things.endpoint(things.run(things.prototype(workspace)))


def spend(workspace: Workspace, amount: str) -> None:
    gate.charge(workspace, key=amount, seconds=3600, price=Decimal(amount), **LINE)


def page(browser: Client, name: str, *args: Any) -> str:
    return html.unescape(browser.get(reverse(name, args=args)).content.decode())


def title(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
    assert found
    return " ".join(found[1].split())


def every_page(browser: Client, demo: Endpoint) -> list[str]:
    of_prototype = [page(browser, name, demo.prototype_id) for name in ("data", "runs", "share")]
    return [*of_prototype, *(page(browser, name) for name in ("home", "costs", "settings", "models", "workers"))]


def test_a_spent_budget_is_said_on_every_page(browser: Client, workspace: Workspace, demo: Endpoint) -> None:
    set_budget(workspace, "0.01")
    spend(workspace, "0.01")
    for text in every_page(browser, demo):
        assert "This month’s budget of $0.01 is spent." in text
        assert "Raise budget" in text
    assert title(page(browser, "share", demo.prototype_id)) == "Paused: the budget is spent"
    assert title(page(browser, "home")) == "1 paused by the budget"
    assert "Paused: budget" in page(browser, "home")
    assert '<span class="small care">paused</span>' in page(browser, "data", demo.prototype_id)
    assert "Live" not in page(browser, "share", demo.prototype_id).partition("<main")[2].partition("</h1>")[0]


def test_a_warning_comes_at_four_fifths(browser: Client, workspace: Workspace, demo: Endpoint) -> None:
    set_budget(workspace, 10)
    spend(workspace, "7.99")
    assert "Raise budget" not in page(browser, "home")
    spend(workspace, "0.01")
    for text in every_page(browser, demo):
        assert "$8.00 of this month’s $10 is spent." in " ".join(text.split())
    assert "Live" in title(page(browser, "share", demo.prototype_id))


def test_a_viewer_is_told_and_cannot_raise_it(browser: Client, workspace: Workspace) -> None:
    set_budget(workspace, 0)
    workspace.memberships.update(role=Role.VIEWER)
    text = page(browser, "costs")
    assert "is spent." in text
    assert "Raise budget" not in text


def test_the_api_says_that_the_budget_paused_it(
    user: User, api_of: Callable[[User], Client], workspace: Workspace, demo: Endpoint
) -> None:
    api = api_of(user)
    assert api.get(f"/api/v1/endpoints/{demo.slug}").json()["blocked"] is None
    set_budget(workspace, 0)
    assert api.get(f"/api/v1/endpoints/{demo.slug}").json()["blocked"] == "budget"
    assert [one["blocked"] for one in api.get("/api/v1/endpoints").json()["items"]] == ["budget"]


def test_amounts_are_confirmed_with_their_currency(browser: Client, workspace: Workspace) -> None:
    answer = browser.post(reverse("set_budget"), {"amount": "12.5"}, follow=True).content.decode()
    assert "The budget is now $12.50 a month." in answer
    rate = Rate.objects.get(workspace=workspace, hardware="cpu")
    answer = browser.post(reverse("set_rate", args=[rate.pk]), {"price": "0.09"}, follow=True).content.decode()
    assert "The price is now $0.09 an hour." in answer


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("1,5", "Write 1.5, with a point."),
        ("12,50", "Write 12.50"),
        ("1,234", "can mean 1234 or 1.234"),
        ("", "required"),
    ],
)
def test_a_refused_amount_stays_in_its_field(
    typed: str, error: str, user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    costs, rate = reverse("costs"), Rate.objects.get(workspace=workspace, hardware="cpu")
    check(client_of(user), Case(reverse("set_budget"), costs, {"amount": typed}, "amount", error))
    check(client_of(user), Case(reverse("set_rate", args=[rate.pk]), costs, {"price": typed}, "price", error))
    assert Budget.objects.get(workspace=workspace).amount == 60
    rate.refresh_from_db()
    assert rate.price_per_hour == Decimal("0.08925")


def test_small_sums_can_be_read(browser: Client, workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    for number in range(30):
        line = LINE | {"subject_id": f"r{number}", "subject_name": f"Run {number}", "prototype": prototype.pk}
        gate.charge(workspace, key=str(number), seconds=48, price=Decimal("0.08925"), prototype_name="idea", **line)
    text = page(browser, "costs")
    assert "under $" not in text
    assert "$0.0012" in text
    assert "22 more" in text
    assert "$0.089 an hour" in text
    assert not re.search(r"\$0\.\d{5}", text)
    LedgerEntry.objects.all().delete()
    gate.charge(workspace, key="tiny", seconds=48, price=Decimal("0.08925"), **LINE)
    assert title(page(browser, "costs")) == "Less than a cent this month"


@pytest.mark.parametrize(
    ("mark", "said"), [(0.0005, "0.0005"), (0.002, "0.002"), (0.5, "0.50"), (0.25, "0.25"), (2, "2"), (1500, "1,500")]
)
def test_an_axis_says_its_figures(mark: float, said: str) -> None:
    assert plain(mark) == said


def test_the_forecast_is_the_pace_until_now() -> None:
    now = timezone.now()
    start, end = now - timedelta(days=10), now + timedelta(days=20)
    forecast = forecast_of(Decimal(10), start, end)
    assert forecast
    assert round(forecast["amount"], 3) == 30
    assert runs_out(gate.Month(Decimal(10), Decimal(60), "USD"), forecast) is None
    day = runs_out(gate.Month(Decimal(10), Decimal(15), "USD"), forecast)
    assert day
    assert (day - now).days in (4, 5)
    assert forecast_of(Decimal(10), now - timedelta(hours=3), end) is None
    assert forecast_of(Decimal(10), start - timedelta(days=40), start) is None


def test_the_bar_of_every_page_reads_one_row(
    browser: Client, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    for number in range(50):
        gate.charge(workspace, key=str(number), seconds=1, price=Decimal(1), **LINE)
    browser.get(reverse("settings"))  # a session's first page writes down that it is there
    with django_assert_max_num_queries(12) as asked:
        browser.get(reverse("settings"))
    assert not any("costs_ledgerentry" in query["sql"] for query in asked.captured_queries)
