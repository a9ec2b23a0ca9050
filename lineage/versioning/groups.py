"""Weight groups before and after a push, and which became which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.groups import weight_groups
from lineage_schemas.file import FileEntry, FileVersion
from lineage_schemas.weight_group import WeightGroup


@dataclass(frozen=True)
class PlacedGroup:
    """Hold a weight group with the versions of its files at the tree of one commit."""

    commit: str
    group: WeightGroup
    files: Mapping[str, FileVersion]

    @property
    def identities(self) -> tuple[str, ...]:
        """List what the files hold, in order, without their paths."""
        return tuple(sorted(version.identity or f"unknown:{path}" for path, version in self.files.items()))

    @property
    def digest(self) -> str | None:
        """Name the content by its files digest; None where a file has no identity."""
        return files_digest(version.identity for version in self.files.values())

    @property
    def place(self) -> tuple[str, str]:
        """Tell where the group stands: its component's folder and its kind of file."""
        return self.group.component, self.group.format


@dataclass(frozen=True)
class Pairing:
    """Say what became of one group: `before` and `after` both for one that stayed or was replaced."""

    before: PlacedGroup | None
    after: PlacedGroup | None

    @property
    def name(self) -> str:
        """Name the group as it is called now, or was before it went."""
        group = self.after or self.before
        assert group is not None
        return group.group.name


def placed_groups(commit: str, tree: Mapping[str, FileVersion]) -> dict[str, PlacedGroup]:
    """Group the weight files of a commit's tree, by paths alone: what histories know at every commit."""
    entries = [FileEntry(path=path, **dict(version)) for path, version in sorted(tree.items())]
    groups = weight_groups(entries)
    return {g.name: PlacedGroup(commit, g, {path: tree[path] for path in g.files}) for g in groups}


def pair_groups(before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup]) -> list[Pairing]:
    """Find for every group what it became.

    Untouched files first, for a name may move to a file that is added beside them; then by name; then by equal
    content under another name; then what disappeared with what appeared in its place: same folder and format, or
    same folder in another format, the main group before others. A set of shards that one file replaces keeps its
    name and needs no search.
    """
    pairs: list[Pairing] = []
    gone, new = list(before.values()), list(after.values())
    for same in (_untouched, _same_name, _same_content, _same_place, _same_folder):
        for old, fresh in list(_matches(gone, new, same)):
            pairs.append(Pairing(old, fresh))
            gone.remove(old)
            new.remove(fresh)
    pairs += [Pairing(old, None) for old in gone] + [Pairing(None, fresh) for fresh in new]
    return sorted(pairs, key=lambda pair: pair.name)


def _matches(
    gone: list[PlacedGroup], new: list[PlacedGroup], same: Callable[[PlacedGroup, PlacedGroup], bool]
) -> Iterator[tuple[PlacedGroup, PlacedGroup]]:
    """Pair each disappeared group with at most one that appeared."""
    free = sorted(new, key=lambda g: (not g.group.main, g.group.name))
    for old in sorted(gone, key=lambda g: (not g.group.main, g.group.name)):
        found = next((fresh for fresh in free if same(old, fresh)), None)
        if found:
            free.remove(found)
            yield old, found


def _untouched(old: PlacedGroup, new: PlacedGroup) -> bool:
    return dict(old.files) == dict(new.files)


def _same_name(old: PlacedGroup, new: PlacedGroup) -> bool:
    return old.group.name == new.group.name


def _same_content(old: PlacedGroup, new: PlacedGroup) -> bool:
    return old.identities == new.identities


def _same_place(old: PlacedGroup, new: PlacedGroup) -> bool:
    return old.place == new.place and _alike(old.group, new.group)


def _same_folder(old: PlacedGroup, new: PlacedGroup) -> bool:
    """A main group in another format takes the place of the main group, never that of a component."""
    return old.group.component == new.group.component and old.group.main and new.group.main


def _alike(old: WeightGroup, new: WeightGroup) -> bool:
    """Say whether one name could follow the other: both whole models, or the same component's stem."""
    return (old.main and new.main) or stem(old) == stem(new)


def stem(group: WeightGroup) -> str:
    """Give the group's file stem without folder and ending: `codec` for `codec.pth`."""
    return PurePosixPath(group.name).name.split(".")[0]
