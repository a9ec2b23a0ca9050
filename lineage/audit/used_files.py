"""The files of a model that a product uses: those that a reference names, and the weights that it loads.

A reference names files by a file name, a folder, a variant or a quantisation. One that names only the model loads what
the standard loader takes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.main_group import choose_main, missing_groups, role_of
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage_schemas.reference import Reference
    from lineage_schemas.weight_group import WeightGroup

PICKLES = frozenset({"pytorch", "pickle"})
"""Formats that are pickles."""

_QUANTISED = ("gguf", "ggml", "gguf-part")
"""Formats of llama.cpp, among whose files a selector chooses."""

_SEARCHED = (".onnx", ".xml")
"""Suffixes of files that loaders look for in all folders, as those of ONNX and OpenVINO do."""


class NamedFiles(NamedTuple):
    """Hold what a reference names of a model, in words and as a pattern, and the files that it means."""

    words: str
    pattern: str | None
    files: tuple[str, ...]


def folder_of(reference: Reference) -> str:
    """Return the folder of a model that a reference names, without slashes at its ends; empty for the root."""
    path = posixpath.normpath(reference.subfolder or ".").strip("/")
    return "" if path == "." else path


def named_files(reference: Reference, files: Collection[str]) -> NamedFiles | None:
    """Find the files that a reference names; None for one that names only the model.

    A file name may have stars, as the clients of the Hub take it. A variant is part of a file's name, in the folder
    that is loaded or, of a diffusers pipeline, in the folders of its parts.
    """
    folder = folder_of(reference)
    inside = [each for each in files if not folder or each.startswith(f"{folder}/")]
    if reference.filename:
        pattern = _pattern(folder, reference.filename)
        found = [each for each in files if each == pattern or fnmatchcase(each, pattern)]
        if not found and pattern.endswith(_SEARCHED):
            found = [each for each in inside if each.endswith(f"/{reference.filename}")]
        return NamedFiles(f"the file {pattern}", pattern, tuple(found))
    if reference.variant:
        parts = f"{folder}/model_index.json".lstrip("/") in files
        found = [each for each in inside if parts or each.rpartition("/")[0] == folder]
        found = [each for each in found if _is_variant(each, reference.variant)]
        where = f" in the folder {folder}" if folder else ""
        return NamedFiles(f"a file of the variant {reference.variant}{where}", None, tuple(found))
    if folder:
        return NamedFiles(f"the folder {folder}", f"{folder}/*", tuple(inside))
    if reference.selector and reference.selector != "latest":
        found = [each for each in files if _is_quantised(each, reference.selector)]
        return NamedFiles(f"a GGUF file of the quantisation {reference.selector}", None, tuple(found))
    return None


def used_weights(references: Iterable[Reference], paths: Collection[str]) -> frozenset[str]:
    """List the weight files among the paths of a model that its references load.

    What a reference names chooses; one that names only the model, or files that it does not have, loads what the
    standard loader takes. All shards of a set count.
    """
    groups = weight_groups(FileEntry(path=path) for path in sorted(paths))
    return frozenset(
        path
        for each in references
        for group in _loaded(each, groups, paths) or missing_groups(groups, paths, ())
        for path in group.files
    )


def main_weights(paths: Collection[str]) -> frozenset[str]:
    """List the files of the main group, whose digests a lock has."""
    groups = weight_groups(FileEntry(path=path) for path in sorted(paths))
    return frozenset(path for group in groups if group.main for path in group.files)


def _loaded(reference: Reference, groups: Sequence[WeightGroup], paths: Collection[str]) -> list[WeightGroup]:
    """Choose the groups that one reference names; none if it names none, or none of them is there."""
    named = named_files(reference, paths)
    files = frozenset(named.files) if named is not None else frozenset(paths)
    found = [group for group in groups if not files.isdisjoint(group.files)]
    if reference.filename:
        return found
    if reference.use_safetensors is False:
        found = [group for group in found if group.format in PICKLES]
    elif named is None:
        return []
    if reference.variant:
        return [*found, *_plain_parts(found, groups, paths)]
    if reference.selector and named is not None and not folder_of(reference):
        return _with_parts(found, groups)
    by_folder: dict[str, list[WeightGroup]] = {}
    for group in found:
        by_folder.setdefault(group.component if "model_index.json" in paths else "", []).append(group)
    return [_main_of(each, paths) for each in by_folder.values()]


def _main_of(groups: Sequence[WeightGroup], paths: Collection[str]) -> WeightGroup:
    """Choose the group that the standard loader takes first."""
    main = choose_main({group.name: group.name for group in groups}, sorted(paths))
    return next(group for group in groups if group.name == main)


def _with_parts(found: Sequence[WeightGroup], groups: Sequence[WeightGroup]) -> list[WeightGroup]:
    """Add the parts that llama.cpp loads beside a quantisation, such as a projector; all files of none fits."""
    files = [group for group in groups if group.format in _QUANTISED]
    return [*found, *(group for group in files if group not in found and (not found or role_of(group.name) == "part"))]


def _plain_parts(
    found: Sequence[WeightGroup], groups: Sequence[WeightGroup], paths: Collection[str]
) -> Iterator[WeightGroup]:
    """Choose the plain groups of the folders of a pipeline that do not have a variant: a loader takes these."""
    folders = {group.component for group in found}
    if found and "model_index.json" in paths:
        plain = missing_groups(groups, paths, ())
        yield from (group for group in plain if group.component not in folders)


def _pattern(folder: str, filename: str) -> str:
    name = filename.removeprefix("./").lstrip("/")
    return (f"{folder}/{name}" if folder else name) + ("*" if name.endswith("/") else "")


def _is_variant(path: str, variant: str) -> bool:
    name = path.rpartition("/")[2]
    return f".{variant}." in name or f".{variant}-" in name


def _is_quantised(path: str, selector: str) -> bool:
    """Return whether a GGUF file has a quantisation in its path, in any letter case; or is the file itself."""
    lowered, wanted = path.lower(), selector.lower()
    if not lowered.endswith(".gguf"):
        return False
    return lowered == wanted or re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9_])", lowered) is not None
