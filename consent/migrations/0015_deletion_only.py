from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0014_unbound_refresh'),
    ]

    operations = [
        migrations.AddField(
            model_name='obligation',
            name='deletion_only',
            field=models.BooleanField(default=False),
        ),
    ]
