"""Brands that call every door over HTTP, all the while, and write down each answer that they get."""

import base64
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from uuid import UUID, uuid4

from tests.chaos.account import Account
from tests.door.brand import STAY

CANARY = "canary-5e1f9a7c-nobody-may-see-this"
PURPOSE = "dpv:ServicePersonalisation"
# Refusals that are entries. Anything else of the 4xx should not come.
REFUSED = {403, 404, 429}
# The connection broke, before the answer or in the middle of it.
LOST = (OSError, HTTPException, ValueError)
OFTEN = {"read": 6, "batch": 2, "changes": 3, "contribute": 1}


class Caller:
    """One thread of a brand's program; knows nothing of the vault but its door."""

    def __init__(self, account: Account, port: int, chance: random.Random) -> None:
        self.account, self.chance = account, chance
        self._url = f"http://127.0.0.1:{port}"
        self._cursors: dict[str, str] = {}
        self._doors: dict[str, Callable[[list[str], str], None]] = {
            "read": self._read, "batch": self._batch,
            "changes": self._changes, "contribute": self._contribute,
        }  # fmt: skip

    def call_on(
        self, subjects: dict[UUID, list[str]], tokens: dict[UUID, str], stop: threading.Event
    ) -> None:
        """Call one door after the other, for any brand, until told to stop."""
        partners = list(subjects)
        while not stop.is_set():
            partner = self.chance.choice(partners)
            door = self.chance.choices(list(OFTEN), list(OFTEN.values()))[0]
            lost = self.account.lost.total()
            self._doors[door](subjects[partner], tokens[partner])
            # A door that is not there is not hammered at.
            stop.wait(0.2 if self.account.lost.total() > lost else self.chance.uniform(0.01, 0.06))

    def fetch_on(
        self, partner: UUID, token: str, calm: threading.Event, stop: threading.Event
    ) -> None:
        """Fetch events (RFC 8936), and acknowledge most of them, in calm all, until told to stop."""
        told: list[str] = []
        while not stop.is_set():
            status, answer = self._post(
                "/api/v1/events/poll", {"ack": told, "returnImmediately": True}, token
            )
            if status != 200:
                self.account.lose("poll")
                stop.wait(0.2)
                continue
            self.account.polls += 1
            told = [
                event for event in answer["sets"] if calm.is_set() or self.chance.random() < 0.9
            ]
            for event, compact in answer["sets"].items():
                self._take(partner, event, _claims(compact))
            stop.wait(self.chance.uniform(0.1, 0.4))

    def _take(self, partner: UUID, event: str, claims: dict[str, Any]) -> None:
        if claims["aud"] != str(partner) or claims["jti"] != event:
            self.account.surprise("a brand fetched an event that was not for it")
        with self.account.lock:
            self.account.fetched.setdefault(event, str(partner))

    def _read(self, subjects: list[str], token: str) -> None:
        body = {"subject": self.chance.choice(subjects)}
        self._record("read", *self._ask("/api/v1/reads", body, token))

    def _batch(self, subjects: list[str], token: str) -> None:
        asked, status, answer = self._ask("/api/v1/reads/batch", {"subjects": subjects}, token)
        if status != 200:
            # What is about the caller would be one refusal for all; nobody here is refused so.
            self.account.lose("batch", len(subjects))
            return
        for result in answer["results"]:
            if "answer" in result:
                self._say_yes("batch", result["answer"], asked)
            elif result["error"] in {"try-again", "record-unreadable"}:
                self.account.lose("batch")
            else:
                self.account.say_no("batch")

    def _changes(self, subjects: list[str], token: str) -> None:
        subject = self.chance.choice(subjects)
        body: dict[str, Any] = {"subject": subject, "limit": 20}
        if subject in self._cursors and self.chance.random() < 0.8:
            body["cursor"] = self._cursors[subject]
        asked, status, answer = self._ask("/api/v1/changes", body, token)
        if status == 200:
            self._cursors[subject] = answer["cursor"]
        elif status == 422:
            # Of an earlier grant. The refusal is an entry as any other.
            del self._cursors[subject]
            status = 403
        self._record("changes", asked, status, answer)

    def _contribute(self, subjects: list[str], token: str) -> None:
        body = {
            "subject": self.chance.choice(subjects),
            "record": STAY | {"hotel": CANARY, "room": str(self.chance.randrange(9999))},
        }
        self._record("contribute", *self._ask("/api/v1/contributions", body, token))

    def _record(self, door: str, asked: float, status: int, answer: dict[str, Any]) -> None:
        if status in {200, 201}:
            self._say_yes(door, answer, asked)
        elif status in REFUSED:
            self.account.say_no(door)
        elif 400 <= status < 500:
            self.account.surprise(f"{door} was answered {status} {answer.get('type')}")
        else:
            self.account.lose(door)

    def _say_yes(self, door: str, answer: dict[str, Any], asked: float) -> None:
        self.account.say_yes(door, answer["event"], answer.get("grant", {}).get("id", ""), asked)

    def _ask(
        self, path: str, body: dict[str, Any], token: str
    ) -> tuple[float, int, dict[str, Any]]:
        asked = time.monotonic()
        more = {"category": "stay", "purpose": PURPOSE}
        return asked, *self._post(path, body | more, token)

    def _post(self, path: str, body: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            self._url + path, json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}",
             "Idempotency-Key": f'"{uuid4().hex}"'},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, self._problem(error)
        except LOST:
            return 0, {}

    def _problem(self, error: urllib.error.HTTPError) -> dict[str, Any]:
        try:
            said = error.read()
            found: dict[str, Any] = json.loads(said)
        except LOST:
            return {}
        if CANARY.encode() in said:
            self.account.surprise(f"the canary is in an answer of {error.code}")
        return found


def _claims(compact: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(compact.split(".")[1] + "=="))
    return claims
