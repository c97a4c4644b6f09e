"""What the costs page is made of, without the page: months, prices, sums by prototype, what a run may spend."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone, translation

from webapp.accounts.models import User, Workspace
from webapp.costs import gate, reports, tables
from webapp.costs.actions import price_per_hour, set_rate
from webapp.costs.models import LedgerEntry, Rate
from webapp.costs.views import month_bounds

ONE = Decimal(1)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def charged(workspace: Workspace, amount: str, when: datetime, **fields: str) -> LedgerEntry:
    number = LedgerEntry.objects.count()
    defaults = {
        "kind": "training", "hardware": "cpu", "prototype": "p1", "prototype_name": "idea", "subject": "run",
        "subject_id": f"r{number}", "subject_name": f"Run {number}",
    }  # fmt: skip
    line = LedgerEntry.objects.create(
        workspace=workspace,
        key=str(number),
        amount=Decimal(amount),
        price_per_hour=ONE,
        seconds=60,
        **defaults | fields,
    )
    LedgerEntry.objects.filter(pk=line.pk).update(created_at=when)
    return line


# Months


@pytest.mark.parametrize(
    ("month", "days"), [("2024-02", 29), ("2025-02", 28), ("2025-12", 31), ("2020-01", 31), ("2025-4", 30)]
)
def test_a_month_ends_where_the_next_begins(month: str, days: int) -> None:
    start, end = month_bounds(month)
    assert (end - start).days == days
    assert start == datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    assert (end.day, end.hour) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025",
        "2025-13",
        "2025-00",
        "2019-12",
        "0-1",
        "-5",
        "9999-12",
        "99999999999-1",
        "2025-1-1",
        "a-b",
        "2025-1e0",
        "\x00",
    ],
)
def test_what_is_no_month_is_this_one(text: str) -> None:
    start, end = month_bounds(text)
    assert start <= timezone.now() < end


# Prices


@pytest.mark.parametrize(
    ("hardware", "price"), [("cpu", "2"), ("gpu", "3"), ("gpu:1", "3"), ("gpu:8", "24"), ("tpu", "0"), ("", "0")]
)
def test_so_many_devices_cost_so_many_times_one(hardware: str, price: str, workspace: Workspace) -> None:
    for kind, one in (("cpu", "2"), ("gpu", "3")):
        set_rate(workspace, kind, one)
    assert price_per_hour(workspace, hardware) == Decimal(price)


def test_a_price_is_of_one_workspace(workspace: Workspace, outsider: User) -> None:
    set_rate(workspace, "cpu", "7", title="x" * 500)
    assert len(Rate.objects.get(workspace=workspace, hardware="cpu").title) == 120
    assert price_per_hour(outsider.workspaces.get(), "cpu") == Decimal("0.08925")


@pytest.mark.parametrize(
    ("seconds", "price", "cost"),
    [
        (0, "1", "0"),
        (3600, "0.08925", "0.08925"),
        (0.0004, "1", "0"),
        (0.001, "1", "0.0000003"),
        (1e9, "100", "27777777.7777778"),
    ],
)
def test_time_at_a_price(seconds: float, price: str, cost: str) -> None:
    assert gate.cost_of(seconds, Decimal(price)) == Decimal(cost)


@pytest.mark.parametrize(
    ("spent", "left", "is_spent", "is_low"),
    [
        ("0", "60", False, False), ("47.99", "12.01", False, False), ("48", "12", False, True), ("59.9999999", "0.0000001", False, True),
        ("60", "0", True, False), ("61", "0", True, False),
    ],
)  # fmt: skip
def test_a_month_s_money(spent: str, left: str, is_spent: bool, is_low: bool) -> None:
    month = gate.Month(Decimal(spent), Decimal(60), "USD")
    assert (month.left, month.is_spent, month.is_low) == (Decimal(left), is_spent, is_low)


def test_a_budget_of_nothing_is_spent_from_the_first() -> None:
    assert gate.Month(Decimal(0), Decimal(0), "USD").is_spent


@pytest.mark.parametrize(
    ("limit", "likely", "cost", "wanted"),
    [
        ("5", None, "0", "5"), ("5", "9", "2", "3"), ("5", None, "7", "0"),
        (None, "4", "1", "3"), (None, "4", "4", None), (None, None, "0", None), ("0", None, "0", "0"),
    ],
)  # fmt: skip
def test_what_a_run_sets_aside(limit: str | None, likely: str | None, cost: str, wanted: str | None) -> None:
    """Its limit, else what it is thought to take, else some minutes at a time."""
    terms = gate.Terms(ONE, *(None if value is None else Decimal(value) for value in (limit, likely)))
    minutes = gate.cost_of(gate.OPEN_ENDED_SECONDS, ONE)
    assert terms.wanted(Decimal(cost)) == (minutes if wanted is None else Decimal(wanted))
    assert terms.least(Decimal(cost)) <= terms.one_beat


@pytest.mark.parametrize(("limit", "most"), [("4", "5"), ("0", None), ("0.01", None)])
def test_finishing_may_take_a_quarter_or_a_minute_more(limit: str, most: str | None) -> None:
    minute = gate.cost_of(gate.FINISHING_SECONDS, ONE)
    assert gate.Terms(ONE, Decimal(limit)).most == (Decimal(limit) + minute if most is None else Decimal(most))
    assert gate.Terms(ONE).most is None


# Sums


def test_what_is_asked_for_a_month_is_that_month_s_and_one_workspace_s(workspace: Workspace, outsider: User) -> None:
    start, end = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    for amount, when in (("1", start), ("2", end - tick), ("4", start - tick), ("8", end)):
        charged(workspace, amount, when)
    charged(workspace, "16", start, kind="hosting")
    charged(outsider.workspaces.get(), "32", start)
    assert reports.by_kind(workspace, start, end) == {"training": 3, "hosting": 16}
    assert reports.by_kind(workspace, start) == {"training": 11, "hosting": 16}
    by_day = {
        (row["day"].day, row["kind"]): row["amount"] for row in reports.grouped(workspace, ["day", "kind"], start, end)
    }
    assert by_day == {(1, "training"): 1, (1, "hosting"): 16, (28, "training"): 2}


def subject(prototype: str, pk: str, amount: str, kind: str = "training") -> dict[str, Any]:
    return {
        "prototype": prototype,
        "prototype_name": prototype.upper(),
        "kind": kind,
        "subject_id": pk,
        "amount": Decimal(amount),
    }


def test_prototypes_come_by_what_they_cost_and_their_cheapest_runs_in_one_line() -> None:
    many = [subject("a", f"r{number}", "0.1") for number in range(tables.SUBJECTS + 2)]
    rows = tables.by_prototype(
        [subject("b", "d", "0.5", "hosting"), *many, subject("b", "r", "9"), subject("c", "r", "0")]
    )
    assert [(row["id"], row["name"], row["total"]) for row in rows] == [
        ("b", "B", Decimal("9.5")), ("a", "A", Decimal("1.0")), ("c", "C", Decimal(0)),
    ]  # fmt: skip
    assert rows[0]["kinds"] == {"hosting": Decimal("0.5"), "training": Decimal(9)}
    assert [entry["amount"] for entry in rows[0]["subjects"]] == [Decimal(9), Decimal("0.5")]
    assert (len(rows[1]["subjects"]), rows[1]["more"]) == (tables.SUBJECTS, {"count": 2, "amount": Decimal("0.2")})
    assert rows[2]["more"] == {"count": 0, "amount": 0}
    assert tables.by_prototype([]) == []


def test_a_chart_has_every_day_and_names_the_dearest() -> None:
    start, end = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    assert tables.day_chart([], start, end, "USD") == ""
    rows = [
        {"day": start, "kind": "training", "amount": Decimal("0.25")},
        {"day": start + timedelta(days=28), "kind": "training", "amount": Decimal(2)},
        {"day": start + timedelta(days=28), "kind": "hosting", "amount": Decimal(1)},
    ]
    drawn = str(tables.day_chart(rows, start, end, "EUR"))
    assert "Cost by day in February 2024; the most was €3 on 29 Feb 2024." in drawn
    assert drawn.count("<title>") == 2, "a day without a charge has no column"
    assert drawn.index(">hosting<") < drawn.index(">training<")
    assert ">data<" not in drawn
