"""The few calls of a checkpoint's pickle that are understood, and the records that stand for their results."""

from __future__ import annotations

from typing import Any

from lineage.fingerprint.pytorch.archive import NotReadError
from lineage.fingerprint.pytorch.values import (
    DTYPES,
    ORDERED_DICT,
    REBUILD_PARAMETER,
    REBUILD_V2,
    REBUILD_V3,
    SETS,
    SIZE,
    Mapping,
    Name,
    Storage,
    Tensor,
)


def built(name: str, arguments: tuple[Any, ...], file: str) -> Any:
    """Give the record for a call of an allowed name. Raises ValueError for arguments that PyTorch does not write."""
    if name == ORDERED_DICT:
        return _ordered(arguments)
    if name in (REBUILD_V2, REBUILD_V3):
        return _tensor(name, arguments, file)
    if name == REBUILD_PARAMETER and len(arguments) == 3 and isinstance(arguments[0], Tensor):
        return arguments[0]
    if name == SIZE and len(arguments) == 1 and _counts(arguments[0]):
        return tuple(arguments[0])
    if name in SETS and len(arguments) == 1 and type(arguments[0]) is list:
        return arguments[0]
    raise ValueError(f"{name} has other arguments than PyTorch writes")


def _tensor(name: str, arguments: tuple[Any, ...], file: str) -> Tensor:
    """Check the arguments of a tensor: its storage, its place in it, and its dtype where the storage has none."""
    typed = name == REBUILD_V2
    least = 6 if typed else 7
    if not least <= len(arguments) <= least + 1:
        raise ValueError(f"{name} has {len(arguments)} arguments")
    storage, offset, shape, stride = arguments[:4]
    dtype = storage.dtype if isinstance(storage, Storage) else None
    if not typed:
        given = arguments[6]
        dtype = DTYPES.get(given.text) if isinstance(given, Name) else None
    metadata = arguments[least] if len(arguments) > least else None
    if isinstance(metadata, Mapping) and metadata.pairs:
        raise NotReadError("it holds a tensor whose values are negated or conjugated when they are read", file)
    if not isinstance(storage, Storage) or not dtype or not _counts(shape) or not _counts(stride):
        raise ValueError(f"{name} has other arguments than PyTorch writes")
    if type(offset) is not int or offset < 0 or len(shape) != len(stride):
        raise ValueError(f"{name} has other arguments than PyTorch writes")
    return Tensor(storage, dtype, tuple(shape), tuple(stride), offset)


def _counts(value: Any) -> bool:
    """Return whether a value is a list of sizes."""
    return type(value) in (tuple, list) and len(value) <= 64 and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


def _ordered(arguments: tuple[Any, ...]) -> Mapping:
    """Make a dict, empty or of the pairs that Python 2 wrote."""
    made = Mapping()
    if not arguments:
        return made
    if len(arguments) != 1 or type(arguments[0]) is not list:
        raise ValueError("an OrderedDict has other arguments than Python writes")
    for pair in arguments[0]:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise ValueError("an OrderedDict has other arguments than Python writes")
        made.pairs.append((pair[0], pair[1]))
    return made
