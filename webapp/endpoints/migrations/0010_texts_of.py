import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('endpoints', '0009_given_up_addresses'),
        ('runs', '0016_searches'),
    ]

    operations = [
        migrations.AddField(
            model_name='endpoint',
            name='texts_of',
            field=models.ForeignKey(help_text='the run whose texts visitors may read where it finds texts of the data; of any other run they may not', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='runs.run'),
        ),
    ]
