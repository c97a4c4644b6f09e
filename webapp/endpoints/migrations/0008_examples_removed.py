"""Demos that are there lose the rows that they showed without anybody having chosen them; their members are told."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone


def tell_members(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """A notice on the share page, and a line in the activity of the workspace."""
    endpoints = apps.get_model("endpoints", "Endpoint").objects.exclude(current=None)
    events = apps.get_model("accounts", "AuditEvent").objects
    for pk, workspace, name in endpoints.values_list("pk", "workspace_id", "name"):
        events.create(
            workspace_id=workspace, verb="removed examples", subject="endpoint", subject_id=pk, text=name[:200]
        )
    endpoints.update(examples_removed_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("endpoints", "0007_demo_examples")]

    operations = [migrations.RunPython(tell_members, migrations.RunPython.noop)]
