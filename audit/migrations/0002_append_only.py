"""Make the log append-only in the database itself."""

from django.db import migrations

from audit import triggers


def install(_apps, schema_editor):
    triggers.install(schema_editor.connection)


def remove(_apps, schema_editor):
    triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_tables")]
    operations = [migrations.RunPython(install, remove)]
