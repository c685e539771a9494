"""The recipe in docs/verifying.md, run as it stands there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.audit.made_bundles import Maker, listed_anew, vkey

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "verifying.md"
NEEDED = ("bash", "openssl", "jq", "sha256sum", "od")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}"
)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    [text] = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    path = tmp_path / "recipe.sh"
    path.write_text(text)
    return path


def run(recipe: Path, bundle: Path, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(recipe), str(bundle), key], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(recipe.parent), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@pytest.mark.rule("design/log.md", "Verifiers: a shell recipe with openssl")
def test_the_recipe_verifies_a_sound_bundle(tmp_path: Path, recipe: Path) -> None:
    ran = run(recipe, Maker().write(tmp_path / "bundle"), vkey())
    assert ran.returncode == 0, ran.stderr
    assert "Root verified" in ran.stdout


def test_the_recipe_finds_a_changed_file_and_a_changed_leaf(tmp_path: Path, recipe: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    leaves = path / "leaves.ndjson"
    leaves.write_bytes(leaves.read_bytes().replace(b'"epoch":3', b'"epoch":4', 1))
    assert run(recipe, path, vkey()).returncode != 0
    listed_anew(path)
    ran = run(recipe, path, vkey())
    assert ran.returncode != 0
    assert "Root verified" not in ran.stdout


def test_the_recipe_finds_a_foreign_signature(tmp_path: Path, recipe: Path) -> None:
    path = Maker().write(tmp_path / "bundle")
    note = path / "checkpoint-last.note"
    note.write_text(note.read_text().replace("\n26\n", "\n27\n"))
    listed_anew(path)
    assert run(recipe, path, vkey()).returncode != 0
