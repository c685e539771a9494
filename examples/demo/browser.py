"""A browser without a screen: cookies, redirects, forms. One per person, so nobody shares a session."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import urllib3

from examples.demo.pages import Form, Page, parse

MOST_REDIRECTS = 10


class Browser:
    """Fetches pages of one origin and sends their forms."""

    def __init__(self, origin: str, language: str) -> None:
        self.origin = origin
        self.language = language
        self.cookies: dict[str, str] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=120.0)

    def open(self, address: str) -> Page:
        """Return the page at an address, absolute or within the origin."""
        return self._follow("GET", urljoin(self.origin, address))

    def send(
        self,
        form: Form,
        values: Mapping[str, str | list[str]] | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        button: tuple[str, str] | None = None,
    ) -> Page:
        """Fill in a form as it stands, changed by `values`, and send it.

        A list replaces every value of that name; an empty one leaves the name out.
        """
        given = dict(values or {})
        sent = [(name, value) for name, value in form.values() if name not in given]
        for name, value in given.items():
            sent += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        if button:
            sent.append(button)
        if form.method == "get":
            return self._follow("GET", form.action, fields=sent)
        if form.multipart:
            parts: list[Any] = list(sent)
            for name, path in (files or {}).items():
                parts.append((name, (path.name, path.read_bytes())))
            return self._follow("POST", form.action, fields=parts, encode_multipart=True)
        return self._follow("POST", form.action, fields=sent, encode_multipart=False)

    def _follow(self, method: str, url: str, **body: Any) -> Page:
        for _ in range(MOST_REDIRECTS):
            response = self._request(method, url, **body)
            if response.status not in {301, 302, 303, 307, 308}:
                return Page(response.status, url, parse(response.data.decode("utf-8", "replace")))
            url = urljoin(url, response.headers["Location"])
            method, body = "GET", {}
        raise RuntimeError(f"{url} redirects for ever")

    def _request(self, method: str, url: str, **body: Any) -> urllib3.BaseHTTPResponse:
        # A server that refuses a form unread closes the connection, and a next page on it would fail.
        headers = {"Accept-Language": self.language, "Accept": "text/html", "Connection": "close"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers["Origin"] = self.origin
        response = self._http.request(method, url, headers=headers, redirect=False, **body)
        for line in response.headers.getlist("Set-Cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if value in {"", '""'}:
                self.cookies.pop(name.strip(), None)
            else:
                self.cookies[name.strip()] = value
        return response
