"""No package imports a higher layer: the contracts of pyproject.toml hold, and detect violations."""

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


@pytest.mark.slow
def test_no_room_imports_upward() -> None:
    """Every import goes to a lower layer, and each heavy library is imported by its own package only."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("lineage/hub/interface.py", "import lineage.collect\n", "Nothing imports upward"),
        ("lineage/fingerprint/__init__.py", "import lineage.store\n", "Nothing imports upward"),
        ("lineage/collect/pipeline.py", "from typing import TYPE_CHECKING\n", None),
        ("lineage/audit/__init__.py", "import lineage.answers\n", "Nothing imports upward"),
        ("lineage/audit/__init__.py", "import lineage.store.sqlite.store\n", "Outside the store no package"),
        ("lineage/collect/batch.py", "import lineage.store.memory\n", "Outside the store no package"),
        ("lineage/audit/__init__.py", "import sqlite3\n", "Only lineage.store.sqlite imports sqlite3"),
        ("lineage/audit/__init__.py", "import huggingface_hub\n", "Only lineage.hub.huggingface imports"),
        ("lineage/undeclared/__init__.py", "", "Nothing imports upward"),
        ("lineage/store/undeclared.py", "", "Backends do not know each other"),
        ("lineage/licences/table.py", "import lineage.hub.card\n", "Nothing imports upward"),
        ("lineage/licences/parse.py", "def f():\n    import lineage.settings\n", "licences are data and functions"),
        ("lineage/hub/undeclared.py", "", "The Hub and local folders"),
        ("lineage/report/undeclared.py", "", "Formats do not know each other"),
        ("cli/lineage_cli/undeclared.py", "", "Commands stand on their options"),
        ("lineage/query/__init__.py", "import sqlite3\n", "Only lineage.store.sqlite imports sqlite3"),
        ("lineage/store/merging.py", "import sqlite3\n", "Only lineage.store.sqlite imports sqlite3"),
        ("lineage/store/sqlite/write.py", "def f():\n    import neo4j\n", "Only lineage.store.neo4j imports neo4j"),
        ("lineage/store/sqlite/write.py", "import lineage.store.neo4j.view\n", "Backends do not know each other"),
        ("lineage/store/graph.py", "import lineage.store.rows\n", "Backends do not know each other"),
        ("lineage/hub/local/cache.py", "import lineage.hub.huggingface.hub\n", "The Hub and local folders"),
        ("lineage/report/markdown/check.py", "import lineage.report.table.check\n", "Formats do not know each other"),
        ("lineage/report/text.py", "def f():\n    import lineage.hub.interface\n", "Formats do not import the Hub"),
        ("lineage/derivation/combine/declared.py", "import lineage.store.graph\n", "do not import the store"),
        ("lineage/answers/session.py", "def f():\n    import huggingface_hub\n", "Only lineage.hub.huggingface"),
        ("lineage/hub/git/program.py", "import huggingface_hub\n", "Only lineage.hub.huggingface imports"),
        ("lineage/collect/names.py", "def f():\n    import networkx\n", "networkx stays in"),
        ("schemas/lineage_schemas/ids.py", "import lineage.errors\n", "The command line stands on"),
        ("cli/lineage_cli/check.py", "import lineage_cli.trace\n", "Commands stand on their options"),
    ],
)
def test_a_planted_import_is_noticed(tmp_path: Path, file: str, line: str, contract: str | None) -> None:
    """Each kind of wrong import, and each unlisted package, breaks a contract."""
    for part in ("lineage", "cli", "schemas"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("demo_data", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    with (tmp_path / file).open("a") as planted:
        planted.write(line)
    done = lint_imports(tmp_path)
    output = " ".join(done.stdout.split())  # names of contracts are wrapped
    if contract is None:
        assert done.returncode == 0, done.stdout
        return
    assert done.returncode == 1
    broken = [each.split(" KEPT")[-1] for each in output.split(" BROKEN")[:-1]]
    assert any(contract in name for name in broken), done.stdout
