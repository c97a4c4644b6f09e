from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("labelling", "0006_guest_pictures"),
    ]

    operations = [
        migrations.AlterField(
            model_name="decision",
            name="value",
            field=models.TextField(null=True),
        ),
        migrations.AlterField(
            model_name="decision",
            name="before",
            field=models.TextField(help_text="the label that the row has; null for one of the pool", null=True),
        ),
    ]
