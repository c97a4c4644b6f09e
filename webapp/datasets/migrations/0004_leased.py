"""Versions are held by a lease, as runs are. What is being read while the site is upgraded is begun again by a sweep."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone


def free(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    versions = apps.get_model("datasets", "DatasetVersion").objects.all()
    versions.update(lease="")
    versions.filter(status="processing").update(sent_at=timezone.now(), finished_at=None)


class Migration(migrations.Migration):
    dependencies = [("datasets", "0003_silent_readers")]

    operations = [
        migrations.RenameField("datasetversion", "read_by", "lease"),
        migrations.RenameField("datasetversion", "touched_at", "finished_at"),
        migrations.AlterField(
            "datasetversion",
            "finished_at",
            models.DateTimeField(null=True),
        ),
        migrations.AddField(
            "datasetversion",
            "sent_at",
            models.DateTimeField(help_text="when its message last went to the queue", null=True),
        ),
        migrations.AddField("datasetversion", "lease_until", models.DateTimeField(null=True)),
        migrations.RunPython(free, migrations.RunPython.noop),
        migrations.AlterField(
            "datasetversion",
            "lease",
            models.CharField(blank=True, help_text="of the worker that has it; empty: nobody", max_length=32),
        ),
        migrations.AlterField(
            "datasetversion",
            "missed_at",
            models.DateTimeField(help_text="when a sweep first found that its lease had run out", null=True),
        ),
        migrations.AlterField(
            "datasetversion",
            "error",
            models.JSONField(help_text="why it failed: {code, message, hint, detail?}", null=True),
        ),
    ]
