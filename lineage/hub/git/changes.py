"""What each commit did to files: trees compared here, not by a git process.

`git diff-tree` keeps all changes of a commit in memory before it prints one, and ends at the first missing tree. Here
every comparison has a bound, and an unreadable tree hides the changes of its own commits only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from lineage.errors import HubAnswerError
from lineage.hub.git.objects import MAX_TREE_DEPTH, MAX_TREE_ENTRIES, GitObjects, TreeItem, parse_tree, shown_path
from lineage_schemas.file import FileVersion
from lineage_schemas.file_change import FileChange, FileStatus

NO_TREE = ""
"""The id used for the tree before a root commit."""

MAX_CHANGES = 2_000_000
"""Changes of a whole history: ten times as many as in the largest real ones."""

_READ_AHEAD = 200
_KEPT_TREES = 1000


class RawChange(NamedTuple):
    """A path whose blob differs: ids before and after, None where there is no file."""

    path: str
    old: str | None
    new: str | None


Step = tuple[str, str, str | None]
"""A commit, its tree, and the tree before it: NO_TREE at a root, None where that is not known."""


def read_changes(objects: GitObjects, steps: Sequence[Step]) -> tuple[dict[str, tuple[FileChange, ...]], int]:
    """Compare each commit's tree with the one before; gives the changes by commit and how many could not be read.

    A change of type counts as a modification; a change of mode alone is not a change, a submodule not a file. Paths
    are in order. Commits whose tree before is not known are neither in the answer nor counted.
    """
    raw: dict[str, list[RawChange]] = {}
    comparison = _Comparison(objects)
    left = MAX_CHANGES
    unread = 0
    for at, (commit, tree, before) in enumerate(steps):
        if at % _READ_AHEAD == 0:
            comparison.read_ahead([tree for _, tree, _ in steps[at : at + _READ_AHEAD]])
        if before is None:
            continue
        try:
            raw[commit] = comparison.changes(before, tree, limit=min(left, MAX_TREE_ENTRIES))
        except HubAnswerError:
            unread += 1
        else:
            left -= len(raw[commit])
    versions = objects.versions(blob for lines in raw.values() for line in lines for blob in line[1:] if blob)
    return {commit: tuple(_change(line, versions) for line in lines) for commit, lines in raw.items()}, unread


class _Comparison:
    """Compare trees, remembering the last ones: a commit's tree is mostly its parent's."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self._trees: OrderedDict[str, dict[bytes, TreeItem]] = OrderedDict()

    def read_ahead(self, trees: Sequence[str]) -> None:
        """Read many trees in one request. A missing or broken tree is reported when it is needed."""
        wanted = [tree for tree in dict.fromkeys(trees) if tree not in self._trees]
        for tree, content in self._objects.each_content(wanted, "tree") if wanted else ():
            if content is not None:
                with suppress(HubAnswerError):
                    self._keep(tree, parse_tree(content, self._objects.model))

    def changes(self, before: str, after: str, *, limit: int) -> list[RawChange]:
        """List the changes between two trees. Raises HubAnswerError where they cannot be read within bounds."""
        found: list[RawChange] = []
        for count, change in enumerate(self._compare(b"", before, after, 0)):
            if count >= limit:
                raise HubAnswerError(f"{self._objects.model}: more than {limit} changes", model=self._objects.model)
            if change.old != change.new:
                found.append(change)
        return sorted(found, key=lambda change: change.path)

    def _compare(self, prefix: bytes, before: str, after: str, depth: int) -> Iterator[RawChange]:
        """Yield the names that differ. Folders count towards the limit too, with no blob on either side."""
        if depth > MAX_TREE_DEPTH:
            raise HubAnswerError(f"{self._objects.model}: folders are nested too deeply", model=self._objects.model)
        self.read_ahead([tree for tree in (before, after) if tree != NO_TREE])
        old, new = self._items(before), self._items(after)
        for name in {name for name, _ in old.items() ^ new.items()}:
            was, now = old.get(name), new.get(name)
            path = prefix + name
            folders = [(item.folder.hex() if item and item.folder else NO_TREE) for item in (was, now)]
            if folders[0] != folders[1]:
                yield from self._compare(path + b"/", folders[0], folders[1], depth + 1)
            old_blob, new_blob = (item.blob if item else None for item in (was, now))
            yield RawChange(shown_path(path), old_blob, new_blob)

    def _items(self, tree: str) -> dict[bytes, TreeItem]:
        if tree == NO_TREE:
            return {}
        if tree not in self._trees:
            self._keep(tree, self._objects.items(tree))
        self._trees.move_to_end(tree)
        return self._trees[tree]

    def _keep(self, tree: str, items: dict[bytes, TreeItem]) -> None:
        self._trees[tree] = items
        if len(self._trees) > _KEPT_TREES:
            self._trees.popitem(last=False)


def _change(line: RawChange, versions: Mapping[str, FileVersion]) -> FileChange:
    status: FileStatus = "M" if line.old and line.new else "A" if line.new else "D"
    return FileChange(
        path=line.path,
        status=status,
        old=versions[line.old] if line.old else None,
        new=versions[line.new] if line.new else None,
    )
