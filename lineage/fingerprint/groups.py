"""Weight groups: which files of a tree together hold one copy of a component's parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from posixpath import normpath
from typing import NamedTuple

from lineage.fingerprint.draft import Draft
from lineage.fingerprint.header_reader import CALIBRATION, MODEL, HeaderReader
from lineage.fingerprint.main_group import choose_main, variant_of
from lineage.fingerprint.numbered import join_numbered
from lineage.fingerprint.onnx_data import attach_onnx_data
from lineage.fingerprint.weight_files import (
    is_calibration,
    is_weight_file,
    model_file_by_study,
    weight_format,
    weight_suffix,
)
from lineage.hub.bounds import index_of
from lineage.hub.json_text import load_json
from lineage_schemas.file import FileEntry
from lineage_schemas.weight_group import WeightGroup

__all__ = ["is_weight_file", "listed_files", "missing_shards", "model_file_by_study", "shard_name", "weight_groups"]

_SHARD = re.compile(r"(?P<mark>[-_.](?:split[-_])?)(?P<number>[0-9]++)-of-(?P<of>[0-9]++)", re.I)
_RANK = re.compile(r"(?<=^consolidated)\.\d+$|(?<=^params_shard)_\d+$|-rank-\d+-part-\d+$|(?<=\d)_rank\d+$", re.I)
"""Numbers of parts that name no total: Llama's `consolidated.00`, MLC, vLLM's sharded state, tensor parallel ranks."""

_GGUF_PART = re.compile(r"(?<=\.gguf)([.-](split-)?[a-z]|\.part[-_]?\d+(-?of-?(?P<of>\d+))?|\.\d+)$", re.I)
INDEX = re.compile(r"\.index(\.[\w-]+)?\.json$")
"""The end of an index's name: it lists the shards of one set."""

_ONNX_DATA = re.compile(r"\.onnx([._]data)?(_\d+)?$", re.I)


class Grouping(NamedTuple):
    """Hold the weight groups of a tree, and by group the files that may belong to it: what lists them was not read."""

    groups: tuple[WeightGroup, ...]
    loose: Mapping[str, tuple[str, ...]]


def weight_groups(
    files: Iterable[FileEntry],
    read_index: Callable[[str], bytes | None] | None = None,
    headers: HeaderReader | None = None,
) -> tuple[WeightGroup, ...]:
    """Gather the weight files of a tree into groups, the main group first, then by name.

    An index file decides which shards belong together where `read_index` gives its bytes and they make sense: they
    name files of this tree, none outside it. Otherwise the names decide (`[-_]NNNNN-of-NNNNN`), so that recorded
    histories, which hold no file contents, give the same groups. Where a tree holds weights twice under one name (a
    file and shards, or shards of 2 and of 3), the standard loader's choice keeps the name: the single file, then
    what the index lists, then the complete set; the others get names such as `model-of-00003.safetensors`.
    """
    return group_files(files, read_index, headers).groups


def group_files(
    files: Iterable[FileEntry],
    read_index: Callable[[str], bytes | None] | None = None,
    headers: HeaderReader | None = None,
) -> Grouping:
    """Gather groups as `weight_groups` does, and list the files of which it is not known whether they belong to one.

    `headers` are read where names leave something open: the files that an .onnx file names for its tensors belong to
    its group, numbered files that share no tensor are one group, a GGUF file that its header does not call a model
    is not the main group beside one that it does, and one that only its name calls calibration data is a weight file.
    """
    entries = {entry.path: entry for entry in files}
    paths = sorted(entries)
    weights = [path for path in paths if is_weight_file(path) or _holds_model(path, headers)]
    if not weights:
        return Grouping((), {})
    drafts = _drafts_by_name(weights)
    for index in (path for path in paths if INDEX.search(path)):
        _apply_index(index, set(weights), drafts, read_index)
    # After the indexes: files that an index lists are no longer single files, which numbered ones must be.
    join_numbered(drafts, headers)
    named = list(_with_unique_names(_without_calibration(drafts, headers)))
    loose = attach_onnx_data(named, entries, headers)
    if not named:
        return Grouping((), {})
    main = _main(named, paths, headers)
    groups = [_group(draft, draft.name == main) for draft in named]
    return Grouping(tuple(sorted(groups, key=lambda group: (not group.main, group.name))), loose)


