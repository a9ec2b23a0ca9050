"""The values of GGUF files: blocks of the quantised types, rows in the order of transformers, stacks of experts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.gguf import TYPES, UNKNOWN_TYPE
from lineage.fingerprint.values.adapters import A
from lineage.fingerprint.values.gguf_rows import Heads, RowOrder, norm_shift, row_order
from lineage.fingerprint.values.names import normalised_names
from lineage.fingerprint.values.plain import logical_shape
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.stored import Stored, StoredTensors, expert_name
from lineage.fingerprint.values.tensor import WIDTHS, Fetch, FileRange, Place, PlainTensor, ValueTensor

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

BLOCK_TYPES = frozenset({
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4",
    "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M", "IQ4_NL", "IQ4_XS",
})  # fmt: skip
"""Types of blocks that the `gguf` package dequantises."""

MAX_EXPERT_MATRICES = 300_000
"""Matrices of experts in one model, four times those of 61 layers of 384 experts: more are not followed."""

_BLOCKS = {name: (elements, width) for name, elements, width in TYPES.values()}

_OLD_EXPERT = re.compile(r"^(?P<before>blk\.\d+\.ffn_(?:gate|up|down))\.(?P<number>\d+)(?=\.(?:weight|bias)$)")
"""How older files name each expert's matrix, which newer ones stack."""


