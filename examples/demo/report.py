"""What the demo says while it runs, and the report that it leaves: one line a step."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(highlight=False, soft_wrap=True)


class NotAsExpected(AssertionError):
    """Something in a story was not as it has to be."""


def expect(found: object, wanted: object, what: str) -> None:
    """Raise `NotAsExpected` where these differ."""
    if found != wanted:
        raise NotAsExpected(f"{what}: expected {wanted!r}, found {found!r}")


def need(truth: object, what: str) -> None:
    """Raise `NotAsExpected` where this is not so."""
    if not truth:
        raise NotAsExpected(f"expected: {what}")


class Report:
    """The steps taken so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps: list[dict[str, Any]] = []
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.checkpoint_size = 0
        self.verified = False

    def story(self, title: str) -> None:
        """Begin a story."""
        console.print(f"\n[bold]{title}[/bold]" if console.is_terminal else f"\n{title}")

    def table(self, title: str, rows: list[dict[str, Any]]) -> None:
        """Show some rows, and keep them for the report."""
        self.tables[title] = rows
        table = Table(title=title, title_justify="left")
        for name in rows[0] if rows else ():
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        # Where nobody looks on, in a log, there is room for long lines.
        Console(width=None if console.is_terminal else 140).print(table)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take one step: a line with its time, and an entry in the report however it ends."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self._note(name, began, ok=False)
            raise
        self._note(name, began, ok=True)

    def _note(self, name: str, began: float, *, ok: bool) -> None:
        ms = round((time.monotonic() - began) * 1000)
        self.steps.append({"name": name, "ok": ok, "ms": ms})
        mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
        console.print(f"  {mark} {name} [dim]{ms} ms[/dim]")

    def write(self) -> None:
        """Leave the report where it belongs."""
        report = {
            "steps": self.steps,
            "tables": self.tables,
            "checkpoint_size": self.checkpoint_size,
            "verified": self.verified,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
