"""Rules on the weights: values, shapes, precision, and formats or components that came or went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lineage.versioning.suggest.fired import (
    Between,
    Fired,
    Found,
    Open,
    fire,
    is_off,
    last_name,
    still_open,
    value_of,
)  # fmt: skip

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.versioning.facets.side import Side
    from lineage_schemas.facet import Facet, FacetChange, FacetChangeKind
    from lineage_schemas.version_level import VersionLevel

_BY_KIND: Mapping[FacetChangeKind, str] = {
    "retrained": "weights-retrained",
    "partial": "weights-retrained",
    "replaced": "weights-replaced",
    "reshaped": "tensor-shape-change",
    "requantised": "lossy-precision",
    "reserialised": "weights-reserialised",
    "renamed": "weights-reserialised",
    "appended": "vocabulary-appended",
}

_WIDER: Mapping[str, frozenset[str]] = {
    "F16": frozenset({"F32", "F64"}),
    "BF16": frozenset({"F32", "F64"}),
    "F32": frozenset({"F64"}),
    "F8_E4M3": frozenset({"F16", "BF16", "F32", "F64"}),
    "F8_E5M2": frozenset({"F16", "BF16", "F32", "F64"}),
}
"""Types that hold every value of a type."""

_NAMES: Mapping[str, str] = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}

_LOSSY = re.compile(
    r"(?<![a-z0-9])(u?i?q\d(_\w+)?|tq\d\w*|int[48]|u?int8|[2-8](\.\d+)?-?b(it|pw)|fp[48]|f16|fp16|bf16|nf4|awq|gptq|exl\d"
    r"|quantized|quantised|mxfp4)(?![a-z0-9])",
    re.IGNORECASE,
)
"""Parts of the names of groups that say that their values are rounded."""

INDEX = ".index.json"

WITHOUT_INDEX = "loaders find shards by the index, which is gone"

_COPIES = re.compile(r"^(onnx|openvino|original|gguf|coreml|tflite|mlx|fp16|checkpoint[-_].*|runs?|.*quant.*)$", re.I)
"""Folders that hold the same model in another form or at another time, and not a component of a pipeline."""


def weights(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire the rules on the main weights, on the other groups, and on the shapes of tensors."""
    for change in facet.changes:
        if change.kind == "added":
            yield _added(between, change)
        elif change.kind == "removed":
            yield fire("tensor-shape-change" if change.pointer.tensor else _removed(between, change), change)
        elif change.kind == "cast":
            yield fire("lossless-cast" if _is_lossless(between) else "lossy-precision", change, _types(between))
        else:
            yield fire(_BY_KIND.get(change.kind, "weights-replaced"), change)
    yield from still_open(facet, _most(between))


