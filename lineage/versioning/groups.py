"""Weight groups before and after a push, and which became which."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.groups import group_files
from lineage.fingerprint.header_reader import HeaderReader
from lineage.fingerprint.main_group import role_of, variant_of
from lineage.fingerprint.places import in_order, same_places
from lineage_schemas.file import FileEntry, FileVersion
from lineage_schemas.weight_group import WeightGroup

MAX_COMPARED_NAMES = 10_000
"""Pairs of names that are compared for likeness; beyond this number, the order of names decides."""

QUANTISED = frozenset({"gguf", "gguf-part", "ggml"})
"""Formats of llama.cpp, old and new, in which a quantisation is a group of its own."""


class LooseFiles(NamedTuple):
    """Hold files that may belong to a group, why that is not known, and the command that would tell."""

    files: Mapping[str, FileVersion]
    reason: str
    decide_with: str | None


class HeadersOfLine(Protocol):
    """Read headers of weight files at the commits of a line."""

    def at(self, commit: str, tree: Mapping[str, FileVersion]) -> HeaderReader:
        """Make the reader of one commit's files."""

    def decide_with(self) -> str | None:
        """Name the command that reads more of them."""


@dataclass(frozen=True)
class PlacedGroup:
    """Hold a weight group with the versions of its files at the tree of one commit.

    `aliases` maps the ids of git blobs to the SHA-256 of their bytes, where git LFS holds the same ones elsewhere.
    """

    commit: str
    group: WeightGroup
    files: Mapping[str, FileVersion]
    aliases: Mapping[str, str] = field(default_factory=dict)
    loose: LooseFiles | None = None

    @property
    def identities(self) -> tuple[str, ...]:
        """List what the files hold, without their paths, in an order that says which is where if that matters.

        A file in git and in git LFS has one identity.
        """
        return in_order(self.group, self._identities)

    def holds_the_same(self, other: PlacedGroup) -> bool:
        """Return whether both have the same files, and none of them in the place of another one."""
        return same_places((self.group, self._identities), (other.group, other._identities))

    @property
    def _identities(self) -> dict[str, str]:
        return {path: self._identity(version) or f"unknown:{path}" for path, version in self.files.items()}

    def _identity(self, version: FileVersion) -> str | None:
        alias = self.aliases.get(version.blob_id) if version.blob_id and not version.sha256 else None
        return f"sha256:{alias}" if alias else version.identity

    @property
    def digest(self) -> str | None:
        """Name the content by its files digest; None where a file has no identity."""
        return files_digest(version.identity for version in self.files.values())

    @property
    def place(self) -> tuple[str, str]:
        """Return the component's folder and the format."""
        return self.group.component, self.group.format


@dataclass(frozen=True)
class Pairing:
    """Hold what became of one group: `before` and `after` both for one that stayed or was replaced."""

    before: PlacedGroup | None
    after: PlacedGroup | None

    @property
    def name(self) -> str:
        """Name the group as it is called now, or was before it went."""
        group = self.after or self.before
        assert group is not None
        return group.group.name


def placed_groups(
    commit: str,
    tree: Mapping[str, FileVersion],
    read_index: Callable[[str], bytes | None] | None = None,
    headers: HeadersOfLine | None = None,
) -> dict[str, PlacedGroup]:
    """Group the weight files of a commit's tree, by paths alone where neither indexes nor headers are read."""
    entries = [FileEntry(path=path, **dict(version)) for path, version in sorted(tree.items())]
    reader = headers.at(commit, tree) if headers else None
    groups, loose = group_files(entries, read_index, reader)
    decide_with = headers.decide_with() if headers else None
    return {
        group.name: PlacedGroup(
            commit,
            group,
            {path: tree[path] for path in group.files},
            loose=_loose(group, loose.get(group.name, ()), tree, reader, decide_with),
        )
        for group in groups
    }


def _loose(
    group: WeightGroup,
    paths: Sequence[str],
    tree: Mapping[str, FileVersion],
    reader: HeaderReader | None,
    decide_with: str | None,
) -> LooseFiles | None:
    """Say why it is not known whether files belong to a group; None where there are none."""
    if not paths:
        return None
    problems = (reader.problem(path) for path in group.files) if reader else ()
    reason = next((problem for problem in problems if problem), "it was not read")
    return LooseFiles({path: tree[path] for path in paths}, reason, decide_with)


def pair_groups(
    before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup], *, any_variant: bool = False
) -> list[Pairing]:
    """Find for every group what it became.

    Untouched files first, for a name may move to a file that is added beside them; then by name; then by equal
    content under another name; then the same quantisation or variant under another name; then a main group with a main
    group of the same folder, whatever its format; last the same folder, format, variant and stem. Two main groups
    whose names have different variants are two groups, unless `any_variant` says that there was nothing else. A set
    of shards that one file replaces keeps its name and needs no search.
    """
    pairs: list[Pairing] = []
    gone, new = dict(before), dict(after)

    def pair(matches: Iterable[tuple[PlacedGroup, PlacedGroup]]) -> None:
        for old, fresh in list(matches):
            pairs.append(Pairing(old, fresh))
            del gone[old.group.name], new[fresh.group.name]

    # Examples of the steps, in order; each sees only what the steps before left over:
    #   files     model-0000N-of-00002.safetensors stay, model.safetensors is added and takes the group's name
    #   name      model.safetensors gets other bytes
    #   content   model.safetensors is renamed to model.fp16.safetensors
    #   variant   llama-Q4_K_M.gguf is replaced by llama-v2-Q4_K_M.gguf, while llama-Q8_0.gguf stays
    for key in (_files, _name, _content, _variant):
        pair(_matches(gone.values(), new.values(), key))
    #   main      pytorch_model.bin is deleted and model.safetensors added
    pair(_main_groups(gone.values(), new.values(), any_variant=any_variant))
    #   stem      vae/codec.pth and vae/codec.pt: the same folder, format, variant and stem
    pair(_matches(gone.values(), new.values(), _stem_and_place))
    pairs += [Pairing(old, None) for old in gone.values()] + [Pairing(None, fresh) for fresh in new.values()]
    return sorted(pairs, key=lambda pair: pair.name)


