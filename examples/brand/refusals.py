"""Meets everything that a sandbox refuses, one line each (docs/sandbox.md).

    python -m examples.brand.refusals TABLE [CODE ...]

TABLE is the table.json that `make sandbox` writes: for each code the calls that lead to it, and
which of the sandbox's brands makes them. Put your own error handling in place of `print` and see
what it does. Cases that need something broken are left out; the last line says how to break it.
"""

import json
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from joserfc.jwk import ECKey

from examples.brand.flow import JWT_BEARER, FlowClient

FORM = "application/x-www-form-urlencoded"
NEW = "<new>"


@dataclass(frozen=True)
class Answer:
    """What the vault said."""

    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> str:
        """Return the last part of the problem's type, or the OAuth error; "" for a yes."""
        if self.status < 400 or not isinstance(self.body, dict):
            return ""
        return str(self.body.get("error") or self.body.get("type", "").rpartition(":")[2])

    @property
    def codes(self) -> set[str]:
        """Return the codes of the results, where an answer has many."""
        results = self.body.get("results", []) if isinstance(self.body, dict) else []
        return {each["error"] for each in results if "error" in each}


class Caller:
    """One of the sandbox's programs, which makes calls just as they are written down."""

    def __init__(self, vault: str, folder: Path) -> None:
        key = ECKey.import_key(json.loads((folder / "private_key.json").read_text()))
        (client,) = json.loads((folder / "client.json").read_text())["clients"]
        self.line = FlowClient(vault, client["client_id"], key)
        self._http = urllib3.PoolManager(retries=False, timeout=60.0)
        self._tokens: dict[str, tuple[str, float]] = {}

    def run(self, case: dict[str, Any]) -> Answer:
        """Make the calls of a case; return the last answer."""
        new = secrets.token_hex(8)
        for call in case["calls"]:
            answer = self.make(json.loads(json.dumps(call).replace(NEW, new)))
            until = time.monotonic() + call["within"]
            while case["code"] not in {answer.code, *answer.codes} and time.monotonic() < until:
                time.sleep(0.1)
                answer = self.make(call)
        return answer

    def make(self, call: dict[str, Any]) -> Answer:
        """Make one call. Raises urllib3's errors."""
        url = self.line.origin + call["path"]
        # A connection for each: whoever is refused in the middle of a body finds its own closed.
        headers = {"Accept": "application/json", "Connection": "close"}
        if call["form"] is not None:
            headers["Content-Type"] = FORM
            body: Any = urlencode(self._form(call, headers))
        else:
            headers |= {"Content-Type": "application/json"} | self._authorization(call, url)
            body = _body(call, headers)
        headers |= call["headers"]
        chunked = headers.pop("Transfer-Encoding", "") == "chunked"
        got = self._http.request(call["method"], url, body=body, headers=headers, chunked=chunked)
        return Answer(got.status, got.headers, _read(got.data))

    def _form(self, call: dict[str, Any], headers: dict[str, str]) -> dict[str, str]:
        if call["path"] == "/oauth/token" and call["proof"] == "good":
            headers["DPoP"] = self.line.proof("POST", self.line.origin + call["path"])
        audience = "https://elsewhere.example" if call["assertion"] == "wrong" else None
        return call["form"] | {
            "client_id": self.line.client_id,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.line.assertion(audience),
        }

    def _authorization(self, call: dict[str, Any], url: str) -> dict[str, str]:
        if call["shows"] == "none":
            return {}
        if call["shows"] == "made-up":
            return {"Authorization": "Bearer nobody-made-this"}
        grant = "" if call["shows"] in {"own", "bearer"} else call["shows"]
        token = self._token(grant)
        if call["shows"] == "bearer":
            return {"Authorization": f"Bearer {token}"}
        about = url if call["proof"] == "good" else url + "/elsewhere"
        proof = self.line.proof(call["method"], about, token)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    def _token(self, grant: str) -> str:
        token, until = self._tokens.get(grant, ("", 0.0))
        if time.time() < until:
            return token
        got = self.line.own_token(grant)
        self._tokens[grant] = (got["access_token"], time.time() + got["expires_in"] - 10)
        return got["access_token"]


def meet(table: dict[str, Any], codes: list[str]) -> int:
    """Meet every case, or those of some codes; return how many were answered otherwise."""
    callers = {name: Caller(table["vault"], Path(at)) for name, at in table["programs"].items()}
    wrong = 0
    for case in table["cases"]:
        if case["fault"] or (codes and case["code"] not in codes):
            continue
        answer = callers[case["program"]].run(case)
        met = case["code"] in (answer.codes if case["one_of_many"] else {answer.code})
        wrong += not met
        print(f"{'ok ' if met else 'NO '} {answer.status} {case['code']:<30} {case['why']}")
    return wrong


def main() -> int:
    """Meet what the table holds."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    table = json.loads(Path(sys.argv[1]).read_text())
    wrong = meet(table, sys.argv[2:])
    faults = sorted({case["fault"] for case in table["cases"] if case["fault"]})
    print(f"left out: {', '.join(faults)} (manage.py sandbox_fault, then call)")
    return 1 if wrong else 0


def _body(call: dict[str, Any], headers: dict[str, str]) -> bytes | None:
    if call["raw"] is not None:
        return call["raw"].encode()
    if call["body"] is None:
        return None
    if call["repeat"]:
        headers["Content-Type"] = "application/x-ndjson"
        return (json.dumps(call["body"]) + "\n").encode() * call["repeat"]
    return json.dumps(call["body"]).encode()


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return {}


if __name__ == "__main__":
    sys.exit(main())
