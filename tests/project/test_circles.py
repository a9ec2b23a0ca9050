"""No module imports itself through other modules, wherever the imports are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import networkx
import pytest

from tests.support.shared import ROOT
from tools.module_imports import imports, modules

pytestmark = pytest.mark.slow


def circles(root: Path, *, of_packages: bool = False) -> list[list[str]]:
    """Find the groups of modules that reach each other by imports; `of_packages` takes a whole package as one.

    `tests.support` is a package of its own: tests and benchmarks stand on it.
    """
    known = modules(root)
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for name, path in known.items():
        pairs = [(name, imported) for imported in imports(path, known)]
        if of_packages:
            tops = [(package_of(start), package_of(end)) for start, end in pairs]
            pairs = [(start, end) for start, end in tops if start != end]
        graph.add_edges_from(pairs)
    found: Iterable[set[str]] = networkx.strongly_connected_components(graph)
    return sorted(sorted(group) for group in found if len(group) > 1 or graph.has_edge(*[next(iter(group))] * 2))


def package_of(module: str) -> str:
    """Return the package that a module belongs to."""
    return "tests.support" if module.startswith("tests.support") else module.partition(".")[0]


def test_no_module_imports_itself_through_others() -> None:
    """The whole tree, including tests and tools, has no import circle of any kind."""
    assert circles(ROOT) == []


def test_no_package_imports_itself_through_others() -> None:
    """Tests import benchmarks and tools, these only what tests stand on. `python -m lineage` starts the command."""
    assert circles(ROOT, of_packages=True) == [["lineage", "lineage_cli"]]


@pytest.mark.parametrize(
    "line",
    [
        "import lineage.second\n",
        "from lineage.second import thing\n",
        "from lineage import second\n",
        "def f():\n    from lineage.second import thing\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lineage.second import thing\n",
    ],
)
def test_a_planted_circle_is_found(tmp_path: Path, line: str) -> None:
    """Imports at the top, inside a function and for the type checker only are all found as circles."""
    (tmp_path / "lineage").mkdir()
    (tmp_path / "lineage" / "__init__.py").touch()
    (tmp_path / "lineage" / "first.py").write_text(line, "utf-8")
    (tmp_path / "lineage" / "second.py").write_text("import lineage.first\nthing = 1\n", "utf-8")
    assert circles(tmp_path) == [["lineage.first", "lineage.second"]]


def test_a_circle_between_tests_and_benchmarks_is_found(tmp_path: Path) -> None:
    """Circles between whole packages are found too, even if no two files import each other."""
    for package, other in (("tests", "benchmarks"), ("benchmarks", "tests")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "first.py").write_text(f"from {other}.second import start\n", "utf-8")
        (tmp_path / package / "second.py").write_text("start = 1\n", "utf-8")
    assert circles(tmp_path) == []
    assert circles(tmp_path, of_packages=True) == [["benchmarks", "tests"]]