def _main(drafts: list[Draft], paths: list[str], headers: HeaderReader | None) -> str:
    """Choose the main group: by names, and among GGUF files the first that its header does not call something else.

    Under one name a loader takes the whole file first, then what the index lists.
    """
    first = {draft.name: draft.files[0] for draft in drafts}
    order = sorted(drafts, key=lambda draft: (draft.files != [loader_name(draft)], draft.index is None))
    left = {draft.name: loader_name(draft) for draft in order}
    while headers and len(first) > 1 and left:
        main = choose_main(left, paths)
        if weight_format(first[main]) != "gguf" or headers.general_type(first[main]) in (None, MODEL):
            return main
        del left[main]
    return choose_main({draft.name: loader_name(draft) for draft in order}, paths)


def loader_name(group: Draft | WeightGroup) -> str:
    """Name a group as a loader looks for it: by its index, where it has one, else by its files."""
    return name_by_index(group.index) if group.index is not None else group.name


def name_by_index(index: str) -> str:
    """Name the file for which an index stands: `model.fp16.safetensors` for `model.safetensors.index.fp16.json`."""
    return _variant_before_suffix(INDEX.sub(r"\1", index))


def _holds_model(path: str, headers: HeaderReader | None) -> bool:
    """Return whether a GGUF file holds a model although its name is that of calibration data."""
    named = is_calibration(path) and path.lower().endswith(".gguf")
    return named and headers is not None and headers.holds_model(path) is True


def _without_calibration(drafts: list[Draft], headers: HeaderReader | None) -> list[Draft]:
    """Leave out files that their names leave open and their headers call calibration data."""
    if headers is None:
        return drafts
    return [
        draft
        for draft in drafts
        if "imatrix" not in draft.name.lower()
        or headers.general_type(draft.files[0]) != CALIBRATION
        or headers.holds_model(draft.files[0])
    ]


def missing_shards(
    files: Iterable[FileEntry], read_index: Callable[[str], bytes | None] | None = None
) -> dict[str, tuple[str, ...]]:
    """List index files none of whose shards is in a tree, with the shards that they name; none where it is unread."""
    paths = {entry.path for entry in files}
    lone = {}
    for index in sorted(path for path in paths if INDEX.search(path)):
        listed = listed_files(index, read_index)
        set_of_it = name_by_index(index)
        here = (
            listed & paths if listed else [p for p in paths if is_weight_file(p) and shard_name(p).group == set_of_it]
        )
        if not here and weight_suffix(set_of_it):
            lone[index] = tuple(sorted(listed))
    return lone


class ShardName(NamedTuple):
    """The parts of a weight file's name: its group, its shard number, how many there are, how it is written."""

    group: str
    number: int | None = None
    of: int | None = None
    mark: str = ""


def _drafts_by_name(weights: list[str]) -> list[Draft]:
    """Gather files that belong together by their names."""
    # Example: model-00001-of-00002, model-00002-of-00002 and model-00001-of-00003 (.safetensors) are two drafts named
    # `model.safetensors`, of 2 and of 3. `_with_unique_names` then decides which keeps the name.
    drafts: dict[tuple[str, int | None, str], Draft] = {}
    for path in weights:
        shard = shard_name(path)
        new = Draft(shard.group, weight_format(path) or "gguf", shard.of)
        draft = drafts.setdefault((shard.group, shard.of, shard.mark), new)
        draft.files.append(path)
        if shard.number is not None:
            draft.numbers.add(shard.number)
    for draft in drafts.values():
        if draft.of is not None and {0, draft.of} <= draft.numbers:
            draft.of += 1  # some exporters count from 0 and write the last number for the total
    return list(drafts.values())


def shard_name(path: str) -> ShardName:
    """Split a weight file's path; a file that is not a shard is a group of its own under its own name.

    Numbers of more than MAX_INDEX_DIGITS are not those of shards.
    """
    folder, slash, name = path.rpartition("/")
    if package := re.match(r"(.*\.mlpackage)/", path, re.I):
        return ShardName(package[1])
    if weight_format(path) == "gguf-part":
        part = _GGUF_PART.search(name)
        return ShardName(folder + slash + _GGUF_PART.sub("", name), of=index_of(part["of"]) if part else None)
    if _ONNX_DATA.search(name):
        return ShardName(folder + slash + _ONNX_DATA.sub("", name) + ".onnx")
    suffix = weight_suffix(name)
    stem = name[: len(name) - len(suffix)]
    shard = _SHARD.search(stem)
    number, of = (index_of(shard["number"]), index_of(shard["of"])) if shard else (None, None)
    if shard is None or number is None or of is None:
        return ShardName(folder + slash + _RANK.sub("", stem) + suffix)
    stem = stem[: shard.start()] + stem[shard.end() :]
    if suffix and stem.lower().endswith(suffix.lower()):
        stem = stem[: -len(suffix)]
    return ShardName(folder + slash + stem + suffix, number, of, shard["mark"])


