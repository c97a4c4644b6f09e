"""Ledgers of the version before: a line a heartbeat becomes a line an hour, with the same total to the last digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

BEFORE, AFTER = [("costs", "0001_initial")], [("costs", "0002_gate")]


def migrated(target: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.mark.django_db(transaction=True)
def test_heartbeats_become_hours() -> None:
    try:
        apps = migrated(BEFORE)
        fill(apps)
        entries = apps.get_model("costs", "LedgerEntry").objects
        before = {line.key: (line.amount, line.seconds) for line in entries.all()}
        apps = migrated(AFTER)
        entries = apps.get_model("costs", "LedgerEntry").objects
        lines = list(entries.order_by("subject_id", "created_at", "hardware"))
        assert len(before) == 1300
        assert len(lines) == 2 + 1 + 1 + 1  # two hours and an hour at another price of run a, run b, the demo
        assert sum(line.amount for line in lines) == sum(amount for amount, _seconds in before.values())
        assert sum(line.seconds for line in lines) == pytest.approx(sum(seconds for _a, seconds in before.values()))
        assert {(line.subject_id, line.created_at.hour) for line in lines if line.subject_id == "a"} == {
            ("a", 10),
            ("a", 11),
        }
        budget = apps.get_model("costs", "Budget").objects.get()
        assert budget.month == timezone.now().date().replace(day=1)
        assert budget.spent == sum(line.amount for line in lines if line.subject_id == "b")
    finally:
        migrated(MigrationExecutor(connection).loader.graph.leaf_nodes())


def fill(apps: Any) -> None:
    """A run of an hour and more in 2024, a change of its price, a demo, and a run of today."""
    workspace = apps.get_model("accounts", "Workspace").objects.create(name="w")
    apps.get_model("costs", "Budget").objects.create(workspace=workspace)
    entries = apps.get_model("costs", "LedgerEntry").objects
    old = datetime(2024, 3, 1, 10, 30, tzinfo=UTC)
    today = timezone.now().replace(minute=10)

    def add(count: int, since: datetime, step: float, price: str, amount: str, **fields: Any) -> None:
        pk = fields["subject_id"]
        lines = [
            entries.model(
                workspace=workspace,
                key=f"{fields['subject']}:{pk}:{price}:{number}",
                amount=Decimal(amount) + Decimal(number % 7) / 10**7,
                seconds=5.003,
                price_per_hour=Decimal(price),
                **fields,
            )
            for number in range(count)
        ]
        entries.bulk_create(lines)
        for number, line in enumerate(lines):
            entries.filter(pk=line.pk).update(created_at=since + timedelta(seconds=number * step))

    run = {"kind": "training", "hardware": "cpu", "subject": "run"}
    demo = {"kind": "hosting", "hardware": "endpoint", "subject": "endpoint"}
    add(600, old, 5, "0.08925", "0.0001240", subject_id="a", **run)
    add(100, old + timedelta(minutes=55), 2, "0.10000", "0.0001389", subject_id="a", **run)
    add(300, today, 1, "0.08925", "0.0001240", subject_id="b", **run)
    add(300, old, 3, "0.02080", "0.0003467", subject_id="e", **demo)
