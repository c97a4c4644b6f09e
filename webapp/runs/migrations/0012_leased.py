"""Estimates and previews are held by a lease, as runs are."""

import django.db.models.deletion
import webapp.core.ids
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget_unfinished(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Whoever waits for one asks again, and nobody asks for those of long ago."""
    apps.get_model("runs", "Estimate").objects.filter(result__isnull=True, error__isnull=True).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("datasets", "0004_leased"),
        ("runs", "0011_known_columns"),
    ]

    operations = [
        migrations.RenameField("estimate", "started_at", "sent_at"),
        migrations.AddField(
            model_name="estimate",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="estimate",
            name="finished_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="estimate",
            name="lease",
            field=models.CharField(blank=True, help_text="of the worker that has it; empty: nobody", max_length=32),
        ),
        migrations.AddField(
            model_name="estimate",
            name="lease_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="estimate",
            name="missed_at",
            field=models.DateTimeField(help_text="when a sweep first found that its lease had run out", null=True),
        ),
        migrations.AlterField(
            model_name="estimate",
            name="error",
            field=models.JSONField(help_text="why it failed: {code, message, hint, detail?}", null=True),
        ),
        migrations.AlterField(
            model_name="estimate",
            name="sent_at",
            field=models.DateTimeField(help_text="when its message last went to the queue", null=True),
        ),
        migrations.AlterField(
            model_name="estimate",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="%(class)ss", to="datasets.datasetversion"
            ),
        ),
        migrations.CreateModel(
            name="Preview",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=webapp.core.ids.new_id, editable=False, max_length=16, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("sent_at", models.DateTimeField(help_text="when its message last went to the queue", null=True)),
                (
                    "lease",
                    models.CharField(blank=True, help_text="of the worker that has it; empty: nobody", max_length=32),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "missed_at",
                    models.DateTimeField(help_text="when a sweep first found that its lease had run out", null=True),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.JSONField(help_text="why it failed: {code, message, hint, detail?}", null=True)),
                ("key", models.CharField(max_length=64)),
                ("spec", models.JSONField()),
                ("result", models.JSONField(null=True)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="datasets.datasetversion",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "id"],
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("version", "key"), name="one_preview_each")],
            },
        ),
        migrations.RunPython(forget_unfinished, migrations.RunPython.noop),
    ]
