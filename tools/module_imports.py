"""Which module imports which, found by parsing the modules, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGES = {
    "lineage_schemas": "schemas", "lineage": "", "lineage_cli": "cli", "tests": "", "benchmarks": "", "tools": "",
}  # fmt: skip
"""Every package of ours, with the folder that contains it."""

DATA = ("lineage/demo_data", "tests/data/trees")
"""Sources of products that an audit reads: nothing imports them."""


def modules(root: Path) -> dict[str, Path]:
    """List each module below a root by the name with which it is imported."""
    found = {}
    for package, folder in PACKAGES.items():
        base = root / folder
        for path in (base / package).rglob("*.py"):
            if any((root / each) in path.parents for each in DATA):
                continue
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """List the modules of ours that a file imports: at the top, inside functions, for the type checker.

    `from lineage.hub import lfs` is an import of `lineage.hub.lfs`, `from lineage.hub.lfs import Pointer` is one of
    `lineage.hub.lfs`. Packages take no part: a test in `tests/project/test_style.py` keeps imports out of `__init__`.
    """
    yield from imported(ast.walk(ast.parse(path.read_bytes())), known)


def imported(nodes: Iterable[ast.AST], known: Mapping[str, Path]) -> Iterator[str]:
    """List the modules of ours that a file imports from its syntax tree."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in known else node.module for name in inner if {name, node.module} & known.keys())
