"""The verifier on machines that are not ours: little memory, other Pythons, no network."""

import ast
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.bundles import VERIFIER, verified_apart
from tests.audit.made_bundles import Maker, story, write_large

MEMORY = 100 * 1024 * 1024
ENTRIES = 100_000


def other_pythons() -> list[str]:
    """The interpreters of this machine that the verifier promises to run under."""
    found = {}
    for minor in range(9, 16):
        paths = [shutil.which(f"python3.{minor}")]
        paths += sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))
        for path in filter(None, paths):
            ran = subprocess.run([path, "-I", "-c", ""], capture_output=True, check=False)
            if ran.returncode == 0:
                found[minor] = path
    return list(found.values())


def limited() -> None:
    """Allow 100 MiB of address space beyond what the interpreter itself maps."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.mark.rule("design/log.md", "Cost to reach: 100 MB of memory")
def test_a_hundred_thousand_entries_fit_into_a_hundred_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    write_large(path, story(ENTRIES, ENTRIES // 20))
    run = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(path), "--lang", "en"],
        capture_output=True, preexec_fn=limited, check=False, text=True,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert "100,000" in run.stdout


@pytest.mark.rule("design/log.md", "Verifiers: Python >= 3.9, standard library only")
@pytest.mark.parametrize("python", other_pythons() or [sys.executable])
def test_other_pythons_say_the_same(tmp_path: Path, python: str) -> None:
    sound = Maker().write(tmp_path / "sound")
    report = verified_apart(sound, "--state", tmp_path / "state", python=python)
    assert (report.exit, report.codes) == (0, frozenset())
    wrong = Maker()
    wrong.entries.append(wrong.entries.pop(6))
    wrong.entries[-1], wrong.entries[-2] = wrong.entries[-2], wrong.entries[-1]
    codes = {"read-after-end", "history-rewritten"}
    report = verified_apart(
        wrong.write(tmp_path / "wrong"), "--state", tmp_path / "state", python=python
    )
    assert report.exit == 1
    assert codes <= report.codes


def test_it_imports_the_standard_library_only_and_nothing_that_reaches_out() -> None:
    tree = ast.parse(VERIFIER.read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in ([ast.alias(node.module)] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert imported <= set(sys.stdlib_module_names) | {"__future__"}
    assert not imported & {"socket", "urllib", "http", "subprocess", "ctypes", "pickle", "ssl"}


def test_it_runs_inside_the_unpacked_bundle_without_arguments(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    shutil.copy(VERIFIER, path / "verify.py")
    run = subprocess.run(
        [sys.executable, "-I", str(path / "verify.py")], capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_report_survives_a_console_without_hangul(tmp_path: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    run = subprocess.run(
        [sys.executable, str(VERIFIER), str(path)], capture_output=True, check=False,
        env={"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert b"Verified" in run.stdout
