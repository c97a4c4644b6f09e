from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0007_stop_requested_at")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="model_removed_at",
            field=models.DateTimeField(
                help_text="when its model was removed to free space; its results stayed", null=True
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="model_in_bucket",
            field=models.BooleanField(
                default=False, help_text="whether STORAGE_URL may still hold the model that was removed"
            ),
        ),
    ]