def formats(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire the rules on what configs say of precision; the groups themselves are judged with the weights."""
    in_config = [change for change in facet.changes if change.pointer.field is not None]
    dtypes = {kind: [each for each in in_config if each.kind == kind and _is_dtype(each)] for kind in _CAME_OR_WENT}
    renamed = {id(each) for pair in zip(dtypes["removed"], dtypes["added"], strict=False) if _same(*pair)
               for each in pair}  # fmt: skip
    for change in in_config:
        if id(change) in renamed or is_off(change) or (_is_dtype(change) and change.kind in _CAME_OR_WENT):
            yield fire("metadata-change", change)
        elif _is_dtype(change):
            names = [_NAMES.get(str(value_of(text)).removeprefix("torch.")) for text in (change.before, change.after)]
            lossless = None not in names and names[1] in _WIDER.get(names[0] or "", frozenset())
            yield fire("lossless-cast" if lossless else "lossy-precision", change)
        else:
            yield fire("lossy-precision", change)
    yield from still_open(facet, "major")


_CAME_OR_WENT = ("removed", "added")


def _same(gone: FacetChange, come: FacetChange) -> bool:
    """Return whether a field has the value that another one had: `dtype` replaced `torch_dtype`."""
    return gone.before == come.after


def _is_dtype(change: FacetChange) -> bool:
    return last_name(change) in ("torch_dtype", "dtype")


def _most(between: Between) -> VersionLevel:
    """Return the highest level that unread values can have: shapes are known where all headers were read."""
    mains = [side.main for side in (between.before, between.after)]
    known = all(each and each.rows is not None and each.is_whole and each.group.complete is not False for each in mains)
    return "minor" if known else "major"


def _group(side: Side, name: str) -> GroupFingerprint | None:
    return next((each for each in side.groups if each.group.name == name), None)


def _added(between: Between, change: FacetChange) -> Found:
    """Judge a group that came: the same tensors as the main one, other or rounded ones, or a new component."""
    new, main = _group(between.after, change.field), between.before.main or between.after.main
    if new is None or main is None or between.before.main is None:
        return fire("component-added", change)
    component = new.group.component
    if _is_component(component) and all(each.group.component != component for each in between.before.groups):
        return fire("component-added", change)
    known = [(old, now) for old, now in ((main.digests.weights, new.digests.weights),
                                         (main.digests.content, new.digests.content)) if old and now]  # fmt: skip
    if any(old == now for old, now in known):
        return fire("same-weights-added", change)
    if known or _LOSSY.search(change.field) or _LOSSY.search(new.group.variant or ""):
        return fire("format-added", change)
    reason = f"{change.field} was added, and its tensors were not compared with those of {main.group.name}"
    return Open("weights", change.pointer, reason, "minor", "format-added")


def _removed(between: Between, change: FacetChange) -> str:
    """Judge a group that went: the main format, a component, or something beside them."""
    gone = _group(between.before, change.field)
    main = between.after.main
    if gone is None or main is None:
        return "main-format-removed"
    if gone.group.main:  # a main group of another folder is not loaded in its place
        kind = (gone.group.format, gone.group.component)
        return "weights-replaced" if (main.group.format, main.group.component) == kind else "main-format-removed"
    component = gone.group.component
    kept = any(each.group.component == component for each in between.after.groups)
    return "main-format-removed" if _is_component(component) and not kept else "other-format-removed"


def _is_component(folder: str) -> bool:
    return bool(folder) and _COPIES.match(folder.rpartition("/")[2]) is None


def _is_lossless(between: Between) -> bool:
    """Return whether every dtype of the later main group holds all values of those of the earlier one."""
    old, new = (_dtypes(side.main) for side in (between.before, between.after))
    return bool(old and new) and all(now == was or now in _WIDER.get(was, frozenset()) for was in old for now in new)


def _dtypes(main: GroupFingerprint | None) -> set[str]:
    return {row.dtype for row in (main.rows or ())} if main else set()


def _types(between: Between) -> str:
    old, new = ("/".join(sorted(_dtypes(side.main))) for side in (between.before, between.after))
    return f"{old} → {new}"


def removed_formats(between: Between) -> Iterator[Fired]:
    """Fire for a main format that is gone although its weights were compared with those of its successor.

    Shards without the index that lists them are gone for a loader.
    """
    old, new = between.before.main, between.after.main
    if old is None or new is None:
        return
    for path in sorted(between.before.paths - between.after.paths):
        stem = path.removesuffix(INDEX).rpartition(".")[0]
        if path.endswith(INDEX) and any(each.startswith(f"{stem}-0") for each in new.group.files):
            yield Fired("main-format-removed", between.before.pointer(path), path, f'"{path}"', None, WITHOUT_INDEX)
    if old.group.format == new.group.format:
        return
    if any(each.group.format == old.group.format and each.group.component == old.group.component
           for each in between.after.groups):  # fmt: skip
        return
    if between.after.snapshot.partial is None:
        pointer = between.before.pointer(old.group.files[0])
        yield Fired("main-format-removed", pointer, old.group.name, f'"{old.group.format}"', f'"{new.group.format}"')
