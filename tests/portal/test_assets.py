"""What the pages load: our own files only, small, with their licences."""

import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "portal" / "static" / "portal"


def test_style_sheets_point_at_files_that_are_there() -> None:
    for sheet in (STATIC / "css").glob("*.css"):
        for target in re.findall(r"url\((?!\"data:)([^)]+)\)", sheet.read_text()):
            assert (sheet.parent / target.strip("'\"")).exists(), target


def test_fonts_and_icons_come_with_their_licences_and_stay_small() -> None:
    assert "SIL Open Font License" in (STATIC / "fonts" / "OFL.txt").read_text().replace(
        "OPEN FONT LICENSE", "SIL Open Font License"
    )
    assert "ISC License" in (STATIC / "icons" / "LICENSE.txt").read_text()
    total = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file())
    assert total <= 4 * 1024 * 1024


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons" / "sprite.svg").read_text()))
    portal = Path(settings.BASE_DIR) / "portal"
    named = set()
    for template in (portal / "templates").rglob("*.html"):
        text = template.read_text()
        named |= set(re.findall(r'<c-icon name="([a-z0-9-]+)"', text))
        named |= set(re.findall(r'\sicon="([a-z0-9-]+)"', text))
    named |= set(
        re.findall(
            r'Sentence\(\s*"([a-z0-9-]+)"', (portal / "customer" / "sentences.py").read_text()
        )
    )
    assert named <= sprite, named - sprite


@pytest.mark.rule("overview at most 150 kB without fonts, no third-party request", "portal.md")
def test_the_style_and_the_icons_are_light() -> None:
    sheets = sum(path.stat().st_size for path in (STATIC / "css").glob("*.css"))
    assert sheets + (STATIC / "icons" / "sprite.svg").stat().st_size <= 110 * 1024
