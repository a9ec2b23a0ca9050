"""Shards whose names give a number and no total: `weights.00.safetensors`, `model.0.safetensors`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lineage.fingerprint.draft import Draft
from lineage.fingerprint.header_reader import HeaderReader
from lineage.fingerprint.weight_files import weight_suffix

_NUMBERED = re.compile(r"(?P<mark>[-._])(?P<number>\d{1,5})$")

_FORMATS = frozenset({"safetensors", "pytorch", "numpy", "flax", "keras"})
"""Formats that writers cut into numbered files; GGUF names its total, and `x-Q4_0` and `x-Q4_1` are two models."""

MAX_HEADERS = 500
"""Files of one set whose headers are read."""

MAX_NAMES = 500_000
"""Tensors of one set whose names are compared; beyond them it is not known whether the files share some."""


def join_numbered(drafts: list[Draft], headers: HeaderReader | None) -> None:
    """Make one group of files that are the shards of one model.

    Their numbers run from 0 or 1 without a hole, and no tensor is in two of them: checkpoints and folds that are
    numbered share theirs. Where headers cannot be read, only what follows a dot and runs from 0 is taken for shards, as
    MLX and OpenNMT write them.
    """
    for name, members in _series(drafts).items():
        if _are_shards([number for number, _, _ in members], members[0][1], [d for *_, d in members], headers):
            files = [path for *_, draft in members for path in draft.files]
            kind = members[0][2].format
            drafts[:] = [draft for draft in drafts if not any(draft is each for *_, each in members)]
            drafts.append(Draft(name, kind, None, files))


def _series(drafts: Iterable[Draft]) -> dict[str, list[tuple[str, str, Draft]]]:
    """Gather single files whose names differ in their last number only, in order of the number, by the common name."""
    found: dict[tuple[str, str], list[tuple[str, str, Draft]]] = {}
    for draft in drafts:
        if draft.format not in _FORMATS or len(draft.files) != 1 or draft.of is not None or draft.index:
            continue
        folder, slash, base = draft.name.rpartition("/")
        suffix = weight_suffix(base)
        if numbered := _NUMBERED.search(base[: len(base) - len(suffix)]):
            name = folder + slash + base[: numbered.start()] + suffix
            entry = (numbered["number"], numbered["mark"], draft)
            found.setdefault((name, numbered["mark"]), []).append(entry)
    ordered: dict[str, list[tuple[str, str, Draft]]] = {}
    for (name, _), members in sorted(found.items(), key=lambda item: item[0]):
        ordered.setdefault(name, sorted(members, key=lambda member: int(member[0])))
    return ordered


def _are_shards(numbers: Sequence[str], mark: str, drafts: Sequence[Draft], headers: HeaderReader | None) -> bool:
    """Return whether files are the shards of one model, and not numbered for another reason."""
    # Examples: weights.00 to weights.03 may be shards. Not shards are model-1 and model-3 (a hole), model_2 and model_3
    # (they begin with neither 0 nor 1), model.01 and model.2 (padded and not), fold-1 and fold-2 (the same tensors).
    first = int(numbers[0])
    widths = {len(number) for number in numbers if number.startswith("0") and len(number) > 1}
    if len(numbers) < 2 or [int(number) for number in numbers] != list(range(first, first + len(numbers))):
        return False
    if first > 1 or (widths and {len(number) for number in numbers} != widths):
        return False
    names = list(_tensor_names(drafts, headers)) if headers else [None]
    known = [each for each in names if each is not None]
    if len(known) == len(drafts):
        return len(frozenset().union(*known)) == sum(len(each) for each in known)
    return mark == "." and first == 0


def _tensor_names(drafts: Sequence[Draft], headers: HeaderReader) -> Iterator[frozenset[str] | None]:
    """Give the tensors of each file, as far as they can be read."""
    left = MAX_NAMES
    for draft in drafts[:MAX_HEADERS]:
        names = headers.tensor_names(draft.files[0]) if draft.format == "safetensors" and left > 0 else None
        yield names
        if names is None:
            return
        left -= len(names)
