"""Measuring the weights that a person names: a file, a folder of their own, or a model on a Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lineage.collect.budget import ReadBudget
from lineage.errors import HubError
from lineage.fingerprint.groups import group_files, missing_shards
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import HeaderReader, OpenFile
from lineage.fingerprint.measure import (
    GroupFingerprint,
    cost_since,
    fingerprint_as_deep_as_can_be,
    fingerprint_file,
    lies_elsewhere,
    open_at,
    total_size,
)
from lineage_schemas.change import Unchecked
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level, is_deeper
from lineage_schemas.snapshot import ResolvedRevision, Snapshot
from lineage_schemas.weight_group import WeightGroup
from lineage_schemas.weights import Cost

if TYPE_CHECKING:
    from pathlib import Path

    from lineage.hub.interface import Hub
    from lineage.progress import Progress
    from lineage.store.interface import GraphStore

Recorded = Callable[[WeightGroup, Mapping[str, FileEntry]], GroupFingerprint | None]
"""Find what the store knows of a group's files."""


ONNX_INCOMPLETE = "the .onnx file keeps tensors in a file that is not here"
"""Why a group is not read: what would be read is a part of the weights."""


@dataclass(frozen=True)
class Measured:
    """Hold measured groups, the main one first, and what could not be measured, by group.

    `hub` and `snapshot` are None for a single file, which belongs to no repository. `lacking` says which weight files
    should be there where none is. `grouping` is what reading headers cost to find out which files are a group.
    """

    groups: tuple[GroupFingerprint, ...]
    problems: Mapping[str, str] = field(default_factory=dict)
    hub: Hub | None = None
    snapshot: Snapshot | None = None
    lacking: str | None = None
    grouping: tuple[Cost, ...] = ()

    @property
    def missing_note(self) -> str:
        """Continue "no weight file" with what should be there."""
        return f", though {self.lacking}" if self.lacking else ""

    @property
    def main(self) -> GroupFingerprint | None:
        """Give the main group."""
        return next((group for group in self.groups if group.group.main), None)

    def unchecked(self, decide_with: str | None = None) -> tuple[Unchecked, ...]:
        """Say which groups were not measured as deep as they should be."""
        return tuple(Unchecked(what=name, reason=why, decide_with=decide_with) for name, why in self.problems.items())


def measure_path(hub_of: Callable[[Path], tuple[Hub, str]], path: Path, level: Level, progress: Progress) -> Measured:
    """Measure a weight file alone, or all groups of a model folder. Raises InputError where there is neither."""
    if path.is_file() and path.suffix != ".bundle":
        found = fingerprint_file(path, level, progress)
        return Measured((found,), {found.group.name: ONNX_INCOMPLETE} if lies_elsewhere(found.group) else {})
    hub, model = hub_of(path)
    return measure_model(hub, hub.resolve(model), ReadBudget(hub.is_local, level), progress)


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
    """Measure a model's groups at a commit, each to the level that the budget has for it.

    A group that cannot be read so deep is measured as deep as it can be, and is in `problems`; what only its
    listing tells is known of every group. What `recorded` knows deep enough is not read. Where names do not tell which
    files are a group, their headers do, unless `look_inside` is False.
    """
    snapshot = hub.snapshot(resolved)
    files = {entry.path: entry for entry in snapshot.files}
    read_index = _index_reader(hub, resolved)
    spent: list[Cost] = []
    opened = _counted(hub, open_at(hub, resolved.model, resolved.commit, files), spent)
    headers = HeaderReader(opened, is_local=hub.is_local) if look_inside else None
    found_groups, loose = group_files(snapshot.files, read_index, headers)
    groups = [group for group in found_groups if only(group)]
    problems: dict[str, str] = {}
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
            problems[group.name] = problem.message
        elif group.name in loose:
            problems[group.name] = why_loose(group, loose[group.name], headers)
        elif lies_elsewhere(group):
            problems[group.name] = ONNX_INCOMPLETE
        if found is not None and group.name in loose:
            found = replace(found, level="metadata", flags=(*found.flags, "data-unread"))
        if found is not None and found.level == "full":
            budget.spend(found.byte_size or 0)
        deepest = found if known is None or (found and not is_deeper(known.level, found.level)) else known
        measured += [deepest] if deepest and not deepest.is_calibration else []
    lacking = None if groups else _lacking(missing_shards(snapshot.files, read_index))
    return Measured(tuple(measured), problems, hub, snapshot, lacking, tuple(spent))


def why_loose(group: WeightGroup, files: Sequence[str], headers: HeaderReader | None) -> str:
    """Say which files may hold the data of an ONNX group, and why that is not known."""
    few = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    read = next((why for path in group.files if headers and (why := headers.problem(path))), "it was not read")
    return f"{few} may hold its tensors: which files do is in the .onnx file, and {read}"


def _counted(hub: Hub, open_file: OpenFile, spent: list[Cost]) -> OpenFile:
    """Open files as `open_file` does, and note what each read of theirs cost."""

    def opened(path: str) -> tuple[Read, int | None]:
        read, size = open_file(path)

        def counted(start: int, length: int) -> bytes:
            before = hub.cost()
            data = read(start, length)
            spent.append(cost_since(hub, before))
            return data

        return counted, size

    return opened


def _lacking(indexes: Mapping[str, Sequence[str]]) -> str | None:
    """Say which shards the index files name that are not there."""
    told = []
    for index, shards in indexes.items():
        few = ", ".join(shards[:3]) + (f" and {len(shards) - 3} more" if len(shards) > 3 else "")
        told.append(f"{index} names {len(shards)} shards ({few})" if shards else f"{index} stands for a set of shards")
    return "; ".join(told) or None


def recorded_weights(open_store: Callable[[], GraphStore], hub: Hub) -> Recorded:
    """Look weights of a remote Hub up in the store: what was read of the same files once need not be read again.

    Files on this machine are read: they are what is asked about. The store is opened at the first look-up only, so
    that a question about local files makes no store.
    """
    from lineage.collect.weights import stored_fingerprint

    def recorded(group: WeightGroup, entries: Mapping[str, FileEntry]) -> GroupFingerprint | None:
        if hub.is_local:
            return None
        with open_store().reading() as view:
            return stored_fingerprint(view, group, entries)

    return recorded


def _index_reader(hub: Hub, resolved: ResolvedRevision) -> Callable[[str], bytes | None]:
    """Make a reader of shard indexes; one that cannot be read leaves the decision to the files' names."""

    def read(path: str) -> bytes | None:
        from lineage.hub.interface import MAX_TEXT_BYTES

        try:
            return hub.read(resolved.model, resolved.commit, path, 0, MAX_TEXT_BYTES)
        except HubError:
            return None

    return read
