"""Measuring the weights of a target: a file, a folder, or a model on a Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from lineage.collect.budget import ReadBudget
from lineage.collect.shards import missing_shards_of
from lineage.collect.unknown_files import named_files
from lineage.errors import (
    ContentMismatchError,
    FileNotInRevisionError,
    HubError,
    InputError,
    OtherBytesError,
    TextTooLongError,
    few,
)
from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.file_contents import hash_whole
from lineage.fingerprint.groups import group_files, is_weight_file, missing_shards, shard_name, weight_groups
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import MAX_REQUESTS, HeaderReader, OpenFile
from lineage.fingerprint.measure import (
    GroupFingerprint,
    cost_since,
    fingerprint_as_deep_as_can_be,
    fingerprint_file,
    lies_elsewhere,
    open_at,
    total_size,
)
from lineage.hub.lfs import MAX_POINTER_BYTES, parse_placeholder
from lineage_schemas.cost import Cost
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level, is_deeper
from lineage_schemas.snapshot import ResolvedRevision, Snapshot
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.weight_group import WeightGroup

if TYPE_CHECKING:
    from pathlib import Path

    from lineage.hub.interface import Hub
    from lineage.progress import Progress
    from lineage.store.interface import GraphStore

MAX_NOTES = 20
"""Files of a work tree that are listed as different from HEAD."""

Recorded = Callable[[WeightGroup, Mapping[str, FileEntry]], GroupFingerprint | None]
"""Return what the store knows of a group's files."""


ONNX_INCOMPLETE = "the .onnx file stores tensors in a file that is missing or not in its folder"
"""Why a group is not read: only a part of its weights could be read."""


