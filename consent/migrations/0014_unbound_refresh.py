from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0013_letter_for_nobody'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='refreshtoken',
            name='cnf_jkt',
        ),
    ]
