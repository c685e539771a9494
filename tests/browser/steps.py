"""What a person does in a browser that a brand sent here: signs in, and agrees."""

from typing import Any


def sign_in(page: Any, address: str, password: str) -> None:
    """Sign in by the form that stands in the way, and arrive at the request."""
    page.fill("[name=login]", address)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/requests/**")


def agree(page: Any) -> None:
    """Take what is chosen, read the notice, tick all that asks for it, and agree."""
    page.locator("main form .actions button").first.click()
    page.wait_for_url("**/confirm/")
    for tick in page.locator("[name=tick]").all():
        tick.check()
    page.locator("main form .actions button").first.click()