class Measured(NamedTuple):
    """Hold measured groups, the main one first, and what could not be measured, by group.

    `hub` and `snapshot` are None for a single file, which belongs to no repository. `grouping` is the cost of reading
    headers to find out which files are a group. `absent` names the groups some of whose bytes are missing, or have
    another hash than their id, each with the command that fetches them. `incomplete` names the sets with missing
    shards, `gone` the weights that should exist and are missing, `by_names` the groups that were made without
    their index because it is too long to be read. `settled` names groups with a problem that no further reading solves.
    """

    groups: tuple[GroupFingerprint, ...]
    problems: Mapping[str, str] = MappingProxyType({})
    hub: Hub | None = None
    snapshot: Snapshot | None = None
    grouping: tuple[Cost, ...] = ()
    absent: Mapping[str, str | None] = MappingProxyType({})
    incomplete: Mapping[str, str] = MappingProxyType({})
    gone: Mapping[str, str] = MappingProxyType({})
    by_names: Mapping[str, str] = MappingProxyType({})
    settled: Set[str] = frozenset()

    @property
    def missing_note(self) -> str:
        """Continue "no weight file" with what should be there."""
        reasons = [f"{what} {why}" for what, why in self.gone.items()]
        if not reasons and self.snapshot is not None and self.snapshot.partial:
            reasons = [f"the list of its files is partial: {self.snapshot.partial}"]
        return f", though {'; '.join(reasons)}" if reasons else ""

    @property
    def main(self) -> GroupFingerprint | None:
        """Return the main group."""
        return next((group for group in self.groups if group.group.main), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """Report how the files of a work tree differ from its HEAD commit; of untracked files only weights."""
        changed = self.snapshot.changed_on_disk if self.snapshot else {}
        lines = [f"{path} {how}" for path, how in changed.items() if is_weight_file(path) or "not in HEAD" not in how]
        more = [f"{len(lines) - MAX_NOTES} more files differ"] if len(lines) > MAX_NOTES else []
        return (*lines[:MAX_NOTES], *more)

    def doubt(self, group: str) -> str | None:
        """Return why a group's files prove nothing: some bytes, or some shards, are missing."""
        return self.problems.get(group) if group in self.absent else self.incomplete.get(group)

    def unchecked(self, decide_with: str | None = None) -> tuple[Unchecked, ...]:
        """List the groups that were not measured as deep as asked, with `decide_with` if their bytes are here."""
        missing = {**self.incomplete, **self.gone, **self.by_names}
        further = dict.fromkeys(self.problems.keys() - self.settled, decide_with)
        return (
            *(
                Unchecked(what=n, reason=why, decide_with=self.absent.get(n, further.get(n)))
                for n, why in self.problems.items()
            ),
            *(Unchecked(what=name, reason=why) for name, why in missing.items()),
        )


def measure_path(hub_of: Callable[[Path], tuple[Hub, str]], path: Path, level: Level, progress: Progress) -> Measured:
    """Measure a weight file alone, or all groups of a model folder. Raises InputError if the path is neither."""
    if path.is_file() and path.suffix != ".bundle":
        placeholder = _placeholder_file(path)
        if placeholder is not None:
            return placeholder
        found = fingerprint_file(path, level, progress)
        return Measured((found,), {found.group.name: ONNX_INCOMPLETE} if not found.is_whole else {})
    hub, model = hub_of(path)
    read_once(hub, level)
    return measure_model(hub, hub.resolve(model), ReadBudget(hub.is_local, level), progress)


def read_once(hub: Hub, level: Level) -> None:
    """Let a Hub hash the tensors of local files in the pass that it needs for their SHA-256, if a level needs both.

    Before `resolve`, which reads a folder to name its commit.
    """
    if level == "full":
        hub.hash_with(hash_whole)


def _placeholder_file(path: Path) -> Measured | None:
    """Describe a single file that is a placeholder for weights; None if it has the content itself."""
    try:
        with path.open("rb") as file:
            placeholder = parse_placeholder(file.read(MAX_POINTER_BYTES + 1))
    except OSError:
        return None  # reading the file reports why
    if placeholder is None:
        return None
    reason = f"it is {placeholder.kind}, and the content of the file is missing ({placeholder.hint})"
    entry = FileEntry(path=path.name, size=placeholder.size, sha256=placeholder.sha256)
    groups = weight_groups([entry])
    if not groups:
        raise InputError(f"{path} holds no weights: it is {placeholder.kind}", hint=placeholder.hint)
    digests = Digests(files=files_digest([entry.identity]))
    found = GroupFingerprint(groups[0], "metadata", (entry,), digests, None, {}, (), Cost(local=True))
    return Measured((found,), {groups[0].name: f"{path.name}: {reason}"}, absent={groups[0].name: None})


def measure_model(
    hub: Hub,
    resolved: ResolvedRevision,
    budget: ReadBudget,
    progress: Progress,
    *,
    only: Callable[[WeightGroup], bool] = lambda _: True,
    recorded: Recorded = lambda group, entries: None,
    look_inside: bool = True,
) -> Measured:
    """Measure a model's groups at a commit, each to the level that the budget allows.

    A group that cannot be read so deep is measured as deep as possible, and is in `problems`; of every group at least
    the listed files are known. A group that `recorded` knows deep enough is not read. If names do not show which files
    are a group, their headers are read, unless `look_inside` is False.
    """
    snapshot = hub.snapshot(resolved)
    files = {entry.path: entry for entry in named_files(snapshot)}
    read_index = _IndexReader(hub, resolved, files)
    spent: list[Cost] = []
    opened = _counted(hub, open_at(hub, resolved.model, resolved.commit, files), spent)
    limit = None if hub.is_local or budget.asked == "full" else MAX_REQUESTS
    headers = HeaderReader(opened, is_local=hub.is_local, max_requests=limit) if look_inside else None
    every, loose = group_files(files.values(), read_index, headers)
    groups = [group for group in every if only(group)]
    problems: dict[str, str] = {}
    absent: dict[str, str | None] = {}
    measured = []
    for group in groups:
        entries = {path: files[path] for path in group.files}
        known = recorded(group, entries)
        wanted = budget.level_for(total_size(entries.values()))
        if known is not None and not is_deeper(wanted, known.level):
            measured.append(known)
            continue
        found, problem = fingerprint_as_deep_as_can_be(
            hub, resolved.model, resolved.commit, group, files, wanted, progress
        )
        if problem is not None:
            command = problem.hint if (problem.hint or "").startswith("hf download ") else None
            problems[group.name] = problem.message if command else problem.in_one_line
        elif part := part_of_onnx(group, loose.get(group.name, ()), headers):
            problems[group.name] = part
        if isinstance(problem, FileNotInRevisionError | ContentMismatchError | OtherBytesError):
            absent[group.name] = command
        if found and isinstance(problem, ContentMismatchError | OtherBytesError):
            found = _without_identity(found)
        if found is not None and group.name in loose:
            found = found.without_data()
        if found is not None and found.level == "full":
            budget.spend(found.cost.bytes_read if found.unread else found.byte_size or 0)
        deepest = found if known is None or (found and not is_deeper(known.level, found.level)) else known
        measured += [deepest] if deepest and not deepest.is_calibration else []
    settled = {group.name for group in groups if lies_elsewhere(group) or (limit is None and group.name in loose)}
    incomplete = {group.name: why for group in groups if (why := missing_shards_of(group, read_index))}
    lone = missing_shards(files.values(), read_index)
    gone = _gone(snapshot, every, {index: lone[index] for index in lone if index not in read_index.too_long})
    by_names = read_index.by_names(groups)
    return Measured(tuple(measured), problems, hub, snapshot, tuple(spent), absent, incomplete, gone, by_names, settled)


def part_of_onnx(group: WeightGroup, loose: Sequence[str], headers: HeaderReader | None) -> str | None:
    """Return why an ONNX group may be only a part of its model; None if all files with its tensors are here.

    `loose` are files of which it is not known whether they hold some.
    """
    if not loose:
        refused = headers is not None and any(headers.refused_data(path) is not None for path in group.files)
        return ONNX_INCOMPLETE if refused or lies_elsewhere(group) else None
    read = next((why for path in group.files if headers and (why := headers.problem(path))), "it was not read")
    return f"{few(loose)} may hold its tensors: the .onnx file names the right ones, and {read}"


def _counted(hub: Hub, open_file: OpenFile, spent: list[Cost]) -> OpenFile:
    """Open files as `open_file` does, and record the cost of each read."""

    def opened(path: str) -> tuple[Read, int | None]:
        read, size = open_file(path)

        def counted(start: int, length: int) -> bytes:
            before = hub.cost()
            data = read(start, length)
            spent.append(cost_since(hub, before))
            return data

        return counted, size

    return opened


def _without_identity(found: GroupFingerprint) -> GroupFingerprint:
    """Remove the ids of files whose bytes do not match them."""
    files = tuple(FileEntry(path=entry.path, size=entry.size) for entry in found.files)
    return replace(found, files=files, digests=Digests())


def _gone(snapshot: Snapshot, groups: Sequence[WeightGroup], indexes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Report weights that should exist and are missing: files of HEAD that are not on disk, and sets of an index.

    A leftover index matters only if a loader would look for its shards: not beside weights that it loads first. A file
    of HEAD that is on disk in other shards is not gone.
    """
    whole = {group.name for group in groups if group.complete is not False}
    gone = {
        path: how
        for path, how in snapshot.changed_on_disk.items()
        if is_weight_file(path) and not snapshot.has(path) and shard_name(path).group not in whole
    }
    main = next((group for group in groups if group.main), None)
    for index, shards in indexes.items():
        taken = main is not None and (
            main.name in index or (main.format == "safetensors" and "safetensors" not in index)
        )
        if not taken:
            gone[index] = _names_of_shards(shards)
    return gone


def _names_of_shards(shards: Sequence[str]) -> str:
    """Report which shards of an index do not exist."""
    if not shards:
        return "lists a set of shards that does not exist"
    return f"names {len(shards)} shards that do not exist ({few(shards)})"


def recorded_weights(open_store: Callable[[], GraphStore], hub: Hub) -> Recorded:
    """Look up weights of a remote Hub in the store, so that the same files are not read again.

    Files on this machine are always read. The store is opened at the first look-up only, so that a question about
    local files does not create a store.
    """
    from lineage.collect.weights import stored_fingerprint

    def recorded(group: WeightGroup, entries: Mapping[str, FileEntry]) -> GroupFingerprint | None:
        if hub.is_local:
            return None
        with open_store().reading() as view:
            return stored_fingerprint(view, group, entries)

    return recorded


class _IndexReader:
    """Read indexes of shards; if one cannot be read, the names of the files decide, and `too_long` has the reason."""

    def __init__(self, hub: Hub, resolved: ResolvedRevision, files: Mapping[str, FileEntry]) -> None:
        self._hub, self._resolved, self._files = hub, resolved, files
        self.too_long: dict[str, str] = {}

    def __call__(self, path: str) -> bytes | None:
        """Read a whole index; None if it cannot be read."""
        try:
            return self._hub.read_text(self._resolved.model, self._resolved.commit, path, self._files[path].size)
        except TextTooLongError as error:
            self.too_long[path] = f"its files were grouped by their names, because {path} is too long: {error.reason}"
        except HubError:
            pass
        return None

    def by_names(self, groups: Sequence[WeightGroup]) -> dict[str, str]:
        """Map groups made without their index to the reason; an index without a group is listed by its path."""
        by_index = {group.index: group.name for group in groups}
        return {by_index.get(path, path): reason for path, reason in self.too_long.items()}
