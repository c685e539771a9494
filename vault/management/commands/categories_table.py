"""Prints docs/categories.md: every shipped category, its class, its terms and its fields."""

from typing import Any

from django.core.management.base import BaseCommand

from vault import categories, vocabulary
from vault.categories import Category

_HEAD = """# Categories and purposes

Written by `manage.py categories_table`; a test compares. The schema of each category lies in
`vault/categories/<id>.json`. A folder named by `VAULT_CATEGORIES` adds an operator's own, in the
same form; they are checked at start.

Terms are those of the W3C Data Privacy Vocabulary 2.3 (`vault/dpv/`, with licence and
attribution). Classes: *general*; *sensitive* (민감정보), *unique_id* (고유식별정보) and *location*
(개인위치정보) each have a tick of their own. Resident registration numbers fit into none of them.

| id | 이름 | name | class | DPV | fields |
|---|---|---|---|---|---|
"""
_PURPOSES = """
## Purposes

| id | 이름 | name | remark |
|---|---|---|---|
"""


class Command(BaseCommand):
    help = "Print the table of shipped categories and purposes (docs/categories.md)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it."""
        self.stdout.write(table(), ending="")


def table() -> str:
    """Return docs/categories.md."""
    shipped = [one for one in categories.load().values() if one.shipped]
    return _HEAD + "".join(map(_row, shipped)) + _PURPOSES + "".join(_purposes())


def _row(one: Category) -> str:
    classes = ", ".join((one.class_, *one.also)) + (", look only" if one.look_only else "")
    terms, fields = ", ".join(one.dpv), ", ".join(one.top_fields)
    return f"| {one.id} | {one.label.ko} | {one.label.en} | {classes} | {terms} | {fields} |\n"


def _purposes() -> list[str]:
    rows = []
    for one in vocabulary.purposes().values():
        remarks = ["never bundled"] * one.never_bundled + ["own tick: marketing"] * one.marketing
        rows.append(f"| {one.id} | {one.label.ko} | {one.label.en} | {', '.join(remarks)} |\n")
    return rows
