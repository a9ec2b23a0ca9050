"""What of a source tree belongs to the product by git's rules: .gitignore files, and what git tracks all the same."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.discovery.git_index import UnreadIndexError, index_of

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

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


class Rules(NamedTuple):
    """Hold what decides in a folder of the tree: the .gitignore files, deepest last, and the repository.

    With `tracked_only`, a folder that is ignored as a whole, only what git tracks belongs to the tree.
    """

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    repository: Repository | None = None
    tracked_only: bool = False

    def ignore(self, path: str, *, is_folder: bool) -> bool:
        """Return whether the .gitignore files exclude a path, whatever git tracks."""
        return self.tracked_only or _is_ignored(path, is_folder, self.specs)

    def track(self, path: str, *, is_folder: bool) -> bool:
        """Return whether git tracks a file, or something in a folder."""
        return self.repository is not None and self.repository.tracks(path, is_folder=is_folder)

    def with_file(self, root: Path, folder: str) -> Rules:
        """Return the rules with those of the .gitignore in a folder."""
        found = _read_ignores(root / folder / ".gitignore")
        return self._replace(specs=(*self.specs, (folder, found)))


def rules_of(root: Path) -> Rules:
    """Return the rules at the root of a tree: those of the folders above, if it is a part of a git work tree.

    The folder of such a file is kept as "/" and the path that leads from it to the root. A root that is ignored itself
    is what the user named: the files above say nothing about what is in it.
    """
    if (root / ".git").exists():
        return Rules(repository=Repository(root))
    specs: list[tuple[str, GitIgnoreSpec]] = []
    for parent in root.parents:
        above = f"{root.relative_to(parent).as_posix()}/"
        if (parent / ".gitignore").is_file():
            specs.insert(0, (f"/{above}", _read_ignores(parent / ".gitignore")))
        if (parent / ".git").exists():
            repository = Repository(parent, above=above)
            return Rules(() if _is_within_ignored(specs) else tuple(specs), repository)
    return Rules()


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


def compiled(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Compile patterns, without those that are not valid."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except GitIgnorePatternError:
        return GitIgnoreSpec.from_lines(line for line in patterns if _is_valid(line))


def _is_ignored(path: str, is_folder: bool, specs: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Return what the deepest .gitignore says that says anything about a path."""
    for folder, spec in reversed(specs):
        inner = path[len(folder) + 1 :] if folder and not folder.startswith("/") else folder[1:] + path
        verdict = spec.check_file(inner + "/" if is_folder else inner).include
        if verdict is not None:
            return verdict
    return False


def _read_ignores(file: Path) -> GitIgnoreSpec:
    """Read a .gitignore; one that cannot be read, or is too long, excludes nothing."""
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_IGNORES:
            return compiled(())
        return compiled(file.read_text("utf-8", errors="replace").splitlines())
    except OSError:
        return compiled(())


def _is_valid(pattern: str) -> bool:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        return False
    return True
