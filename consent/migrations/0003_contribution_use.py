import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("consent", "0002_authorizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContributionUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("used", models.PositiveIntegerField(default=0)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="consent.partner",
                    ),
                ),
            ],
            options={
                "db_table": "consent_contributionuse",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("partner", "day"), name="contribution_use_is_unique"
                    )
                ],
            },
        ),
    ]
