from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("labelling", "0007_longer_answers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="opinion",
            name="value",
            field=models.TextField(help_text="as of a decision"),
        ),
    ]
