"""Shard indexes along a line: which files a loader takes from a tree that holds more than one set of shards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from lineage.errors import HubError, HubUnreachableError
from lineage.fingerprint.groups import INDEX, listed_files, name_by_index
from lineage.fingerprint.weight_files import is_calibration, is_weight_file, weight_format
from lineage.versioning.groups import HeadersOfLine, PlacedGroup, placed_groups
from lineage.versioning.line import Line
from lineage.versioning.texts import ReadText
from lineage_schemas.file import FileVersion

LOADER_FILES = frozenset({"config.json", "model_index.json", "params.json"})
"""Files whose presence decides which weights a loader takes; of a shard index the content decides."""


def is_watched(path: str) -> bool:
    """Return whether a path holds weights, or helps to decide which weights a loader takes.

    A name of calibration data may be that of a model: the header decides.
    """
    return (
        is_weight_file(path)
        or is_calibration(path)
        or bool(INDEX.search(path))
        or path.rpartition("/")[2] in LOADER_FILES
    )


def watched_on(line: Line) -> Callable[[str], bool]:
    """Choose what is watched on a line: where .onnx files are, every file, for they may call their data anything."""
    if not any(change.path.lower().endswith(".onnx") for commit in line.commits for change in commit.changes or ()):
        return is_watched
    return lambda path: True


class UnreadIndex(NamedTuple):
    """Hold why an index that decides could not be read, and whether another run may read it."""

    reason: str
    again: bool


class Placement(NamedTuple):
    """Hold the weight groups of one commit's tree, and the indexes that would decide between them but were not read."""

    groups: Mapping[str, PlacedGroup]
    unread: Mapping[str, UnreadIndex]


class Indexes:
    """Group the weight files of trees along a line, and read an index only where it decides.

    It decides where a folder holds two groups of its format: shards in two numbers, or a whole file beside shards; and
    beside other groups where the shards that it may list have another name, or are in another folder. It may decide too
    where a push changes it and leaves files alone that it may list. Each version of an index is read once.
    """

    def __init__(self, read: ReadText, headers: HeadersOfLine | None = None) -> None:
        self._read = read
        self._headers = headers
        self._known: dict[tuple[str, str], bytes | UnreadIndex] = {}

    def placed(self, commit: str, tree: Mapping[str, FileVersion], moved: Collection[str] = ()) -> Placement:
        """Group the weight files of a commit's tree by its indexes, by names where one could not be read.

        `moved` are indexes to read although the names leave nothing open. A version that was read once is used again,
        so that the groups of one tree stay the same along the line.
        """
        groups = placed_groups(commit, tree, None, self._headers)
        known = {path for path, version in tree.items() if INDEX.search(path) and self._is_read(path, version)}
        paths = sorted({*_deciding(groups, tree), *known, *(path for path in moved if path in tree)})
        contents = {path: self._content(commit, path, tree[path]) for path in paths}
        unread = {path: found for path, found in contents.items() if isinstance(found, UnreadIndex)}
        read = {path: found for path, found in contents.items() if not isinstance(found, UnreadIndex)}
        return Placement(placed_groups(commit, tree, read.get, self._headers) if read else groups, unread)

    def _is_read(self, path: str, version: FileVersion) -> bool:
        return isinstance(self._known.get((path, version.identity or "")), bytes)

    def _content(self, commit: str, path: str, version: FileVersion) -> bytes | UnreadIndex:
        key = (path, version.identity or commit)
        if key not in self._known:
            self._known[key] = self._fetch(commit, path, version.size)
        return self._known[key]

    def _fetch(self, commit: str, path: str, size: int | None) -> bytes | UnreadIndex:
        try:
            content = self._read(commit, path, size)
        except HubError as error:
            return UnreadIndex(error.message, again=isinstance(error, HubUnreachableError))
        if not listed_files(path, lambda _: content):
            return UnreadIndex("it does not list files beside it", again=False)
        return content


def set_of_index(path: str) -> tuple[str, str | None]:
    """Return the folder of an index, and the format of its shards by its name."""
    shards = path[: path.rindex(".index.")]
    return shards.rpartition("/")[0], weight_format(shards)


def candidates(groups: Mapping[str, PlacedGroup], index: str) -> list[PlacedGroup]:
    """List the groups among which an index may decide: those of its folder in its format.

    Where its folder holds none, it can only list files in the folders below: then all groups there in its format.
    """
    folder, form = set_of_index(index)
    alike = [placed for placed in groups.values() if placed.group.format == form]
    beside = [placed for placed in alike if placed.group.component == folder]
    below = [placed for placed in alike if not folder or placed.group.component.startswith(f"{folder}/")]
    return beside or below


def moved_indexes(
    before: Placement, after: Placement, old: Mapping[str, FileVersion], new: Mapping[str, FileVersion]
) -> list[str]:
    """List the indexes that a push changed while it left alone a file that they may list.

    Such an index may stop listing the file, or list one in another folder. Where every file is new, the files
    are compared anyway.
    """
    changed = [path for path in old if path in new and INDEX.search(path) and old[path] != new[path]]
    return [
        path
        for path in changed
        if any(
            old.get(file) == new.get(file)
            for placed in (*candidates(before.groups, path), *candidates(after.groups, path))
            for file in placed.files
        )
    ]


def _deciding(groups: Mapping[str, PlacedGroup], tree: Mapping[str, FileVersion]) -> Iterator[str]:
    for path in sorted(path for path in tree if INDEX.search(path)):
        among = candidates(groups, path)
        if len(among) > 1 or (len(groups) > 1 and _lists_others(groups, path, among)):
            yield path


def _lists_others(groups: Mapping[str, PlacedGroup], index: str, among: list[PlacedGroup]) -> bool:
    """Return whether an index may list shards that names do not connect with it."""
    if among:
        return among[0].group.name != name_by_index(index)
    folder, kind = set_of_index(index)
    below = f"{folder}/" if folder else ""
    return any(each.group.format == kind and each.group.component.startswith(below) for each in groups.values())
