from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def set_scopes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Tokens that there were may what they could: an owner's all, everybody else's no more than write."""
    tokens = apps.get_model("accounts", "ApiToken").objects
    memberships = apps.get_model("accounts", "Membership").objects
    for user_id, workspace_id in memberships.filter(role="owner").values_list("user_id", "workspace_id"):
        tokens.filter(user_id=user_id, workspace_id=workspace_id).update(scope="admin")
    tokens.exclude(revoked_at=None).update(end_reason="revoked")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_limits")]
    operations = [
        migrations.AddField(
            "apitoken",
            "scope",
            models.CharField(
                choices=[("read", "Read"), ("write", "Read and write"), ("admin", "Admin")],
                default="write",
                max_length=8,
            ),
        ),
        migrations.AddField("apitoken", "expires_at", models.DateTimeField(help_text="null: never", null=True)),
        migrations.AddField("apitoken", "last_used_from", models.GenericIPAddressField(null=True)),
        migrations.AddField(
            "apitoken",
            "end_reason",
            models.CharField(
                blank=True,
                choices=[
                    ("revoked", "it was revoked"),
                    ("password", "its owner’s password was changed"),
                    ("reset", "its owner’s access was reset"),
                    ("deactivated", "its owner’s account was closed"),
                    ("removed", "its owner left the workspace"),
                ],
                default="",
                help_text="why it was ended, if it was",
                max_length=12,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(set_scopes, migrations.RunPython.noop),
    ]
