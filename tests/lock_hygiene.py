"""Lock files carry hashes and no address; pyproject's dependencies are all in them."""

import re
import sys
import tomllib
from pathlib import Path

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
    return found


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
