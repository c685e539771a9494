"""The HTTP face of some brands: the vault's events come in, the staff's orders too."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from examples.brand.brand import Brand
from examples.brand.events import EventRefused
from examples.brand.vault_client import Refused


def handler_for(brands: Mapping[str, Brand]) -> type["Handler"]:
    """Return the handler of a server for these brands, each under its name."""
    return type("BrandHandler", (Handler,), {"brands": brands})


class Handler(BaseHTTPRequestHandler):
    """One request."""

    brands: Mapping[str, Brand]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Show what a brand holds."""
        name, _, rest = self.path.strip("/").partition("/")
        if name not in self.brands or rest:
            self._answer(404, {"title": "No such brand."})
            return
        self._answer(200, self.brands[name].office.shown())

    def do_POST(self) -> None:
        """Take an event of the vault, or an order of the staff."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name, _, order = self.path.strip("/").partition("/")
        if name not in self.brands:
            self._answer(404, {"title": "No such brand."})
        elif order == "events":
            self._event(self.brands[name], body.decode("ascii", errors="replace"))
        else:
            self._order(self.brands[name], order, body)

    def _order(self, brand: Brand, order: str, body: bytes) -> None:
        try:
            self._answer(200, brand.do(order, json.loads(body or b"{}")))
        except Refused as refused:
            self._answer(refused.status, refused.problem)
        except (KeyError, ValueError):
            self._answer(400, {"title": "No such order."})

    def _event(self, brand: Brand, compact: str) -> None:
        try:
            new = brand.take_event(compact)
        except EventRefused as refused:
            self._answer(400, {"err": refused.err, "description": refused.description})
            return
        # 202: checked and stored (RFC 8935, section 2.2). What it asks for is done afterwards.
        self._answer(202, None)
        for payload in new:
            threading.Thread(target=brand.act, args=(payload,)).start()

    def _answer(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a subject stands in bodies only, and this keeps it so."""
