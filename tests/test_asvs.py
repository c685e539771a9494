"""docs/asvs.md names sixty requirements, and no test that is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| .+ \| (met|not met) \| (.+) \|$", re.M)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall((ROOT / "docs" / "asvs.md").read_text())


@pytest.mark.rule("60 OWASP ASVS requirements by id", "assurance.md, cases")
def test_there_are_sixty_each_once() -> None:
    ids = [row[0] for row in rows()]
    assert len(ids) == len(set(ids)) == 60


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_what_meets_a_requirement_is_there(row: tuple[str, str, str]) -> None:
    _, state, said = row
    named = NAMED.findall(said)
    assert named or "setting `" in said or state == "not met"
    for path, test in named:
        text = (ROOT / path).read_text()
        assert not test or f"\ndef {test}(" in text, f"{path} has no {test}"


def test_how_many_are_met_is_counted() -> None:
    met = sum(state == "met" for _, state, _ in rows())
    said = (ROOT / "docs" / "asvs.md").read_text()
    assert f"{met} are met, {60 - met} are not" in said
