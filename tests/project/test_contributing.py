"""CONTRIBUTING.md says which tests hold which source file, and names only existing files."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from tests.support.shared import ROOT
from tools.write_tests_table import TABLE, Uncovered, rewritten, table

pytestmark = pytest.mark.slow

PAGE = ROOT / "CONTRIBUTING.md"


def test_the_table_of_tests_is_fresh() -> None:
    """Each source file has tests, and the table says which (`make tests-table` writes it)."""
    text = PAGE.read_text("utf-8")
    assert len(TABLE.findall(text)) == 1
    assert rewritten(text, ROOT) == text, "run `make tests-table`"


FOLDERS = ("lineage", "cli", "schemas", "tests", "tools", "docs", ".ci")


PATH = re.compile(r"[\w.]+(/[\w.-]+)+/?|\w+/|[\w.-]+\.(py|md|toml|json|yml|sh)/?")


def named_paths(text: str) -> set[str]:
    """List what a page names in backticks as a path: words with a slash, and names of files."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {word for word in re.findall(r"`([^`\n]+)`", prose) if PATH.fullmatch(word)}


@cache
def everything(root: Path) -> tuple[tuple[Path, bool], ...]:
    """List all files and folders of the project, and say of each whether it is a folder."""
    found = (path for folder in FOLDERS for path in ((root / folder), *(root / folder).rglob("*")))
    return tuple((path, path.is_dir()) for path in (*root.glob("*.*"), *found))


def is_there(path: str, root: Path) -> bool:
    """Look for a path from the root and below all folders: a sentence names a folder once. NAME is any name."""
    wanted = path.rstrip("/").replace("NAME", "*")
    return any(is_folder == path.endswith("/") and found.match(wanted) for found, is_folder in everything(root))


def test_every_path_that_the_page_names_is_there() -> None:
    """Recipes and tables name existing folders and files."""
    paths = named_paths(PAGE.read_text("utf-8"))
    assert {"lineage/store/graph.py", "lineage/store/sqlite/", "cli/lineage_cli/NAME.py", "pyproject.toml"} <= paths
    assert len(paths) > 60
    assert sorted(path for path in paths if not is_there(path, ROOT)) == []


def test_a_path_that_is_gone_is_noticed() -> None:
    """A moved file, and a file that is named as a folder, are found as missing."""
    page = (
        "`lineage/store/sqlite.py` `lineage/log.py/` `gone.py` `make lint` `@runs` `weights.v2`\n```sh\n`a/b.py`\n```\n"
    )
    assert named_paths(page) == {"lineage/store/sqlite.py", "lineage/log.py/", "gone.py"}
    assert not any(is_there(path, ROOT) for path in named_paths(page))
    assert is_there("log.py", ROOT)
    assert is_there("store/moving/", ROOT)


def small_tree(root: Path) -> Path:
    """Write two source files, a test of the first, and a support module and a fixture that tests use."""
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
    """Return a folder's row of the table, without the cell that names it."""
    (found,) = re.findall(rf"^\| `{folder}/` \| (.*)\|$", table(root), flags=re.MULTILINE)
    return str(found).strip()


def test_a_file_that_no_test_reaches_is_noticed(tmp_path: Path) -> None:
    """A source file that no test imports, directly or through other files, is an error that names it."""
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
    """A file counts as tested by an import, code in a string, a fixture's module, and a module given by name."""
    root = small_tree(tmp_path)
    (root / "lineage/hub/alone.py").write_text("alone = 1\n")
    (root / file).write_text(text)
    assert row(root) == "`tests/hub/` |"


def test_a_file_whose_tests_are_elsewhere_is_named(tmp_path: Path) -> None:
    """Tests in another folder are listed with the file, and imports through support modules of the tests count."""
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
