"""What a brand keeps: what it asked, the copies it holds, the events it saw.

A file, so that a brand that crashes and comes back still knows which events it has seen.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any


class Office:
    """The brand's own records, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.state: dict[str, Any] = {"requests": {}, "copies": {}, "events": {}, "attested": {}}
        if path.exists():
            self.state = json.loads(path.read_text())

    def remember_request(self, answer: dict[str, Any]) -> None:
        """Note what was asked and what became of it."""
        with self.lock:
            self.state["requests"][answer["id"]] = answer
            self._save()

    def keep(self, category: str, answer: dict[str, Any]) -> None:
        """Keep a copy of what was read, where the customer allowed storing it."""
        grant = answer["grant"]
        if grant["access_mode"] == "look_only":
            return
        with self.lock:
            held = self.state["copies"].setdefault(grant["id"], {})
            held[category] = {"records": answer["records"], "erase_by": grant["erase_by"]}
            self._save()

    def destroy(self, grant: str, categories: list[str]) -> list[str]:
        """Destroy the copies of some categories held under a grant; return which there ever were.

        What was destroyed is noted: whoever asks again after a break must not hear "never stored".
        """
        with self.lock:
            held = self.state["copies"].get(grant, {})
            gone = self.state.setdefault("destroyed", {}).setdefault(grant, [])
            gone += [name for name in categories if held.pop(name, None) is not None]
            if not held:
                self.state["copies"].pop(grant, None)
            self._save()
            return [name for name in categories if name in gone]

    def take_event(self, jti: str, kind: str, payload: dict[str, Any]) -> bool:
        """Store an event; false when it came before: twice is once."""
        with self.lock:
            if jti in self.state["events"]:
                return False
            self.state["events"][jti] = {"kind": kind, "payload": payload}
            self._save()
            return True

    def kind_of(self, jti: str) -> str:
        """Return what kind of event came under this id."""
        with self.lock:
            return str(self.state["events"][jti]["kind"])

    def seen(self) -> list[str]:
        """Return the ids of all events that we have stored."""
        with self.lock:
            return [*self.state["events"]]

    def note_attested(self, owed: dict[str, Any], outcomes: list[dict[str, Any]]) -> None:
        """Note what we said became of the copies."""
        with self.lock:
            self.state["attested"][owed["id"]] = {"grant": owed["grant"], "outcomes": outcomes}
            self._save()

    def shown(self) -> dict[str, Any]:
        """Return everything, as of one moment."""
        with self.lock:
            return json.loads(json.dumps(self.state))

    def _save(self) -> None:
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self.state, ensure_ascii=False, indent=1))
        os.replace(temporary, self.path)
