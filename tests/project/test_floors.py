"""Nothing imports upward: the contracts of pyproject.toml hold, and would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shared import ROOT

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages below `root`, whatever is installed."""
    path = os.pathsep.join(str(root / part) for part in (".", "cli", "schemas"))
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_room_imports_upward() -> None:
    """Every import goes down a floor, and heavy or foreign packages stay in their rooms."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("lineage/hub/interface.py", "import lineage.collect\n", "Nothing imports upward"),
        ("lineage/fingerprint/__init__.py", "import lineage.store\n", "Nothing imports upward"),
        ("lineage/query/__init__.py", "import sqlite3\n", "Only lineage.store.neo4j*"),
        ("lineage/store/merging.py", "import sqlite3\n", "Only lineage.store.neo4j*"),
        ("lineage/store/sqlite_write.py", "def f():\n    import neo4j\n", "Only lineage.store.neo4j*"),
        ("lineage/answers/session.py", "def f():\n    import huggingface_hub\n", "Only lineage.hub imports"),
    ],
)
def test_a_planted_import_is_noticed(tmp_path: Path, file: str, line: str, contract: str) -> None:
    """A contract that cannot break holds nothing: each kind of wrong import breaks one."""
    for part in ("lineage", "cli", "schemas"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("demo_data", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as planted:
        planted.write(line)
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert any(contract in row and "BROKEN" in row for row in done.stdout.splitlines()), done.stdout
