"""The link that brings a stranger to a request: as a code, as an address, as a picture."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tests import cast
from tests.door.brand import Brand

pytestmark = pytest.mark.django_db
SIZE, QUIET = 29, 4  # version 3: room for 42 bytes with correction level M, in one block


@pytest.mark.rule("request link with QR", "issue, item 5")
def test_the_picture_says_what_the_address_says(hotel: Brand) -> None:
    link = hotel.ask(cast.make_body()).json()["link"]

    assert link["url"] == f"http://127.0.0.1:8000/link/#{link['code']}"
    assert read_code(link["qr_svg"]) == link["url"]


def test_the_picture_is_safe_to_put_into_a_page(hotel: Brand) -> None:
    picture = hotel.ask(cast.make_body()).json()["link"]["qr_svg"]
    root = ElementTree.fromstring(picture)

    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "path"}
    assert not re.search(r"(?i)\son|script|style|href|url\(", picture)
    assert root.get("viewBox") == f"0 0 {SIZE + 2 * QUIET} {SIZE + 2 * QUIET}"


def test_the_same_call_again_gives_the_same_link(hotel: Brand) -> None:
    body = cast.make_body()
    first, again = (hotel.ask(body, key="once").json() for _ in range(2))

    assert first == again
    assert "link" not in hotel.poll(first["id"]).json()


def test_somebody_who_is_named_gets_no_link(hotel: Brand, pod: Any) -> None:
    assert "link" not in hotel.ask(cast.make_body(pod)).json()


# A reader of our own (ISO/IEC 18004), for undamaged codes of version 3, level M, byte mode ----
def read_code(svg: str) -> str:
    dark = _modules(svg)
    mask = int("".join(str(int(dark[8][column] ^ flip)) for column, flip in zip(
        (2, 3, 4), (True, False, True), strict=True)), 2)  # fmt: skip
    bits = "".join(str(int(dark[y][x] ^ _MASKS[mask](y, x))) for y, x in _way() if _is_data(y, x))
    mode, length = int(bits[:4], 2), int(bits[4:12], 2)
    assert mode == 4
    raw = bytes(int(bits[12 + 8 * n : 20 + 8 * n], 2) for n in range(length))
    return raw.decode()


_MASKS = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,
    lambda y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)


def _modules(svg: str) -> list[list[bool]]:
    """Follow the strokes of the dark path: M x y, h length, m dx dy."""
    path = next(p for p in ElementTree.fromstring(svg).iter() if p.get("stroke") == "#000")
    dark = [[False] * SIZE for _ in range(SIZE)]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path.get("d") or ""):
        first, *second = (float(number) for number in numbers.split())
        if command == "h":
            for column in range(int(x), int(x + first)):
                dark[int(y) - QUIET][column - QUIET] = True
            x += first
        else:
            x, y = (first, second[0]) if command == "M" else (x + first, y + second[0])
    return dark


def _is_data(y: int, x: int) -> bool:
    corner = (y < 9 and (x < 9 or x >= SIZE - 8)) or (y >= SIZE - 8 and x < 9)
    alignment = 20 <= y <= 24 and 20 <= x <= 24
    return not (corner or alignment or y == 6 or x == 6)


def _way() -> list[tuple[int, int]]:
    """In pairs of columns from the right, up and down in turns, past the timing column."""
    rights = [x for x in range(SIZE - 1, 0, -2) if x > 6] + [5, 3, 1]
    way = []
    for turn, right in enumerate(rights):
        rows = range(SIZE - 1, -1, -1) if turn % 2 == 0 else range(SIZE)
        way += [(y, x) for y in rows for x in (right, right - 1)]
    return way
