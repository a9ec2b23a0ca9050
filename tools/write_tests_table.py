"""Write the table of CONTRIBUTING.md that says which tests hold which source file.

Everything comes from the text of the modules. A test file uses a module that it imports, itself or by way of the
fixtures and support modules of the tests, or that it names in a string (`-m lineage`, `lineage_cli.start`, code for a
process of its own). The tests of a folder are in the folder of the same name. A file is named on its own where the
tests there do not reach it, or where none of them but a few tests elsewhere use it directly.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tools.module_imports import PACKAGES, imported, modules

ROOT = Path(__file__).parents[1]

SOURCES = ("lineage", "lineage_cli", "lineage_schemas")

TABLE = re.compile(r"(?<=<!-- tests of sources -->\n).*?(?=<!-- end of tests of sources -->)", re.DOTALL)

HOMES = {"lineage": "", "lineage_cli": "cli", "lineage_schemas": "schemas"}
"""Where the tests of a package begin below `tests/`."""

WHOLE = "tests/project/"
"""Tests of the project as a whole, which name many modules but test none of them."""

MOST = 3
"""The largest number of test files that are named one by one; for more, their folders are named."""


class Uncovered(Exception):
    """A source file that no test reaches."""


class Uses:
    """Hold which module uses which, below a root."""

    def __init__(self, root: Path) -> None:
        self.known = modules(root)
        self._root = root
        self._says_something: set[str] = set()
        self._used = {name: self._uses(name, path) for name, path in self.known.items()}
        self.sources = [
            name for name in sorted(self.known) if name in self._says_something and name.split(".")[0] in SOURCES
        ]
        self.tests = {
            self.file(name): self._direct(name)
            for name in sorted(self.known)
            if name.split(".")[0] == "tests" and name.split(".")[-1].startswith("test_")
        }

    def file(self, module: str) -> str:
        """Return the path of a module's file, relative to the root."""
        return self.known[module].relative_to(self._root).as_posix()

    def reached(self, modules: set[str]) -> set[str]:
        """Follow the imports of modules transitively."""
        found, waiting = set(modules), list(modules)
        while waiting:
            new = self._used[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    def importers(self, modules: set[str]) -> set[str]:
        """List the sources that import any of some modules."""
        return {name for name in self.known if name.split(".")[0] in SOURCES and self._used[name] & modules}

    def _direct(self, test: str) -> set[str]:
        """List the sources that a test file uses, including those used through modules of the tests."""
        seen: set[str] = set()
        waiting = [test, *self._fixtures(test)]
        while waiting:
            module = waiting.pop()
            seen.add(module)
            waiting += [each for each in self._used[module] - seen if each.split(".")[0] not in SOURCES]
        return {used for module in seen for used in self._used[module] if used.split(".")[0] in SOURCES}

    def _fixtures(self, test: str) -> Iterator[str]:
        """List the modules of fixtures that pytest provides to a test file, without those of all tests."""
        parts = test.split(".")
        yield from (
            name for end in range(2, len(parts)) if (name := ".".join([*parts[:end], "conftest"])) in self.known
        )

    def _uses(self, name: str, path: Path) -> set[str]:
        """List the modules that a file imports or names in its strings."""
        tree = ast.parse(path.read_bytes())
        nodes = list(ast.walk(tree))
        if tree.body and not (len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)):
            self._says_something.add(name)  # a package whose `__init__` is a docstring needs no test
        found = set(imported(nodes, self.known))
        constants = (node.value for node in nodes if isinstance(node, ast.Constant))
        texts = {value for value in constants if isinstance(value, str)}
        for text in texts:
            dotted = re.findall(rf"\b(?:{'|'.join(SOURCES)})(?:\.\w+)+", text)
            found |= {known for each in dotted if (known := self._longest(each))}
            if name.split(".")[0] in SOURCES and re.fullmatch(r"(?:\w+\.)+", text):  # f"lineage.report.{module}"
                found |= {each for each in self.known if each.startswith(text)}
        if "-m" in texts:
            found |= {main for text in texts if (main := f"{text}.__main__") in self.known}
        return found - {name}

    def _longest(self, dotted: str) -> str | None:
        """Find the module that a dotted name of a module, function or class begins with."""
        parts = dotted.split(".")
        names = (".".join(parts[:end]) for end in range(len(parts), 1, -1))
        return next((name for name in names if name in self.known), None)