def _matches(
    gone: Iterable[PlacedGroup], new: Iterable[PlacedGroup], key: Callable[[PlacedGroup], Hashable | None]
) -> Iterator[tuple[PlacedGroup, PlacedGroup]]:
    """Pair each disappeared group with at most one that appeared and has the same key; None has no match."""
    free, left = _by_key(new, key), _by_key(gone, key)
    for found in left.keys() & free.keys():
        yield from _likest(left[found], free[found])


def _by_key(
    groups: Iterable[PlacedGroup], key: Callable[[PlacedGroup], Hashable | None]
) -> dict[Hashable, list[PlacedGroup]]:
    found: dict[Hashable, list[PlacedGroup]] = {}
    for placed in groups:
        if (value := key(placed)) is not None:
            found.setdefault(value, []).append(placed)
    return found


def _likest(olds: list[PlacedGroup], news: list[PlacedGroup]) -> Iterator[tuple[PlacedGroup, PlacedGroup]]:
    """Pair groups off, the likest names first."""
    if len(olds) * len(news) > MAX_COMPARED_NAMES:
        yield from zip(*(sorted(groups, key=lambda placed: placed.group.name) for groups in (olds, news)), strict=False)
        return
    free_old, free_new = ({placed.group.name for placed in groups} for groups in (olds, news))
    for old, fresh in sorted(((old, fresh) for old in olds for fresh in news), key=_unlikeness):
        if old.group.name in free_old and fresh.group.name in free_new:
            free_old.remove(old.group.name)
            free_new.remove(fresh.group.name)
            yield old, fresh


def _unlikeness(pair: tuple[PlacedGroup, PlacedGroup]) -> tuple[int, bool, str, str]:
    """Order pairs: names with much in common at both ends first, then two main groups, then by name."""
    old, new = (placed.group for placed in pair)
    alike = _common_start(old.name, new.name) + _common_start(old.name[::-1], new.name[::-1])
    return -alike, not (old.main and new.main), old.name, new.name


def _common_start(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _files(placed: PlacedGroup) -> Hashable:
    return frozenset(placed.files.items())


def _name(placed: PlacedGroup) -> Hashable:
    return placed.group.name


def _content(placed: PlacedGroup) -> Hashable:
    return tuple(sorted(placed.identities))


def _variant(placed: PlacedGroup) -> Hashable | None:
    """Name what a group under another name must share to be the same variant; None where the name has no variant.

    A projector beside a GGUF model has a quantisation too and is not the model: its role goes with the variant. In
    ONNX each part of one model has the same variants, so that there the stem must decide.
    """
    family, folder, variant = _quantisation(placed.group)
    if variant is None or family == "onnx":
        return None
    return family, folder, variant, role_of(placed.group.name)


def _quantisation(group: WeightGroup) -> tuple[str, str, str | None]:
    """Return a group's family of formats, its folder, and its variant; a folder named after the variant is left out."""
    if group.format not in QUANTISED:
        return group.format, group.component, group.variant
    folder, variant = group.component, group.variant
    named = variant_of(f"{PurePosixPath(folder).name}.gguf")
    if named and variant in {None, named}:
        folder, variant = folder.rpartition("/")[0], named
    return "gguf", folder, variant and variant.replace("FP", "F")


def _main_groups(
    gone: Iterable[PlacedGroup], new: Iterable[PlacedGroup], *, any_variant: bool
) -> Iterator[tuple[PlacedGroup, PlacedGroup]]:
    """Pair the main group with its successor: one in the same folder, never in that of a component."""
    old = next((placed for placed in gone if placed.group.main), None)
    fresh = next((placed for placed in new if placed.group.main), None)
    if not old or not fresh or old.group.component != fresh.group.component:
        return
    if any_variant or not _other_variant(old.group, fresh.group):
        yield old, fresh


def _other_variant(old: WeightGroup, new: WeightGroup) -> bool:
    """Return whether both names have a variant of the same family of formats, and not the same one."""
    (family, _, variant), (new_family, _, new_variant) = _quantisation(old), _quantisation(new)
    return family == new_family and variant is not None and new_variant is not None and variant != new_variant


def _stem_and_place(placed: PlacedGroup) -> Hashable:
    return (*placed.place, placed.group.variant, stem(placed.group))


def stem(group: WeightGroup) -> str:
    """Give the group's file stem without folder and ending: `codec` for `codec.pth`."""
    return PurePosixPath(group.name).name.split(".")[0]
