"""CONTRIBUTING.md says which tests hold which source file, and names only what is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.shared import ROOT
from tools.write_tests_table import TABLE, Uncovered, rewritten, table

PAGE = ROOT / "CONTRIBUTING.md"


def test_the_table_of_tests_is_fresh() -> None:
    """Each source file has tests, and the table says which (`make tests-table` writes it)."""
    text = PAGE.read_text("utf-8")
    assert len(TABLE.findall(text)) == 1
    assert rewritten(text, ROOT) == text, "run `make tests-table`"


def small_tree(root: Path) -> Path:
    """Lay out two source files, one test of the first, and support and a fixture by which tests use sources."""
    files = {
        "lineage/hub/open.py": "from lineage.hub.card import card\n",
        "lineage/hub/card.py": "card = 1\n",
        "lineage/hub/__init__.py": '"""Nothing here."""\n',
        "tests/hub/test_open.py": "from lineage.hub.open import card\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def row(root: Path, folder: str = "lineage/hub") -> str:
    """Give a folder's row of the table, without the cell that names it."""
    (found,) = re.findall(rf"^\| `{folder}/` \| (.*)\|$", table(root), flags=re.MULTILINE)
    return str(found).strip()


def test_a_file_that_no_test_reaches_is_noticed(tmp_path: Path) -> None:
    """A source file that no test imports, by way of other files or itself, is an error that names it."""
    root = small_tree(tmp_path)
    assert row(root) == "`tests/hub/` |"
    (root / "lineage/hub/alone.py").write_text("alone = 1\n")
    with pytest.raises(Uncovered, match=r"lineage/hub/alone.py: no test reaches it"):
        table(root)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tests/hub/test_alone.py", "def test():\n    from lineage.hub import alone\n"),
        ("tests/hub/test_alone.py", "CODE = 'from lineage.hub.alone import alone'\n"),
        ("tests/hub/conftest.py", "import lineage.hub.alone\n"),
        ("lineage/hub/card.py", "from importlib import import_module\nimport_module(f'lineage.hub.{1}')\n"),
    ],
)
def test_the_ways_in_which_tests_use_a_file(tmp_path: Path, file: str, text: str) -> None:
    """An import, code in a string, a fixture's module and a module that is found by name each reach a file."""
    root = small_tree(tmp_path)
    (root / "lineage/hub/alone.py").write_text("alone = 1\n")
    (root / file).write_text(text)
    assert row(root) == "`tests/hub/` |"


def test_a_file_whose_tests_are_elsewhere_is_named(tmp_path: Path) -> None:
    """Tests in another folder are named with the file, and support modules of the tests are seen through."""
    root = small_tree(tmp_path)
    (root / "lineage/hub/alone.py").write_text("alone = 1\n")
    for name, text in {
        "tests/support/lonely.py": "import lineage.hub.alone\n",
        "tests/answers/test_trace.py": "from tests.support import lonely\n",
    }.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    assert row(root) == "`tests/hub/` | `alone.py`: `tests/answers/test_trace.py`"
    shutil.rmtree(root / "tests/hub")
    with pytest.raises(Uncovered, match=r"lineage/hub/card.py"):
        table(root)
