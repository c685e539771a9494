"""The demo world: one vault, the brands around it, the people who own what lies in it."""

import json
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from examples.demo import brands
from examples.demo.brands import Facts
from examples.demo.person import Person
from examples.demo.processes import BrandServer, Vault
from examples.demo.staff import Staff, until

DATA = Path(__file__).resolve().parent / "data"
ADDRESSES = {"seoyeon": ("seoyeon@customer.example", "ko"), "emma": ("emma@customer.example", "en")}


class World:
    """Everything that the stories need. Made fresh in an empty folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.vault = Vault(folder, **settings)
        self.servers = {
            name: BrandServer(name, group, self.vault) for name, group in brands.GROUPS.items()
        }
        self.partners: dict[str, str] = {}  # folder of a brand → its id at the vault

    def prepare(self) -> None:
        """Make keys and database, with the brands' servers starting beside it."""
        numbers = iter(range(1, 1000, 100))
        for server in self.servers.values():
            server.start(next(numbers))
        self.vault.manage("first_run")
        for server in self.servers.values():
            server.ready()

    def open(self) -> None:
        """Start the vault and register every brand, as its operator would."""
        with ThreadPoolExecutor() as side:
            registered = side.submit(self._register)
            self.vault.start()
            registered.result()

    def close(self) -> None:
        """End every process of this world: all are asked at once, then waited for."""
        processes = [*(server.process for server in self.servers.values()), self.vault.process]
        for process in processes:
            process.ask_to_end()
        for process in processes:
            process.stop()

    def person(self, name: str) -> Person:
        """Return somebody of the cast with a password of their own; anybody else speaks English."""
        address, language = ADDRESSES.get(name, (f"{name}@customer.example", "en"))
        password = f"{secrets.token_urlsafe(12)}-Aa1"
        return Person(self.vault.origin, self.vault.mail, address, password, language)

    def staff(self, folder: str) -> Staff:
        """Return the people of a brand."""
        server = next(one for one in self.servers.values() if folder in one.brands)
        return server.staff(folder)

    def facts(self, folder: str) -> Facts:
        """Return who a brand is."""
        return brands.facts()[folder]

    def facts_of(self, folder: str) -> Facts:
        """Return who a brand is, also one that only one story knows."""
        return next(one.brands[folder] for one in self.servers.values() if folder in one.brands)

    def export(self, target: Path) -> str:
        """Export the whole log as the operator would; return what the command said."""
        return self.vault.manage("export_log", "--to", str(target))

    def _register(self) -> None:
        homes = [one.home / folder for one in self.servers.values() for folder in one.brands]
        files = [str(home / "registration.json") for home in homes]
        printed = self.vault.manage("register_partner", *files).splitlines()
        for home, line in zip(homes, printed, strict=True):
            (home / "client.json").write_text(line)
            self.partners[home.name] = json.loads(line)["partner"]


__all__ = ["DATA", "World", "until"]
