"""Compare two sets of weights: what became of each tensor, and what that makes of the whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from lineage.fingerprint.buffers import BUFFER
from lineage.fingerprint.copies import VOCABULARY, lost_heads, note_of_copies
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.places import same_places
from lineage.fingerprint.tensor_table import TensorRow

ComparisonKind = Literal[
    "equal", "reserialised", "renamed", "partial", "retrained", "reshaped", "replaced", "cast", "requantised"
]

_QUANTISED = re.compile(
    r"\.(qweight|qzeros|scales|g_idx|absmax|SCB|weight_format|weight_scale(_inv|_2)?|weight_packed|weight_shape|quant_map"
    r"|quant_state[.\w]*|_data|_scale|nested_absmax|input_scale|zeros|biases)$"
)
_PACKED_DTYPES = re.compile(r"^(I?Q\d|TQ\d|MXFP4|NVFP4|TYPE_)")


class LayoutComparison(NamedTuple):
    """Tensors by what became of their names, dtypes and shapes; lists are in order of name.

    `retyped` have another dtype and the same shape, `grown` are vocabulary tensors with rows appended, `reshaped` any
    other shape.
    """

    equal: int
    retyped: list[str]
    grown: list[str]
    reshaped: list[str]
    added: list[str]
    removed: list[str]


class TensorComparison(NamedTuple):
    """Tensors by what became of their bytes; lists are in order of name.

    `renamed` pairs a removed with an added tensor whose dtype, shape and bytes are found exactly once on either side.
    """

    equal: int
    changed: list[str]
    added: list[str]
    removed: list[str]
    renamed: list[tuple[str, str]]


class WeightsComparison(NamedTuple):
    """The result of a comparison: its kind, changed tensors of how many (None if not counted), and a short note.

    `differs` says of `replaced` that what was read proves other values, although not which kind of change it was.
    """

    kind: ComparisonKind
    tensors_changed: int | None = None
    tensors_total: int | None = None
    note: str | None = None
    differs: bool = False


def compare_layouts(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> LayoutComparison:
    """Compare names, dtypes and shapes."""
    old = {row.name: row for row in before}
    new = {row.name: row for row in after}
    equal = 0
    found = LayoutComparison(0, [], [], [], [], [])
    for name in sorted(old.keys() & new.keys()):
        was, now = old[name], new[name]
        if was.shape == now.shape:
            equal += was.dtype == now.dtype
            if was.dtype != now.dtype:
                found.retyped.append(name)
        elif _has_grown(was, now):
            found.grown.append(name)
        else:
            found.reshaped.append(name)
    found.added.extend(sorted(new.keys() - old.keys()))
    found.removed.extend(sorted(old.keys() - new.keys()))
    return found._replace(equal=equal)


def compare_tensors(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> TensorComparison:
    """Compare the bytes of tensors by name; both tables need digests (level full), else ValueError."""
    if any(row.digest is None for row in (*before, *after)):
        raise ValueError("tensors can be compared by their bytes at level full only")
    old = {row.name: (row.dtype, row.shape, row.digest) for row in before}
    new = {row.name: (row.dtype, row.shape, row.digest) for row in after}
    both = sorted(old.keys() & new.keys())
    changed = [name for name in both if old[name] != new[name]]
    removed = {old[name]: name for name in sorted(old.keys() - new.keys())}
    added = {new[name]: name for name in sorted(new.keys() - old.keys())}
    copies_before, copies_after = Counter(old.values()), Counter(new.values())
    renamed = sorted(
        (removed[held], added[held])
        for held in removed.keys() & added.keys()
        if copies_before[held] == copies_after[held] == 1
    )
    gone, come = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return TensorComparison(
        equal=len(both) - len(changed),
        changed=changed,
        added=sorted(new.keys() - old.keys() - come),
        removed=sorted(old.keys() - new.keys() - gone),
        renamed=renamed,
    )


def tensors_in_short(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> str:
    """Sum up in one line how tensors differ from those before: `3 of 38 tensors differ; dtype F32 → F16/F32`.

    By bytes where both tables have digests, else by dtype and shape.
    """
    layout = compare_layouts(before, after)
    differing = {*layout.retyped, *layout.grown, *layout.reshaped}
    if all(row.digest for row in (*before, *after)):
        differing.update(compare_tensors(before, after).changed)
    number = len(differing) + len(layout.removed)
    verb = "differ or are missing" if differing and layout.removed else "missing" if layout.removed else "differ"
    words = f"{f'all {number:,}' if number == len(before) else f'{number:,} of {len(before):,}'} tensors {verb}"
    if layout.added:
        words += f", {len(layout.added):,} added"
    old, new = ("/".join(sorted({row.dtype for row in rows})) for rows in (before, after))
    return words if old == new else f"{words}; dtype {old} → {new}"


def compare_weights(
    before: GroupFingerprint,
    after: GroupFingerprint,
    cast_check: Callable[[], bool | None] | None = None,
    may_be_tied: Callable[[], bool | None] = lambda: True,
) -> WeightsComparison:
    """Return what happened between two states of a weight group, as far as both were measured.

    `cast_check` is called only where nothing but float dtypes differ; it returns whether the values are the same except
    for rounding, or None where it could not read them. `may_be_tied` is called only where a head that equals another
    tensor is missing after; it returns whether the config lets a loader do without, None where that could not be read.
    Where the bytes were not compared the answer is `replaced`, with
    what headers show as its note, or `reshaped` where headers prove it.
    """
    found = _compared(before, after, cast_check, may_be_tied)
    return found._replace(differs=True) if found.kind == "replaced" and _must_differ(before, after) else found


def _compared(
    before: GroupFingerprint,
    after: GroupFingerprint,
    cast_check: Callable[[], bool | None] | None,
    may_be_tied: Callable[[], bool | None],
) -> WeightsComparison:
    same = _same_weights(before, after) or _copies(before, after, may_be_tied)
    if same:
        return same
    if before.rows is None or after.rows is None:
        return WeightsComparison("replaced")
    layout = compare_layouts(before.rows, after.rows)
    total = len(before.rows) + len(layout.added)
    if layout.retyped and not (layout.grown or layout.reshaped or layout.added or layout.removed):
        return _retyped(before.rows, after.rows, layout, cast_check, total)
    if _is_quantised(before.rows) or _is_quantised(after.rows):
        if layout.reshaped or layout.added or layout.removed or layout.retyped:
            return WeightsComparison(
                "replaced", None, total, _dtype_note(before.rows, after.rows) or "quantised in another way"
            )
    elif _may_be_copies(before, after, layout):
        return WeightsComparison("replaced", None, total, f"{_layout_note(layout)}, perhaps copies")
    elif _shapes(before.rows) != _shapes(after.rows) and (layout.reshaped or layout.added or layout.removed):
        return WeightsComparison("reshaped", None, total, _layout_note(layout))
    return _values(before, after, layout, total)


def _must_differ(before: GroupFingerprint, after: GroupFingerprint) -> bool:
    """Return whether a tensor of both sides has other bytes or another shape, or only one side is quantised."""
    if before.rows is None or after.rows is None:
        return False
    if _is_quantised(before.rows) != _is_quantised(after.rows):
        return True
    old = {row.name: row for row in before.rows}
    pairs = [(old[row.name], row) for row in after.rows if row.name in old and not BUFFER.search(row.name)]
    return any(
        was.shape != now.shape
        or (was.dtype == now.dtype and None not in (was.digest, now.digest) and was.digest != now.digest)
        for was, now in pairs
    )


def _same_weights(before: GroupFingerprint, after: GroupFingerprint) -> WeightsComparison | None:
    """Return the result if digests show that the parameters are the same."""
    old, new = before.digests, after.digests
    count = before.tensor_count
    if old.files is not None and old.files == new.files and _same_places(before, after):
        return WeightsComparison("equal", 0, count)
    if _same_bytes(before, after) and _same_places(before, after):
        return WeightsComparison("equal", 0, count, "the same bytes, in git and in git LFS")
    if old.weights is not None and old.weights == new.weights:
        return WeightsComparison("reserialised", 0, count, "the same tensors in other files")
    if before.rows == after.rows == []:
        return WeightsComparison("reserialised", 0, 0, "no tensors on either side")
    if old.content is None or old.content != new.content or before.rows is None or after.rows is None:
        return None
    tensors = compare_tensors(before.rows, after.rows)
    if tensors.changed:
        return None  # a name that is on both sides has the bytes of another one
    if _have_exchanged(before.rows, after.rows):
        note = "the same tensors, exchanged under names with another prefix"
        return WeightsComparison("replaced", None, count, note, differs=True)
    return WeightsComparison("renamed", 0, count, "the same tensors under other names")


def _have_exchanged(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> bool:
    """Return whether all names got or lost one prefix, such as `model.`, and some now name other bytes."""
    old, new = ({row.name: (row.dtype, row.shape, row.digest) for row in rows} for rows in (before, after))
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    if not gone or len(gone) != len(come):
        return False
    for short, long, held, found in ((gone, come, old, new), (come, gone, new, old)):
        for prefix in (name.removesuffix(short[0]) for name in long if name.endswith(f".{short[0]}")):
            if {prefix + name for name in short} == set(long):
                return any(held[name] != found[prefix + name] for name in short)
    return False


def _copies(
    before: GroupFingerprint, after: GroupFingerprint, may_be_tied: Callable[[], bool | None]
) -> WeightsComparison | None:
    """Return the result if nothing but copies of tied tensors were left out or added; None where more differs."""
    if not _have_digests(before, after) or before.rows is None or after.rows is None:
        return None
    note = None if compare_tensors(before.rows, after.rows).changed else note_of_copies(before.rows, after.rows)
    if note is None:
        return None
    tied = may_be_tied() if lost_heads(before.rows, after.rows) else True
    if tied is None:
        return WeightsComparison("replaced", None, before.tensor_count, f"{note}, and the config could not be read")
    return WeightsComparison("renamed", 0, before.tensor_count, f"the same tensors, {note}") if tied else None


def _same_places(before: GroupFingerprint, after: GroupFingerprint) -> bool:
    """Return whether no file of a group holds what another one held, where that is known."""
    sides = [
        (side.group, {entry.path: entry.sha256 or entry.identity or "" for entry in side.files})
        for side in (before, after)
    ]
    if not (before.files and after.files):
        return True
    if any(entry.sha256 is None for side in (before, after) for entry in side.files):
        sides = [(side.group, {e.path: e.identity or "" for e in side.files}) for side in (before, after)]
    return same_places(*sides)


def _same_bytes(before: GroupFingerprint, after: GroupFingerprint) -> bool:
    """Say whether the files of both have the same SHA-256s; metadata give a file in git itself another id."""
    hashes = [sorted(entry.sha256 or "" for entry in side.files) for side in (before, after)]
    return bool(hashes[0]) and hashes[0] == hashes[1] and "" not in hashes[0]


def _may_be_copies(before: GroupFingerprint, after: GroupFingerprint, layout: LayoutComparison) -> bool:
    """Return whether, by headers, only tied copies of vocabulary tensors may have been left out or added.

    Each of them has the dtype and shape of another tensor, as a head has those of its embedding.
    """
    if _have_digests(before, after) or layout.retyped or layout.grown or layout.reshaped:
        return False
    names = [*layout.added, *layout.removed]
    kept = {(row.dtype, row.shape) for row in before.rows or () if row.name not in layout.removed}
    loose = [row for row in (*(before.rows or ()), *(after.rows or ())) if row.name in names]
    return bool(loose) and all(VOCABULARY.search(row.name) and (row.dtype, row.shape) in kept for row in loose)


def _have_digests(*sides: GroupFingerprint) -> bool:
    """Return whether the bytes of all tensors of all sides were read."""
    return all(side.digests.weights is not None for side in sides)


def _retyped(
    before: Sequence[TensorRow],
    after: Sequence[TensorRow],
    layout: LayoutComparison,
    cast_check: Callable[[], bool | None] | None,
    total: int,
) -> WeightsComparison:
    """Classify a change in which only dtypes differ by layout."""
    note = _dtype_note(before, after)
    old = {row.name: row.dtype for row in before}
    new = {row.name: row.dtype for row in after}
    floats = all(old[name] in FLOATS and new[name] in FLOATS for name in layout.retyped)
    verdict = cast_check() if floats and cast_check else None
    if verdict is None:
        return WeightsComparison("replaced", None, total, note)
    if verdict:
        return WeightsComparison("cast", len(layout.retyped), total, note)
    return WeightsComparison("retrained", None, total, f"{note}, and other values")


def _values(
    before: GroupFingerprint, after: GroupFingerprint, layout: LayoutComparison, total: int
) -> WeightsComparison:
    """Classify a change of values with the same shapes, or with appended vocabulary rows."""
    notes = ["vocabulary rows appended"] if layout.grown else []
    if layout.added or layout.removed:
        notes.append("other names")
    if layout.retyped:
        notes.append(_dtype_note(before.rows or (), after.rows or ()) or "other dtypes")
    if layout.retyped or not _have_digests(before, after):
        return WeightsComparison("replaced", None, total, "; ".join(notes) or None)
    tensors = compare_tensors(before.rows or (), after.rows or ())
    if _dtypes_of(before, tensors.removed) != _dtypes_of(after, tensors.added):
        note = _dtype_note(before.rows or (), after.rows or ()) or "other dtypes"
        return WeightsComparison("replaced", None, total, "; ".join([*notes, note]))
    names = set(tensors.changed) | set(tensors.added)
    kept = [row.name for row in after.rows or () if row.name not in names and not BUFFER.search(row.name)]
    note = "; ".join([f"{len(names)} of {total} tensors", *notes])
    return WeightsComparison("partial" if kept else "retrained", len(names), total, note)


def _dtypes_of(side: GroupFingerprint, names: Sequence[str]) -> Counter[str]:
    """Count the dtypes of some tensors: under other names, another dtype hides whether values are the same."""
    wanted = set(names)
    return Counter(row.dtype for row in side.rows or () if row.name in wanted)


FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Dtypes between which rounding can be checked."""


