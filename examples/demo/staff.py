"""A brand's staff: give their brand's server an order and read what came of it."""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import urllib3

_keys = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What the vault answered the brand."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it was a yes."""
        return self.status < 400

    @property
    def code(self) -> str:
        """Return the problem's code, such as "grant-ended"; empty for a yes."""
        return (
            "" if self.ok else str(self.body.get("type", "")).rpartition("/")[2].rpartition(":")[2]
        )

    @property
    def data(self) -> list[dict[str, Any]]:
        """Return the records' own contents, oldest things first."""
        return [record["data"] for record in self.body.get("records", [])]


class Staff:
    """The people of one brand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.subject = ""  # how this brand knows its customer, once it may
        self.grants: list[str] = []  # what this customer gave, the oldest first
        self._http = urllib3.PoolManager(retries=False, timeout=120.0)

    def ask(self, request: dict[str, Any], key: str = "") -> Answer:
        """Ask for access."""
        return self._order("ask", {"request": request, "key": key or f"ask-{next(_keys)}"})

    def ask_journey(self, journey: dict[str, Any]) -> Answer:
        """Ask for all brands of the alliance that we lead."""
        return self._order("journey", {"journey": journey, "key": f"journey-{next(_keys)}"})

    def manners(self, *, slow: float = 0.0, lying: bool = False) -> None:
        """Let the brand answer events late, or acknowledge them and do nothing; or as it should."""
        self._order("manners", {"slow": slow, "lying": lying})

    def poll(self, request_id: str) -> Answer:
        """Ask what became of a request; remember whom it is about once it was approved."""
        answer = self._order("poll", {"request": request_id})
        if "grant" in answer.body:
            self.subject = answer.body["subject"]
            self.grants = [*dict.fromkeys([*self.grants, answer.body["grant"]])]
        return answer

    def read(self, category: str, purpose: str, **more: Any) -> Answer:
        """Read one category of our customer."""
        body = {"subject": self.subject, "category": category, "purpose": purpose}
        return self._order("read", body | more)

    def contribute(self, category: str, purpose: str, record: dict[str, Any]) -> Answer:
        """Give a record to our customer's vault."""
        body = {"subject": self.subject, "category": category, "purpose": purpose}
        key = f"give-{next(_keys)}"
        return self._order("contribute", {"contribution": {**body, "record": record}, "key": key})

    def settle(self) -> Answer:
        """Fulfil what is owed and was missed."""
        return self._order("settle", {})

    def copies(self) -> list[str]:
        """Return the categories that the brand holds copies of, whatever the grant."""
        held = self._office()["copies"]
        return sorted(category for grant in self.grants for category in held.get(grant, {}))

    def events(self) -> list[str]:
        """Return the kinds of the events about our customer, in the order in which they came."""
        came = self._office()["events"].values()
        return [each["kind"] for each in came if _grants_of(each["payload"]) & {*self.grants}]

    def attested(self) -> list[tuple[str, str]]:
        """Return what the brand said, signed, became of each category."""
        said = self._office()["attested"].values()
        return [
            (outcome["category"], outcome["outcome"])
            for each in said
            if each["grant"] in self.grants
            for outcome in each["outcomes"]
        ]

    def _office(self) -> dict[str, Any]:
        return json.loads(self._http.request("GET", self.url + "/").data)

    def _order(self, order: str, body: dict[str, Any]) -> Answer:
        response = self._http.request("POST", f"{self.url}/{order}", json=body)
        return Answer(response.status, json.loads(response.data or b"{}"))


def _grants_of(payload: dict[str, Any]) -> set[str]:
    """Return the grants that an event tells of: one, or those of all its endings."""
    endings = payload.get("endings", ())
    return {payload.get("grant", ""), *(each["grant"] for each in endings)}


def until(look: Callable[[], Any], what: str, *, seconds: float = 60.0) -> Any:
    """Look again and again until it is so, and return what was seen. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while True:
        if seen := look():
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds:g} s still not so: {what}")
        time.sleep(0.1)
