"""Lock files carry hashes and no address; what pyproject and its packages ask for is all in them."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https?://|file://|--index|--find-links|@ ")


def problems(name: str, wanted: list[str]) -> list[str]:
    """Return what is wrong with one lock file."""
    text = (ROOT / name).read_text()
    lines = text.splitlines()
    found = [f"{name}:{i}: an address" for i, line in enumerate(lines, 1) if ADDRESS.search(line)]
    pins = [block for block in re.split(r"\n(?=[a-z0-9])", text) if "==" in block]
    found += [
        f"{name}: {pin.split()[0]} has no hash" for pin in pins if "--hash=sha256:" not in pin
    ]
    locked = {re.split(r"[=\[;\s]", pin.lower())[0].replace("_", "-") for pin in pins}
    for requirement in wanted:
        package = re.split(r"[><=\[;\s]", requirement.lower())[0].replace("_", "-")
        if package not in locked:
            found.append(f"{name}: {package} of pyproject.toml is not locked")
    return found + _extras_not_pinned(name, pins)


def _extras_not_pinned(name: str, pins: list[str]) -> list[str]:
    """Return which extras a locked package asks for that its pin does not name.

    Older pips take the pin of `a` for none of `a[b]`: they look for the newest `a`, find it without
    a hash, and install nothing.
    """
    asked = [Requirement(re.split(r"[\s;\\]", pin)[0]) for pin in pins]
    pinned = {canonicalize_name(each.name): each.extras for each in asked}
    return [
        f"{name}: {wanted.name}[{','.join(sorted(wanted.extras))}] of {package.name} is not pinned so"
        for package in asked
        for wanted in _wanted_by(package)
        if not wanted.extras <= pinned.get(canonicalize_name(wanted.name), set())
    ]


def _wanted_by(package: Requirement) -> Iterator[Requirement]:
    try:
        lines = metadata.requires(package.name) or []
    except metadata.PackageNotFoundError:
        return  # for another Python or system
    for wanted in map(Requirement, lines):
        taken = [{"extra": extra} for extra in ("", *package.extras)]
        if wanted.marker is None or any(wanted.marker.evaluate(each) for each in taken):
            yield wanted


def main() -> int:
    """Print every problem; 0 when there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"]
    dev = runtime + project["dependency-groups"]["dev"]
    found = problems("requirements.txt", runtime) + problems("requirements-dev.txt", dev)
    print("\n".join(found) or "lock files: every package pinned and hashed, no address")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