def _has_grown(was: TensorRow, now: TensorRow) -> bool:
    """Return whether a vocabulary tensor has rows appended."""
    return bool(
        VOCABULARY.search(was.name)
        and was.dtype == now.dtype
        and was.shape
        and now.shape
        and was.shape[1:] == now.shape[1:]
        and was.shape[0] < now.shape[0]
    )


def _shapes(rows: Sequence[TensorRow]) -> Counter[tuple[int, ...]]:
    """Count shapes: equal counts mean that nothing but names and dtypes differ."""
    return Counter(row.shape for row in rows)


def _is_quantised(rows: Sequence[TensorRow]) -> bool:
    """Return whether weights are packed, with scales beside them or in blocks."""
    return any(_QUANTISED.search(row.name) or _PACKED_DTYPES.match(row.dtype) for row in rows)


def _dtype_note(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> str | None:
    """Write how the dtype of most parameters changed, such as `F32→BF16`; None where it did not."""
    old, new = _main_dtype(before), _main_dtype(after)
    if old == new:
        retyped = {row.name: row.dtype for row in before}
        pairs = Counter(
            (retyped[row.name], row.dtype) for row in after if retyped.get(row.name, row.dtype) != row.dtype
        )
        if not pairs:
            return None
        old, new = pairs.most_common(1)[0][0]
    return f"{old}→{new}"


def _main_dtype(rows: Sequence[TensorRow]) -> str:
    """Find the dtype that holds most elements."""
    counts: Counter[str] = Counter()
    for row in rows:
        elements = 1
        for length in row.shape:
            elements *= length
        counts[row.dtype] += elements
    return min(counts, key=lambda dtype: (-counts[dtype], dtype), default="none")


def _layout_note(layout: LayoutComparison) -> str:
    """Write in a few words how the layout changed."""
    parts = [("reshaped", layout.reshaped), ("added", layout.added), ("removed", layout.removed)]
    return ", ".join(f"{len(names)} tensors {verb}" for verb, names in parts if names)
