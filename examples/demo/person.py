"""A customer: does on the real pages what a customer does, and reads what stands there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urljoin

from examples.demo import mailbox
from examples.demo.browser import Browser
from examples.demo.pages import Page


class Person:
    """Somebody with an address, a password and a browser."""

    def __init__(
        self, origin: str, mail: Path, address: str, password: str, language: str = "ko"
    ) -> None:
        self.address, self.password = address, password
        self.browser = Browser(origin, language)
        self._mail = mail

    # Coming in ---------------------------------------------------------------------------
    def sign_up(self, *, from_page: Page | None = None) -> Page:
        """Open a vault: read the operator's notice, tick, confirm by the mailed code."""
        start = from_page or self.browser.open("/")
        page = self.browser.open(start.link(to="/account/signup/"))
        form = page.form(with_field="password1")
        secrets = {"email": self.address, "password1": self.password, "password2": self.password}
        page = self.browser.send(form, {**secrets, "notice": "on", "of_age": "on"})
        return self.browser.send(page.form(with_field="code"), {"code": self.mails()[-1].code})

    def sign_in(self) -> Page:
        """Come back."""
        form = self.browser.open("/account/login/").form(with_field="password")
        return self.browser.send(form, {"login": self.address, "password": self.password})

    def mails(self) -> list[mailbox.Mail]:
        """Return the mails that came, the oldest first."""
        return mailbox.of(self._mail, self.address)

    def mails_about(self, subject: str) -> list[mailbox.Mail]:
        """Return the mails with these words in their subject, the oldest first."""
        return [mail for mail in self.mails() if subject in mail.subject]

    # My data -----------------------------------------------------------------------------
    def bring(self, file: Path, mapping: Path | None = None) -> Page:
        """Import a file; return the page that says what came of it."""
        form = self.browser.open("/data/import/").form(with_field="file")
        files = {"file": file} | ({"mapping": mapping} if mapping else {})
        return self.browser.send(form, {"on_error": "skip"}, files=files)

    def add(
        self, category: str, values: Mapping[str, str], files: Mapping[str, Path] | None = None
    ) -> Page:
        """Type a record in."""
        form = self.browser.open(f"/data/{category}/add/").form(to=f"/data/{category}/add/")
        return self.browser.send(form, values, files=files)

    def sees(self, category: str) -> str:
        """Return what stands on the page of one category."""
        return self.browser.open(f"/data/{category}/").text

    # Requests ----------------------------------------------------------------------------
    def enter_code(self, code: str) -> Page:
        """Type the code of a request link, also as a guest."""
        form = self.browser.open("/link/").form(with_field="code")
        return self.browser.send(form, {"code": code})

    def request_of(self, brand: str) -> Page:
        """Open the request of a brand from the inbox. Raises `LookupError` where there is none."""
        inbox = self.browser.open("/requests/")
        return self.browser.open(inbox.link(to="/requests/", text=brand))

    def choose(
        self,
        page: Page,
        share: Iterable[str] = (),
        keep_back: Mapping[str, Iterable[str]] | None = None,
    ) -> Page:
        """Tick the optional items to share and the details to keep back, all by their labels.

        `keep_back` names details by the position of their item: {"0": ["Seat"]}.
        """
        form = page.form(to=page.url)
        values: dict[str, str | list[str]] = {}
        for label in share:
            values[form.labelled(label, prefix="take-").name] = "on"
        for position, labels in (keep_back or {}).items():
            name = f"leave-{position}"
            values[name] = [form.labelled(label, prefix=name).value for label in labels]
        return self.browser.send(form, values)

    def optional(self, page: Page) -> list[str]:
        """Return the names of all ticks for optional items on a request's page."""
        inputs = page.form(to=page.url).inputs
        return [each.name for each in inputs if each.name.startswith("take-")]

    def agree(self, page: Page) -> Page:
        """Read the notice on the confirm page, make every tick by itself, agree."""
        return self.browser.send(page.form(with_field="tick"), {"tick": self.ticks(page)})

    def ticks(self, page: Page) -> list[str]:
        """Return the consents that the confirm page asks for, each with a tick of its own."""
        return [each.value for each in page.form(with_field="tick").inputs if each.name == "tick"]

    def approve(
        self,
        page: Page,
        share: Iterable[str] = (),
        keep_back: Mapping[str, Iterable[str]] | None = None,
    ) -> Page:
        """Choose and agree; return the page that says what was decided."""
        return self.agree(self.choose(page, share, keep_back))

    def refuse(self, page: Page) -> Page:
        """Say no."""
        refusing = self.browser.open(page.link(to="/refuse/"))
        return self.browser.send(refusing.form(to=refusing.url))

    # Journeys ----------------------------------------------------------------------------
    def journey_of(self, name: str) -> Page:
        """Open a journey that waits in the inbox."""
        inbox = self.browser.open("/requests/")
        return self.browser.open(inbox.link(to="/journeys/", text=name))

    def decide_journey(self, page: Page, said: Mapping[int, Iterable[str] | None]) -> Page:
        """Say to each stop, by its order, what to share of the optional items, or no (None).

        Reads each brand's notice on the confirm page, makes every tick by itself, and agrees.
        """
        form = page.form(with_field="stop1-answer")
        values: dict[str, str | list[str]] = {}
        for order, share in said.items():
            values[f"stop{order}-answer"] = "no" if share is None else "yes"
            for label in share or ():
                values[form.labelled(label, prefix=f"stop{order}-take-").name] = "on"
        page = self.browser.send(form, values)
        form = page.form(to="/confirm/")
        ticks: dict[str, list[str]] = {}
        for each in form.inputs:
            if each.name.startswith("tick"):
                ticks.setdefault(each.name, []).append(each.value)
        return self.browser.send(form, ticks)

    def end_journey(self, name: str) -> Page:
        """Leave a journey: two taps from home."""
        home = self.home()
        card = next(each for each in home.main.all(class_="journey") if name in each.text)
        links = [a.attributes["href"] for a in card.all("a")]
        asked = self.browser.open(
            urljoin(home.url, next(href for href in links if href.endswith("/end/")))
        )
        return self.browser.send(asked.form(to=asked.url))

    # What is shared ----------------------------------------------------------------------
    def home(self) -> Page:
        """Open the first page."""
        return self.browser.open("/")

    def grant(self, brand: str) -> Page:
        """Open the page of what is shared with a brand, from home."""
        return self.browser.open(self.home().link(to="/grants/", text=brand))

    def end(self, brand: str) -> Page:
        """End sharing with a brand: two taps from home."""
        asked = self.browser.open(_end_link(self.home(), brand))
        return self.browser.send(asked.form(to=asked.url))

    def pause_all(self) -> Page:
        """Stop every brand for now."""
        return self.browser.send(self.home().form(to=self.browser.origin + "/pause/"))

    def resume_all(self) -> Page:
        """Let everything go on."""
        return self.browser.send(self.home().form(to=self.browser.origin + "/resume/"))

    def reload(self, page: Page) -> Page:
        """Look at a page again."""
        return self.browser.open(page.url)

    def activity(self, show: str = "") -> list[str]:
        """Return the lines of the activity page, newest first: who, what, and why."""
        page = self.browser.open("/activity/" + (f"?show={show}" if show else ""))
        return [each.text for each in page.main.all("li", class_="event")]


def _end_link(home: Page, brand: str) -> str:
    for card in home.main.all(class_="grant"):
        if brand in card.text:
            links = [a.attributes["href"] for a in card.all("a")]
            found = [href for href in links if href.endswith("/end/")]
            if found:
                return urljoin(home.url, found[0])
    raise LookupError(f"nothing is shared with {brand}: {home.text[:300]}")