def table(root: Path) -> str:
    """Write the table: a row for each source folder, exceptions file by file.

    Raises Uncovered for a source file that no test reaches.
    """
    uses = Uses(root)
    folders: dict[str, list[str]] = defaultdict(list)
    for module in uses.sources:
        folders[str(Path(uses.file(module)).parent)].append(module)
    rows = [f"| `{folder}/` | {_row(folder, inside, uses)} |\n" for folder, inside in sorted(folders.items())]
    return "\n| sources | their tests | files whose tests are elsewhere |\n|---|---|---|\n" + "".join(rows) + "\n"


def _row(folder: str, inside: list[str], uses: Uses) -> str:
    """Write the tests of a folder, and those of its files that are tested elsewhere."""
    home = _home(folder, uses)
    at_home = {test: used for test, used in uses.tests.items() if home and test.startswith(f"{home}/")}
    reached = uses.reached(set().union(*at_home.values()))
    elsewhere: dict[str, list[str]] = defaultdict(list)
    for module in inside:
        direct = {test for test, used in uses.tests.items() if module in used and not test.startswith(WHOLE)}
        if direct & at_home.keys() or (module in reached and not 0 < len(direct) <= MOST):
            continue
        elsewhere[_named(_nearest(module, uses))].append(Path(uses.file(module)).name)
    files = "; ".join(f"{', '.join(f'`{name}`' for name in names)}: {tests}" for tests, names in elsewhere.items())
    return f"{f'`{home}/`' if home else '–'} | {files}"


def _home(folder: str, uses: Uses) -> str | None:
    """Find the folder of tests that has the name of a source folder, or of the one around it."""
    inside = next(Path(folder).relative_to(Path(PACKAGES[name], name)) for name in SOURCES if _lies_in(folder, name))
    package = next(name for name in SOURCES if _lies_in(folder, name))
    start = Path("tests", HOMES[package])
    for each in (start / inside, *(start / parent for parent in inside.parents)):
        if each != Path("tests") and any(test.startswith(f"{each.as_posix()}/") for test in uses.tests):
            return each.as_posix()
    return None


def _lies_in(folder: str, package: str) -> bool:
    return Path(folder).is_relative_to(Path(PACKAGES[package], package))


def _nearest(module: str, uses: Uses) -> list[str]:
    """Find the test files that use a module, else the modules that import it, else the importers of these.

    Tests of the project as a whole count where there are no others. Raises Uncovered where there are none at all.
    """
    level, seen = {module}, {module}
    of_the_whole: list[str] = []
    while level:
        found = [test for test, used in uses.tests.items() if used & level]
        if behaving := [test for test in found if not test.startswith(WHOLE)]:
            return behaving
        of_the_whole = of_the_whole or found
        level = uses.importers(level) - seen
        seen |= level
    if not of_the_whole:
        raise Uncovered(f"{uses.file(module)}: no test reaches it; write one that imports it")
    return of_the_whole


def _named(tests: list[str]) -> str:
    """List a few test files one by one, and many by their folders."""
    if len(tests) <= MOST:
        return ", ".join(f"`{test}`" for test in tests)
    folders = sorted({str(Path(test).parent) for test in tests})
    return ", ".join(f"`{folder}/`" for folder in folders) if len(folders) <= MOST else "most folders"


def rewritten(text: str, root: Path) -> str:
    """Return a document with the current table."""
    return TABLE.sub(lambda _: table(root), text)


def main() -> int:
    """Rewrite CONTRIBUTING.md."""
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(rewritten(page.read_text("utf-8"), ROOT), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
