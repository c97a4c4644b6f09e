from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labelling", "0008_longer_opinions"),
    ]

    operations = [
        migrations.AddField(
            model_name="rule",
            name="is_applied",
            field=models.BooleanField(default=False),
        ),
    ]