def _apply_index(
    index: str, weights: set[str], drafts: list[Draft], read_index: Callable[[str], bytes | None] | None
) -> None:
    """Let an index file decide its shard set; without its content it is noted beside the set of its name."""
    listed = listed_files(index, read_index)
    present = sorted(listed & weights)
    if not present:
        _note_index(index, drafts)
        return
    # Example: an index lists model-00001-of-00002.safetensors and extra.safetensors. Both leave the drafts of their
    # names for one of the index. As their names differ, it is named after the index: `model.safetensors` for
    # model.safetensors.index.json, and `model.fp16.safetensors` for model.safetensors.index.fp16.json.
    names = Counter(shard_name(path).group for path in present)
    name = next(iter(names)) if len(names) == 1 else name_by_index(index)
    for draft in drafts:
        draft.numbers -= {shard_name(path).number or 0 for path in draft.files if path in listed}
        draft.files = [path for path in draft.files if path not in listed]
    drafts[:] = [draft for draft in drafts if draft.files]
    of = len(listed) if len(listed) > 1 or shard_name(present[0]).of else None
    complete = len(present) == len(listed) if of else None
    drafts.append(Draft(name, weight_format(present[0]) or "", of, present, set(), index, complete))


_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can spell and no text can hold: no report could name such a file."""


def listed_files(index: str, read_index: Callable[[str], bytes | None] | None) -> set[str]:
    """Read the files that an index lists; empty where it cannot be read or makes no sense."""
    raw = read_index(index) if read_index else None
    if not raw:
        return set()
    try:
        content = load_json(raw)
    except (ValueError, RecursionError):
        return set()
    listed = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(listed, dict) or not all(isinstance(value, str) for value in listed.values()):
        return set()
    folder = index.rpartition("/")[0]
    paths = {normpath(f"{folder}/{value}" if folder else value) for value in set(listed.values())}
    return set() if any(path.startswith(("../", "/")) or _HALF.search(path) for path in paths) else paths


def _note_index(index: str, drafts: list[Draft]) -> None:
    """Note an unread index beside the shard set that has its name, the complete or largest one of several."""
    name = name_by_index(index)
    sets = [draft for draft in drafts if draft.name == name and draft.of is not None]
    if sets:
        max(sets, key=lambda draft: (_is_complete(draft), draft.of)).index = index


def _variant_before_suffix(name: str) -> str:
    """Write `model.safetensors.fp16`, as an index's name leaves it, as `model.fp16.safetensors`."""
    stem, dot, variant = name.rpartition(".")
    suffix = weight_suffix(stem)
    if not suffix or weight_suffix(name):
        return name
    return stem[: len(stem) - len(suffix)] + dot + variant + stem[len(stem) - len(suffix) :]


def _is_complete(draft: Draft) -> bool | None:
    """Return whether all declared shards are there; None where no number is declared."""
    if draft.complete is not None or draft.of is None:
        return draft.complete
    return len(draft.numbers or draft.files) >= draft.of


def _with_unique_names(drafts: list[Draft]) -> Iterator[Draft]:
    """Rename groups that would share a name; the standard loader's choice keeps it."""
    taken: set[str] = set()
    # Single files sort first, then sets that an index lists, then complete sets: as transformers looks for them.
    order = sorted(
        drafts,
        key=lambda d: (
            d.of is not None,
            d.of is None and len(d.files) > 1,
            d.index is None,
            not _is_complete(d),
            -(d.of or 0),
        ),
    )
    for draft in order:
        suffix = weight_suffix(draft.name.rpartition("/")[2])
        stem = draft.name[: len(draft.name) - len(suffix)]
        copy = 1
        while draft.name in taken:
            draft.name = f"{stem}-of-{draft.of or len(draft.files):05d}{f'-{copy}' if copy > 1 else ''}{suffix}"
            copy += 1
        taken.add(draft.name)
        yield draft


def _group(draft: Draft, main: bool) -> WeightGroup:
    """Make the record of a finished draft."""
    return WeightGroup(
        name=draft.name,
        format=draft.format,
        component=draft.name.rpartition("/")[0],
        variant=variant_of(draft.name),
        files=tuple(sorted(draft.files)),
        declared_shards=draft.of,
        complete=_is_complete(draft),
        index=draft.index,
        main=main,
    )
