"""What a brand does with a grant: read, many at once, what changed, give back, look at it, end it.

All of it with the token that came with the grant, bound to our key. On level 3 answers come
sealed, and are opened here.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from examples.brand.flow import FlowClient

Open = Callable[[dict[str, Any]], dict[str, Any]]


class Granted:
    """One grant, as the token endpoint told us of it."""

    def __init__(
        self, client: "FlowClient", tokens: dict[str, Any], opened: Open | None = None
    ) -> None:
        self.client, self.token, self.id = client, tokens["access_token"], tokens["grant_id"]
        self.items = tokens["authorization_details"]
        self._opened = opened

    @property
    def subject(self) -> str:
        """Return how we know the customer."""
        return str(self.items[0]["identifier"])

    @property
    def purpose(self) -> str:
        """Return what she agreed to, which is said in every call."""
        return str(self.items[0]["purpose"])

    def may(self, action: str) -> list[str]:
        """Return the categories and views for which she agreed to an action."""
        return [name for item in self.items if action in item["actions"]
                for name in item["datatypes"]]  # fmt: skip

    def read(self, category: str, **more: Any) -> dict[str, Any]:
        """Read one category or view."""
        return self._open(
            self._call("reads", {"subject": self.subject} | self._about(category, more))
        )

    def read_many(self, category: str, subjects: list[str]) -> list[dict[str, Any]]:
        """Read many customers in one call; each is answered, or refused, by itself."""
        body = {"subjects": subjects} | self._about(category, {})
        results: list[dict[str, Any]] = self._call("reads/batch", body)["results"]
        return [
            each | {"answer": self._open(each["answer"])} if "answer" in each else each
            for each in results
        ]

    def changes(self, category: str, cursor: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield page after page of what changed; keep the last `cursor` for the next time."""
        more = True
        while more:
            page = {"subject": self.subject} | self._about(category, {"limit": 50})
            answer = self._call("changes", page | ({"cursor": cursor} if cursor else {}))
            yield self._open(answer)
            cursor, more = answer["cursor"], answer["has_more"]

    def contribute(self, category: str, record: dict[str, Any], key: str) -> dict[str, Any]:
        """Give one record. The same `key` twice is one record."""
        body = {"subject": self.subject, "record": record} | self._about(category, {})
        return self._call("contributions", body, {"Idempotency-Key": key})

    def contribute_many(
        self, category: str, records: list[dict[str, Any]], key: str
    ) -> list[dict[str, Any]]:
        """Give many records in one stream; the answer has a result for each."""
        about = {"subject": self.subject} | self._about(category, {})
        lines = [
            json.dumps(about | {"key": str(n), "record": one}) for n, one in enumerate(records)
        ]
        headers = {"Idempotency-Key": key, "Content-Type": "application/x-ndjson"}
        results: list[dict[str, Any]] = self._call(
            "contributions/bulk", "\n".join(lines) + "\n", headers
        )["results"]
        return results

    def look(self) -> dict[str, Any]:
        """Return what is granted now."""
        return self.client.call("GET", self._address, self.token)

    def end(self) -> None:
        """End it for good. The customer is told, and we owe the destruction of what we hold."""
        self.client.call("DELETE", self._address, self.token)

    @property
    def _address(self) -> str:
        return f"{self.client.server['grant_management_endpoint']}/{self.id}"

    def _about(self, category: str, more: dict[str, Any]) -> dict[str, Any]:
        return {"category": category, "purpose": self.purpose} | more

    def _call(self, path: str, body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
        url = f"{self.client.origin}/api/v1/{path}"
        return self.client.call("POST", url, self.token, body, headers)

    def _open(self, answer: dict[str, Any]) -> dict[str, Any]:
        return self._opened(answer) if self._opened and "sealed" in answer else answer


def show(granted: Granted, record: dict[str, Any] | None = None) -> None:
    """Do all of it once, one line each. `record` is given back where that was granted."""
    for category in granted.may("read"):
        answer = granted.read(category, idempotency_key=str(uuid.uuid4()))
        print(f"read {category}: {len(answer['records'])} records")
    first = granted.may("read")[0]
    for each in granted.read_many(first, [granted.subject, "nobody"]):
        print(f"batch: {len(each['answer']['records'])} records" if "answer" in each
              else f"batch: {each['error']}")  # fmt: skip
    for category in granted.may("contribute") if record is not None else ():
        given = granted.contribute(category, record, str(uuid.uuid4()))
        print(f"gave {category}: entry {given['event']}")
        results = granted.contribute_many(category, [record, {}], str(uuid.uuid4()))
        print(f"gave many: {[each.get('error', 'taken') for each in results]}")
    for page in granted.changes(first):
        print(f"changes {first}: {[each['kind'] for each in page['changes']]}")
