"""What of a source tree belongs to the product by git's rules: .gitignore files, and what git tracks all the same."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.discovery.git_index import UnreadIndexError, index_of
from lineage.audit.discovery.patterns import compiled

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_PATTERNS = 10_000
"""Lines of a .gitignore that are read."""

MAX_COMPARISONS = 30_000_000
"""Patterns that are compared with paths, which take some 20 seconds."""

MAX_IGNORES = 1_000_000
"""Bytes of a .gitignore that is read."""


class Repository:
    """Hold what git tracks in a work tree that contains the source tree, or that is a folder of it.

    `above` leads from the work tree to the root of the source tree, `below` from that root to the work tree; both end
    with a slash or are empty, and one of them is. The index is read when it is first needed. `problem` says why it
    could not be read, which leaves open what git tracks.
    """

    def __init__(self, folder: Path, *, above: str = "", below: str = "") -> None:
        self.problem: str | None = None
        self._folder, self._above, self._below = folder, above, below

    def tracks(self, path: str, *, is_folder: bool) -> bool:
        """Return whether git tracks a file, or something in a folder; `path` is from the root of the source tree."""
        if not path.startswith(self._below):
            return False
        inner = self._above + path[len(self._below) :]
        if not is_folder:
            return inner in self._files
        at = bisect_left(self._sorted, f"{inner}/")
        return at < len(self._sorted) and self._sorted[at].startswith(f"{inner}/")

    @cached_property
    def _files(self) -> frozenset[str]:
        try:
            return index_of(self._folder).files
        except UnreadIndexError as error:
            self.problem = str(error)
            return frozenset()

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._files)


class Budget:
    """Count the patterns that are compared with paths; what is left out of them excludes nothing."""

    def __init__(self) -> None:
        self.left = MAX_COMPARISONS
        self.is_spent = False

    def spend(self, number: int) -> bool:
        """Take comparisons from what is left; return whether there were enough."""
        self.left -= number
        self.is_spent = self.is_spent or self.left < 0
        return self.left >= 0


class Rules(NamedTuple):
    """Hold what decides in a folder of the tree: the .gitignore files, deepest last, and the repository.

    With `tracked_only`, a folder that is ignored as a whole, only what git tracks belongs to the tree.
    """

    budget: Budget
    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    repository: Repository | None = None
    tracked_only: bool = False

    def ignore(self, path: str, *, is_folder: bool) -> bool:
        """Return whether the .gitignore files exclude a path, whatever git tracks."""
        return self.tracked_only or self._exclude(path + "/" if is_folder else path)

    def track(self, path: str, *, is_folder: bool) -> bool:
        """Return whether git tracks a file, or something in a folder."""
        return self.repository is not None and self.repository.tracks(path, is_folder=is_folder)

    def with_file(self, root: Path, folder: str) -> Rules:
        """Return the rules with those of the .gitignore in a folder."""
        found = _read_ignores(root / folder / ".gitignore", self.budget)
        return self._replace(specs=(*self.specs, (folder, found)))

    def _exclude(self, path: str) -> bool:
        """Return what the deepest .gitignore says that says anything about a path; a folder ends with a slash."""
        for folder, spec in reversed(self.specs):
            if not self.budget.spend(len(spec.patterns)):
                return False
            inner = path[len(folder) + 1 :] if folder and not folder.startswith("/") else folder[1:] + path
            verdict = spec.check_file(inner).include
            if verdict is not None:
                return verdict
        return False


def rules_of(root: Path) -> Rules:
    """Return the rules at the root of a tree: those of the folders above, if it is a part of a git work tree.

    The folder of such a file is kept as "/" and the path that leads from it to the root. A root that is ignored itself
    is what the user named: the files above say nothing about what is in it.
    """
    budget = Budget()
    if (root / ".git").exists():
        return Rules(budget, repository=Repository(root))
    specs: list[tuple[str, GitIgnoreSpec]] = []
    for parent in root.parents:
        above = f"{root.relative_to(parent).as_posix()}/"
        if (parent / ".gitignore").is_file():
            specs.insert(0, (f"/{above}", _read_ignores(parent / ".gitignore", budget)))
        if (parent / ".git").exists():
            repository = Repository(parent, above=above)
            return Rules(budget, () if _is_within_ignored(specs) else tuple(specs), repository)
    return Rules(budget)


def _is_within_ignored(specs: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Return whether the .gitignore files above a root exclude it, or a folder in which it is."""
    for folder, spec in specs:
        parts = folder.strip("/").split("/")
        if any(spec.check_file("/".join(parts[:length]) + "/").include for length in range(1, len(parts) + 1)):
            return True
    return False


def folders_of(paths: frozenset[str]) -> Iterator[str]:
    """Return the folders that paths are in."""
    seen = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]


def _read_ignores(file: Path, budget: Budget) -> GitIgnoreSpec:
    """Read a .gitignore; one that cannot be read, or is too long, excludes nothing."""
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_IGNORES:
            return compiled(())
        lines = file.read_text("utf-8", errors="replace").splitlines()
        budget.is_spent = budget.is_spent or len(lines) > MAX_PATTERNS
        return compiled(lines[:MAX_PATTERNS])
    except OSError:
        return compiled(())
