"""The gate of a workspace's money, and one line of the ledger for each run, hour and price in place of one a heartbeat.

The lines that stood are added up: the same total to the last digit, the same hours, and `spent` of the running month.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import django.db.models.deletion
import webapp.core.ids
from decimal import Decimal
from django.db import migrations, models
from django.utils import timezone


AT_ONCE = 500
BY_HOUR = ("kind", "subject", "subject_id", "created_at", "id")


def hour_of(line: Any) -> tuple[Any, ...]:
    where = (line.workspace_id, line.kind, line.subject, line.subject_id, line.hardware, line.price_per_hour, line.currency)
    return (*where, line.created_at.replace(minute=0, second=0, microsecond=0))


def hours(lines: Any) -> Iterator[list[Any]]:
    """The lines of each hour of each subject; those of another price or machine apart."""
    for _subject, of_hour in groupby(lines, key=lambda line: (line.kind, line.subject, line.subject_id, hour_of(line)[-1])):
        parts: dict[tuple[Any, ...], list[Any]] = {}
        for line in of_hour:
            parts.setdefault(hour_of(line), []).append(line)
        yield from parts.values()


def roll_up(apps: Any, schema_editor: Any) -> None:
    """The first line of an hour takes the sums, and the others go. Its key stays: no charge to come can name it."""
    entries = apps.get_model("costs", "LedgerEntry").objects
    grown, gone = [], []
    for first, *others in hours(entries.order_by(*BY_HOUR).iterator(chunk_size=2000)):
        if not others:
            continue
        first.amount = sum((line.amount for line in others), start=first.amount)
        first.seconds = sum((line.seconds for line in others), start=first.seconds)
        first.prototype_name, first.subject_name = others[-1].prototype_name, others[-1].subject_name
        grown.append(first)
        gone += [line.pk for line in others]
    for at in range(0, len(grown), AT_ONCE):
        entries.bulk_update(grown[at : at + AT_ONCE], ["amount", "seconds", "prototype_name", "subject_name"])
    for at in range(0, len(gone), AT_ONCE):
        entries.filter(pk__in=gone[at : at + AT_ONCE]).delete()


def sum_up(apps: Any, schema_editor: Any) -> None:
    """What each workspace has spent of this month's budget. Added up here: a database may add decimals as floats."""
    entries = apps.get_model("costs", "LedgerEntry").objects
    start = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for budget in apps.get_model("costs", "Budget").objects.all():
        amounts = entries.filter(workspace=budget.workspace_id, created_at__gte=start).values_list("amount", flat=True)
        budget.month, budget.spent = start.date(), sum(amounts, start=Decimal(0))
        budget.save(update_fields=["month", "spent"])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('costs', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='budget',
            name='month',
            field=models.DateField(help_text='the first day of the month that `spent` is of', null=True),
        ),
        migrations.AddField(
            model_name='budget',
            name='spent',
            field=models.DecimalField(decimal_places=7, default=Decimal('0'), max_digits=14),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='last_charge',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.CharField(default=webapp.core.ids.new_id, editable=False, max_length=16, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('key', models.CharField(help_text='run:<id>', max_length=40, unique=True)),
                ('amount', models.DecimalField(decimal_places=7, max_digits=14)),
                ('expires_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
            options={
                'ordering': ['-created_at', 'id'],
                'abstract': False,
            },
        ),
        migrations.RunPython(roll_up, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(sum_up, migrations.RunPython.noop, elidable=True),
    ]
