"""One brand: who it is, its line to the vault, its own records."""

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.brand import events, keys
from examples.brand.office import Office
from examples.brand.vault_client import VaultClient


@dataclass
class Manners:
    """How a brand behaves, for trying what becomes of one that does not do as it should."""

    slow: float = 0.0  # seconds before it answers an event
    lying: bool = False  # it acknowledges an event, and does nothing about it


class Brand:
    """A brand in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = json.loads((folder / "brand.json").read_text())
        self.key = keys.load_or_make(folder)
        self.office = Office(folder / "office.json")
        self.manners = Manners()
        self._line: VaultClient | None = None
        self._lock = threading.Lock()

    def write_registration(self) -> None:
        """Write what the operator registers: facts, purposes and the public key."""
        clients = [{**self.facts["client"], "jwks": keys.public_set(self.key)}]
        registration = {**self.facts["registration"], "clients": clients}
        text = json.dumps(registration, ensure_ascii=False, indent=1)
        (self.folder / "registration.json").write_text(text)

    def line(self) -> VaultClient:
        """Return the line to the vault, with the id that the vault gave us."""
        with self._lock:
            if self._line is None:
                client_id = self._registered()["clients"][0]["client_id"]
                self._line = VaultClient(self.facts["vault"], client_id, self.key)
            return self._line

    def do(self, order: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order of the brand's staff. Raises `KeyError` for an unknown one."""
        return _ORDERS[order](self, body)

    def take_event(self, compact: str) -> list[dict[str, Any]]:
        """Check and store an event; return what has to be done. Raises `EventRefused`."""
        time.sleep(self.manners.slow)
        claims = events.check(self.line(), self._registered()["partner"], compact)
        return events.take(self.office, claims)

    def act(self, payload: dict[str, Any]) -> None:
        """Do what an event asks for."""
        if self.manners.lying:
            return
        events.act(self.line(), self.office, payload)

    def _registered(self) -> dict[str, Any]:
        return json.loads((self.folder / "client.json").read_text())

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.line().ask(body["request"], key=body["key"])
        self.office.remember_request(answer)
        return answer

    def _journey(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.line().ask_journey(body["journey"], key=body["key"])

    def _manners(self, body: dict[str, Any]) -> dict[str, Any]:
        self.manners = Manners(float(body.get("slow", 0)), bool(body.get("lying", False)))
        return asdict(self.manners)

    def _poll(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.line().request(body["request"])
        self.office.remember_request(answer)
        return answer

    def _read(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.line().read(**body)
        self.office.keep(body["category"], answer)
        return answer

    def _contribute(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.line().contribute(body["contribution"], key=body["key"])

    def _settle(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"settled": events.settle(self.line(), self.office)}


_ORDERS = {
    "ask": Brand._ask,
    "journey": Brand._journey,
    "manners": Brand._manners,
    "poll": Brand._poll,
    "read": Brand._read,
    "contribute": Brand._contribute,
    "settle": Brand._settle,
}
