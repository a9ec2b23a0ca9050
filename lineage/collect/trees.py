"""Whole trees of the revisions that the graph keeps in full: heads of refs and ends of pushes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lineage.versioning.line import Line
from lineage_schemas.file import FileEntry, FileVersion
from lineage_schemas.ids import revision_key
from lineage_schemas.revision import Tree


def trees_of_line(line: Line, key: str, wanted: Collection[str]) -> Iterator[Tree]:
    """Replay a line and yield the tree of each wanted commit on it.

    It ends at the first commit whose changes are unknown: a guessed tree would be worse than none.
    """
    tree: dict[str, FileVersion] = {}
    if line.cut:
        return
    for commit in line.commits:
        if commit.changes is None:
            return
        for change in commit.changes:
            if change.new is None:
                tree.pop(change.path, None)
            else:
                tree[change.path] = change.new
        if commit.id in wanted:
            yield tree_record(key, commit.id, tree)


def tree_record(key: str, commit: str, tree: Mapping[str, FileVersion]) -> Tree:
    """Write a tree as a record, in order of path."""
    entries = (
        FileEntry(path=path, blob_id=v.blob_id, size=v.size, sha256=v.sha256) for path, v in sorted(tree.items())
    )
    return Tree(revision=revision_key(key, commit), entries=tuple(entries))
