"""The stored form of a sketch: exact, narrow, the same for ever, and checked when it is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lineage.errors import FormatError
from lineage.fingerprint.values.sketch import MAGIC, SampledTile, Sketch, pack_sketch, unpack_sketch
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import KINDS, Tile
from tests.support.shared import ROOT

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

KEPT = ROOT / "tests" / "data" / "fingerprints" / "sketch.v1"


def sketch_of(values: Floats, method: str | None = None, adapter: AdapterScale | None = None) -> Sketch:
    """Make a sketch of one strip."""
    rows, columns = values.shape
    tile = Tile("strip", "blk.0.attn_q.weight", Place(0, rows, 0, columns))
    return Sketch((SampledTile(tile, (rows, columns), method, values),), {"strip": 1}, adapter)


@settings(max_examples=120)
@given(
    arrays.arrays(numpy.float32, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.floats(width=32)),
    st.sampled_from(["<f4", "<f2", "bf16"]),
)
def test_values_come_back_bit_for_bit(values: Floats, dtype: str) -> None:
    """Every float32 comes back, infinities and negative zero too; NaN is one; bf16 and f16 values take two bytes."""
    with numpy.errstate(over="ignore", invalid="ignore"):
        if dtype == "bf16":
            values = (values.view("<u4") & 0xFFFF0000).view("<f4")
        else:
            values = values.astype(dtype).astype("<f4")
    packed = pack_sketch(sketch_of(values))
    back = unpack_sketch(packed).tiles[0].values
    assert (numpy.isnan(values) == numpy.isnan(back)).all()
    real = ~numpy.isnan(values)
    assert (values.view("<u4")[real] == numpy.ascontiguousarray(back).view("<u4")[real]).all()
    assert pack_sketch(unpack_sketch(packed)) == packed
    if dtype != "<f4":
        assert len(packed) - len(pack_sketch(sketch_of(values[:0]))) < values.size * 2 + 8


def test_the_kept_sketch_is_read_and_written_the_same() -> None:
    """A sketch that an earlier version stored is read for ever, and has the digest that the documentation gives."""
    data = KEPT.read_bytes()
    sketch = unpack_sketch(data)
    assert pack_sketch(sketch) == data
    assert [(each.tile.kind, each.tile.name) for each in sketch.tiles] == [
        ("strip", "blk.0.attn_q.weight"), ("square", "blk.0.attn_q.weight"), ("vector", "output_norm.weight"),
    ]  # fmt: skip
    assert sketch.tiles[0].values.tolist() == [[1.0, -2.5, 0.0], [3.0, 0.15625, -1.0]]
    assert sketch.tiles[1].values.tolist() == [[0.10009765625, 2.0]]
    assert sketch.tiles[2].values.tolist() == [[numpy.float32(0.1), numpy.float32(3e-39)]]
    assert sketch.adapter == AdapterScale(2.0, {"blk.0.attn_v": 4.0})
    assert sketch.coverage == "sketch.v1 strips=1/4 squares=1/1 vectors=1/2"


def test_the_documentation_has_the_bytes_of_the_kept_sketch() -> None:
    """docs/reference/digests.md shows the test vector in hex with its digest."""
    text = (ROOT / "docs" / "reference" / "digests.md").read_text()
    vector = re.search(r"<!-- sketch vector -->\n```json\n(.*?)```", text, re.DOTALL)
    assert vector is not None
    shown = json.loads(vector[1])
    assert bytes.fromhex("".join(shown["hex"])) == KEPT.read_bytes()
    assert shown["digest"] == f"sketch.v1:{blake3(KEPT.read_bytes()).hexdigest()}"


GOOD = pack_sketch(sketch_of(numpy.ones((2, 3), numpy.float32)))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"sketch.v2\n" + GOOD[10:], GOOD[:-1], GOOD + b"\0", GOOD[:12], MAGIC, MAGIC + b"\xff\xff\xff\xff{}",
        GOOD.replace(b'"BF16"', b'"BF17"'), GOOD.replace(b",0,2,0,3,", b",9,2,0,3,"),
        GOOD.replace(b'"strip"', b'"stripe"'),
        GOOD.replace(b"blk.0", b"\xff\xff\xff.0"), MAGIC + (2_000_000).to_bytes(4, "little") + b"[" * 2_000_000,
    ],
)  # fmt: skip
def test_damaged_sketches_are_refused(data: bytes) -> None:
    """Bytes that are no sketch are a FormatError, never a crash and never values."""
    with pytest.raises(FormatError):
        unpack_sketch(data)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data())
def test_any_change_of_bytes_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever bytes are changed in a sketch, it is read as a sketch or refused."""
    raw = bytearray(KEPT.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        sketch = unpack_sketch(bytes(raw))
    except FormatError:
        return
    for each in sketch.tiles:
        assert each.tile.kind in KINDS
        assert each.values.shape == (each.tile.place.rows, each.tile.place.columns)


def test_a_whole_sketch_is_small() -> None:
    """The largest sketch of `sketch.v1` takes at most half a megabyte."""
    random = numpy.random.default_rng(0)
    places = [("strip", 4, 256)] * 64 + [("square", 128, 128), ("square", 64, 64), ("square", 64, 64)]
    places += [("vector", 1, 1024)] * 32
    tiles = tuple(
        SampledTile(
            Tile(kind, f"blk.{at}.attn_output.weight", Place(0, rows, 0, columns)),  # type: ignore[arg-type]
            (16_384, 16_384), None, random.normal(size=(rows, columns)).astype(numpy.float32),
        )
        for at, (kind, rows, columns) in enumerate(places)
    )  # fmt: skip
    assert len(pack_sketch(Sketch(tiles, {}))) <= 500_000


def write_kept() -> None:
    """Write the kept sketch: done once, never again."""
    tiles = [
        ("strip", "blk.0.attn_q.weight", (8, 3), [[1.0, -2.5, 0.0], [3.0, 0.15625, -1.0]], None),
        ("square", "blk.0.attn_q.weight", (8, 3), [[0.10009765625, 2.0]], "Q8_0"),
        ("vector", "output_norm.weight", (1, 2), [[0.1, 3e-39]], None),
    ]
    made = tuple(
        SampledTile(
            Tile(kind, name, Place(0, len(values), 0, len(values[0]))),  # type: ignore[arg-type]
            shape, method, numpy.array(values, numpy.float32),
        )
        for kind, name, shape, values, method in tiles
    )  # fmt: skip
    offered = {"strip": 4, "square": 1, "vector": 2}
    KEPT.write_bytes(pack_sketch(Sketch(made, offered, AdapterScale(2.0, {"blk.0.attn_v": 4.0}))))


if __name__ == "__main__" and not Path(KEPT).exists():
    write_kept()
