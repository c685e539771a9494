"""Of addresses that were verified before this was noted only the day of joining is known.

Not the moment of this migration: an address that was verified years ago may be somebody else's by
now, and would lead brands to its former owner for a year more. Whoever verified one later, or whose
year is over, is told in the settings and verifies again.
"""

from django.db import migrations

ADDRESSES = "account_emailaddress"


def note(apps, schema_editor):
    connection = schema_editor.connection
    # allauth's app is not installed everywhere, so its table is asked, not its model.
    if ADDRESSES not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO accounts_mailproof (address, user_id, proved_at)
            SELECT e.id, u.id, u.joined_at
              FROM {ADDRESSES} e JOIN accounts_user u ON u.id = e.user_id
             WHERE e.verified
        """)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_mail_proofs'),
    ]

    operations = [
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
