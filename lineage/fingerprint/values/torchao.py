"""torchao: tensor subclasses taken apart into `_weight_qdata`, `_weight_scale` and `_weight_zero_point`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lineage.fingerprint.values.packed import EIGHT_BIT_FLOATS, Cells, ScaledTensor, blocks_for
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of

_PARTS = ("_scale", "_zero_point", "_act_pre_scale", "_act_quant_scale", "_per_tensor_scale", "_scale_and_zero")


def torchao(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices whose codes end in `qdata`; which class they had is in the file's metadata, where it is kept."""
    for base, codes in stored.ending("_qdata"):
        module, _, tensor = base.rpartition("._")
        others = stored.parts(base, *_PARTS)
        held = [each.span.name for each in (codes, *others) if each is not None]
        name = f"{module}.{tensor}" if module else base
        found = _read(_class_of(stored, name), codes, others)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(name, held, found)


def _class_of(stored: StoredTensors, name: str) -> str | None:
    """Return the class of a tensor that the metadata name; None where they do not."""
    declared = stored.declares.get(name)
    try:
        found = json.loads(declared) if isinstance(declared, str) else None
    except (ValueError, RecursionError):
        return None
    kind = found.get("_type") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) else None


def _read(kind: str | None, codes: Stored, others: list[Stored | None]) -> ScaledTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    scale, zero, *further = others
    shape = codes.span.shape
    if len(shape) != 2 or scale is None or not floats_of(scale) or any(further):
        return f"torchao's {kind or 'quantised tensors of a class'} in a form that is not known here"
    rows, columns = shape
    by_dtype = {"I8": "torchao-int8", **dict.fromkeys(EIGHT_BIT_FLOATS, "torchao-float8")}
    if codes.span.dtype not in by_dtype or kind not in _CLASSES:
        return f"torchao's {kind or codes.span.dtype} is not known here"
    scales, zeros = blocks_for((rows, columns), scale), blocks_for((rows, columns), zero)
    if scales is None or (zero is not None and zeros is None):
        return "torchao scales or zeros that do not fit the codes"
    return ScaledTensor("", (rows, columns), by_dtype[codes.span.dtype], Cells.of(codes), [scales], zeros or 0)


_CLASSES = ("Int8Tensor", "IntxUnpackedToInt8Tensor", "Float8Tensor", None)
"""Classes whose codes are numbers as they are stored; a class that the metadata do not name is shown by its dtype."""
