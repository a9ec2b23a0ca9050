"""Sketches: sampled values of a model in the form that is stored, `sketch.v1`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tensor import Place, decode_floats
from lineage.fingerprint.values.tiles import KINDS, Tile, TileKind

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

MAGIC = b"sketch.v1\n"
MAX_SKETCH_BYTES = 1_000_000
"""Twice what the tiles of `sketch.v1` can take: a longer one was not written by this program."""

_WIDTH = {"BF16": 2, "F16": 2, "F32": 4}


class SampledTile(NamedTuple):
    """One tile with its values, shape (rows, columns) of its place; `shape` is that of the whole tensor."""

    tile: Tile
    shape: tuple[int, int]
    method: str | None
    values: Floats


class Sketch(NamedTuple):
    """A sample of one weight group. `offered` counts the tiles that the model has, taken or not, by kind."""

    tiles: Sequence[SampledTile]
    offered: Mapping[str, int]
    adapter: AdapterScale | None = None

    def taken(self, kind: TileKind) -> int:
        """Count the tiles of one kind that were taken."""
        return sum(each.tile.kind == kind for each in self.tiles)

    @property
    def coverage(self) -> str:
        """Say what the sample covers: `sketch.v1 strips=64/64 squares=3/3 vectors=32/32`."""
        parts = (f"{kind}s={self.taken(kind)}/{self.offered.get(kind, 0)}" for kind in KINDS)
        return f"sketch.v1 {' '.join(parts)}"


def pack_sketch(sketch: Sketch) -> bytes:
    """Write a sketch: the same values give the same bytes, wherever they were read.

    The line `sketch.v1`, the length of a JSON text as four bytes, the text, then the values of each tile, each in the
    narrowest of BF16, F16 and F32 that holds all its values exactly (docs/reference/digests.md).
    """
    rows: list[list[Any]] = []
    packed: list[bytes] = []
    for each in sketch.tiles:
        dtype, raw = _narrowest(each.values)
        rows.append([each.tile.kind, each.tile.name, *each.shape, *each.tile.place, dtype, each.method])
        packed.append(raw)
    header: dict[str, Any] = {"offered": dict(sketch.offered), "tiles": rows}
    if sketch.adapter is not None:
        adapter = sketch.adapter
        header["adapter"] = {"scale": adapter.scale, "by_module": dict(adapter.by_module), "dora": adapter.is_dora}
    text = json.dumps(header, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    return b"".join((MAGIC, len(text).to_bytes(4, "little"), text, *packed))


def unpack_sketch(data: bytes) -> Sketch:
    """Read a sketch back. Raises FormatError for bytes that `pack_sketch` does not write."""
    if not data.startswith(MAGIC):
        raise FormatError("This is not a sketch that this version can read.")
    try:
        if len(data) > MAX_SKETCH_BYTES:
            raise ValueError("too long")
        start = len(MAGIC) + 4
        end = start + int.from_bytes(data[len(MAGIC) : start], "little")
        header = json.loads(data[start:end])
        tiles = []
        for row in header["tiles"]:
            tile, at = _tile(row, data, end)
            tiles.append(tile)
            end = at
        if end != len(data):
            raise ValueError("bytes that belong to no tile")
        return Sketch(tiles, _counts(header["offered"]), _adapter(header.get("adapter")))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise FormatError("The sketch is damaged.") from error


def check_sketch(data: bytes) -> None:
    """Check that a sketch is whole. Raises FormatError where it is not."""
    unpack_sketch(data)


def _tile(row: Sequence[Any], data: bytes, at: int) -> tuple[SampledTile, int]:
    """Read one tile whose values begin at byte `at`; the second value is where they end."""
    kind, name, height, width, *place, dtype, method = row
    row_, rows, column, columns = place
    numbers = (height, width, *place)
    if kind not in KINDS or not isinstance(name, str) or not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers):
        raise ValueError("not a tile")
    if row_ + rows > height or column + columns > width or not (method is None or isinstance(method, str)):
        raise ValueError("not a place of the tensor")
    name.encode()
    end = at + rows * columns * _WIDTH[dtype]
    if end > len(data):
        raise ValueError("its end is missing")
    values = decode_floats(data[at:end], dtype).reshape(rows, columns)
    return SampledTile(Tile(kind, name, Place(*place)), (height, width), method, values), end


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not all(type(count) is int and count >= 0 for count in value.values()):
        raise ValueError("not counts")
    return value


def _adapter(value: Any) -> AdapterScale | None:
    if value is None:
        return None
    scale = value["scale"]
    by_module = {str(name): float(factor) for name, factor in value["by_module"].items()}
    return AdapterScale(None if scale is None else float(scale), by_module, bool(value["dora"]))


def _narrowest(values: Floats) -> tuple[str, bytes]:
    """Write values in the narrowest dtype that holds them exactly; every NaN is written as one."""
    import numpy

    flat = numpy.where(numpy.isnan(values), numpy.float32(numpy.nan), values).astype("<f4").ravel()
    bits = flat.view("<u4")
    if not (bits & 0xFFFF).any():
        return "BF16", (bits >> 16).astype("<u2").tobytes()
    with numpy.errstate(over="ignore"):
        half = flat.astype("<f2")
    if (half.astype("<f4").view("<u4") == bits).all():
        return "F16", half.tobytes()
    return "F32", flat.tobytes()


ReadRanges = Callable[[str, Sequence[tuple[int, int]]], Sequence[bytes]]
"""Give the bytes of (start, length) ranges of the file at a path."""
