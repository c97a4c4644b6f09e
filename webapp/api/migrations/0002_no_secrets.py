"""Answers that were kept until now may hold endpoint keys in plain text."""

from typing import Any

from django.db import migrations


def forget(apps: Any, schema_editor: Any) -> None:
    apps.get_model("api", "IdempotentAnswer").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
