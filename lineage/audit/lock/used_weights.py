"""Which weight files of a model a product loads: those that its references name, else those of the main group."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.main_group import choose_main, missing_groups, role_of
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage_schemas.reference import Reference
    from lineage_schemas.weight_group import WeightGroup

QUANTISED = ("gguf", "ggml", "gguf-part")
"""Formats of llama.cpp, among whose files a selector chooses."""


def used_weights(references: Iterable[Reference], paths: Collection[str]) -> frozenset[str]:
    """List the weight files among the paths of a model that its references load.

    `filename`, `selector`, `variant` and `subfolder` choose; a reference without one of them, or with one that no file
    fits, loads what the standard loader takes. All shards of a set count.
    """
    groups = weight_groups(FileEntry(path=path) for path in sorted(paths))
    return frozenset(
        path
        for each in references
        for group in _chosen(each, groups, paths) or missing_groups(groups, paths, ())
        for path in group.files
    )


def main_weights(paths: Collection[str]) -> frozenset[str]:
    """List the files of the main group, whose digests a lock has."""
    groups = weight_groups(FileEntry(path=path) for path in sorted(paths))
    return frozenset(path for group in groups if group.main for path in group.files)


def _chosen(each: Reference, groups: Sequence[WeightGroup], paths: Collection[str]) -> list[WeightGroup]:
    """Choose the groups that one reference names; none if it names none."""
    folder = f"{each.subfolder.strip('/')}/" if each.subfolder else ""
    if each.filename is not None:
        named = folder + each.filename
        return [group for group in groups if any(path == named or fnmatchcase(path, named) for path in group.files)]
    if each.selector is not None:
        return _selected(each.selector.lower(), groups)
    here = [group for group in groups if group.name.startswith(folder)]
    if each.variant is not None:
        return [*_of_variant(each.variant.lower(), here, paths)]
    if not folder or not here:
        return []
    main = choose_main({group.name: group.name for group in here}, sorted(paths))
    return [group for group in here if group.name == main]


def _selected(selector: str, groups: Sequence[WeightGroup]) -> list[WeightGroup]:
    """Choose the quantisation of a selector, with the parts that llama.cpp loads beside it, such as a projector."""
    files = [group for group in groups if group.format in QUANTISED]
    exact = [group for group in files if (group.variant or "").lower() == selector]
    found = exact or [group for group in files if selector in group.name.lower()]
    return [*found, *(group for group in files if group not in found and (not found or role_of(group.name) == "part"))]


def _of_variant(variant: str, groups: Sequence[WeightGroup], paths: Collection[str]) -> Iterator[WeightGroup]:
    """Choose the groups of a variant, and in a pipeline the plain ones of the folders that do not have it."""
    found = [group for group in groups if _is_of(variant, group)]
    yield from found
    folders = {group.component for group in found}
    if found and "model_index.json" in paths:
        plain = missing_groups(groups, paths, ())
        yield from (group for group in plain if group.component not in folders)


def _is_of(variant: str, group: WeightGroup) -> bool:
    """Return whether loaders look for a group under a variant: `model.fp16.safetensors`, and shards of both forms."""
    if (group.variant or "").lower() == variant:
        return True
    names = (path.rpartition("/")[2].lower() for path in group.files)
    return any(f".{variant}." in name or f".{variant}-" in name for name in names)