class BlockTensor(NamedTuple):
    """A tensor whose rows are blocks of a quantised type (`method`), each with its scales inside.

    `begin` is the byte of the first block, `row_of` maps a logical row to the stored one; None where they are the same.
    """

    name: str
    shape: tuple[int, int]
    file: str
    method: str
    begin: int
    row_of: RowOrder | None = None

    def ranges(self, place: Place) -> list[FileRange]:
        """List the blocks that hold the values, one range for each row."""
        if not place.rows or not place.columns:
            return []
        elements, width = _BLOCKS[self.method]
        first = place.column // elements
        length = (-(-(place.column + place.columns) // elements) - first) * width
        of_row = self.shape[1] // elements * width
        rows = range(place.row, place.row + place.rows)
        stored = rows if self.row_of is None else map(self.row_of, rows)
        return [FileRange(self.file, self.begin + row * of_row + first * width, length) for row in stored]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place. Scales that are infinite or NaN give values that are."""
        import numpy

        if not place.rows or not place.columns:
            return numpy.empty((place.rows, place.columns), numpy.float32)
        raw = b"".join(fetch(each) for each in self.ranges(place))
        found = dequantise(raw, self.method, place.rows)
        before = place.column % _BLOCKS[self.method][0]
        return numpy.ascontiguousarray(found[:, before : before + place.columns])


def dequantise(raw: bytes, method: str, rows: int) -> Floats:
    """Dequantise rows of blocks of a GGUF type to float32."""
    import numpy
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    blocks = numpy.frombuffer(raw, numpy.uint8).reshape(rows, -1)
    with numpy.errstate(all="ignore"):
        found: Floats = dequantize(blocks, GGMLQuantizationType[method])
    return found


@dataclass(frozen=True, slots=True)
class ColumnAsRow:
    """A vector whose elements are stored in another order: `column` has one of them a row."""

    column: PlainTensor

    @property
    def name(self) -> str:
        """Return the normalised name."""
        return self.column.name

    @property
    def shape(self) -> tuple[int, int]:
        """Return one row."""
        return (1, self.column.shape[0])

    @property
    def method(self) -> str | None:
        """Return None: vectors are plain floats."""
        return self.column.method

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of each element."""
        return self.column.ranges(_turned(place))

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the elements in one row."""
        return self.column.values(_turned(place), fetch).reshape(place.rows, place.columns)


def _turned(place: Place) -> Place:
    return Place(place.column, place.columns, place.row, place.rows)


@dataclass(frozen=True, slots=True)
class Shifted:
    """A tensor to whose values the converter has added `shift`."""

    stored: ValueTensor
    shift: float

    @property
    def name(self) -> str:
        """Return the normalised name."""
        return self.stored.name

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return self.stored.shape

    @property
    def method(self) -> str | None:
        """Return how the values were quantised."""
        return self.stored.method

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes that the values need."""
        return self.stored.ranges(place)

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values as they were before."""
        import numpy

        with numpy.errstate(all="ignore"):
            found: Floats = self.stored.values(place, fetch) - numpy.float32(self.shift)
        return found


def gguf_tensors(stored: StoredTensors, config: Mapping[str, Any]) -> tuple[dict[str, ValueTensor], dict[str, str]]:
    """Open the tensors of a GGUF file, or of all parts of a split one, by normalised name.

    The second dictionary has the stored names of those that are not read, with the reason. `config` is the model's
    config.json, empty where there is none. Reads no bytes.
    """
    heads = Heads.declared(stored.declares, config)
    names = normalised_names(stored.by_name)
    tensors: dict[str, ValueTensor] = {}
    unread: dict[str, str] = {}
    experts = 0
    for name, each in stored.by_name.items():
        shape = each.span.shape
        is_stack = len(shape) == 3 and "_exps" in name
        experts += shape[0] if is_stack else 0
        try:
            if is_stack and experts > MAX_EXPERT_MATRICES:
                experts -= shape[0]
                raise FormatError(f"it claims {shape[0]:,} experts, more than are followed", file=each.file)
            opened = list(_experts(names[name], each)) if is_stack else [_tensor(names[name], each, heads)]
        except FormatError as error:
            unread[name] = error.message
            continue
        for tensor in opened:
            tensors[tensor.name] = tensor
    return tensors, unread


def _tensor(name: str, stored: Stored, heads: Heads) -> ValueTensor:
    """Open one tensor. Raises FormatError where its values cannot be read or their order is not known."""
    name = _OLD_EXPERT.sub(r"\g<before>_exps.\g<number>", name)
    shape = logical_shape(stored.span.shape)
    is_vector = shape[0] == 1
    if name.endswith(".ssm_a"):
        raise FormatError("its converter stores -exp(A), which is not undone", file=stored.file)
    order = row_order(name, shape[1] if is_vector else shape[0], heads, stored.file)
    if is_vector and order is not None:
        column = _matrix(name, (shape[1], 1), stored, order)
        if not isinstance(column, PlainTensor):
            raise FormatError(f"a {stored.span.dtype} vector whose elements are in another order", file=stored.file)
        return ColumnAsRow(column)
    found = _matrix(name, shape, stored, order)
    shift = norm_shift(name, heads)
    return Shifted(found, shift) if shift else found


def _matrix(name: str, shape: tuple[int, int], stored: Stored, order: RowOrder | None) -> PlainTensor | BlockTensor:
    """Open a tensor as rows and columns of its stored type."""
    dtype = stored.span.dtype
    if stored.span.end < stored.span.begin:
        raise FormatError("its bytes cannot be found: the size of the file is not known", file=stored.file)
    if dtype in WIDTHS:
        return PlainTensor(name, shape, stored.file, dtype, stored.span.begin, (shape[1], 1), order)
    if dtype in BLOCK_TYPES:
        return BlockTensor(name, shape, stored.file, dtype, stored.span.begin, order)
    if dtype.startswith(UNKNOWN_TYPE):
        raise FormatError(f"{dtype}: a type of GGUF that this version does not know", file=stored.file)
    raise FormatError(f"{dtype} values cannot be read", file=stored.file)


def _experts(name: str, stored: Stored) -> Iterator[ValueTensor]:
    """Yield the matrix of each expert of a stack."""
    experts, rows, columns = stored.span.shape
    whole = _matrix(name, (rows, columns), stored, None)
    width = (stored.span.end - stored.span.begin) // experts if experts else 0
    for expert in range(experts):
        yield whole._replace(name=expert_name(name, expert), begin=whole.begin + expert * width)


def gguf_adapter_scale(declares: Mapping[str, Any], tensors: Mapping[str, ValueTensor]) -> AdapterScale | None:
    """Return the scale of a LoRA adapter: `adapter.lora.alpha` divided by the rank; None for other files."""
    ranks = {name.removesuffix(A): tensor.shape[0] for name, tensor in tensors.items() if name.endswith(A)}
    if not ranks:
        return None
    alpha = declares.get("adapter.lora.alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not isfinite(alpha):
        return AdapterScale(None)
    counted = Counter(ranks.values())
    usual = max(counted, key=lambda rank: (counted[rank], rank))
    by_module = {module: _scale(alpha, rank) for module, rank in sorted(ranks.items()) if rank and rank != usual}
    return AdapterScale(_scale(alpha, usual) if usual else None, by_module)


def _scale(alpha: float, rank: int) -> float:
    """Scale as llama.cpp does: an alpha of 0 means that B·A is added as it is."""
    return alpha / rank if alpha else 1.0
