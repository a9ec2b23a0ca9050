"""Plain tensors as matrices: places, transposed storage, every dtype."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.header import TensorSpan
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plain import logical_shape
from lineage.fingerprint.values.tensor import FileHeader, FileRange, Place, PlainTensor, decode_floats

BEGIN = 16


def fetch_from(raw: bytes):  # type: ignore[no-untyped-def]
    """Make a fetch from a file whose tensor begins at byte 16."""
    whole = bytes(BEGIN) + raw
    return lambda part: whole[part.start : part.start + part.length]


@st.composite
def matrices_and_places(draw: st.DrawFn) -> tuple[tuple[int, int], Place]:
    """Draw a shape and a rectangle inside it."""
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    row, column = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    return (rows, columns), Place(row, draw(st.integers(0, rows - row)), column, draw(st.integers(0, columns - column)))


@given(matrices_and_places(), st.sampled_from(["F64", "F32", "F16", "BF16"]), st.booleans(), st.booleans())
def test_a_place_has_the_values_of_the_matrix(
    drawn: tuple[tuple[int, int], Place], dtype: str, transposed: bool, turned: bool
) -> None:
    """Whatever the dtype and the order in the file and of rows, a place holds what the matrix has there."""
    (rows, columns), place = drawn
    matrix = numpy.arange(rows * columns, dtype=numpy.float32).reshape(rows, columns) - 3
    stored = matrix[::-1] if turned else matrix
    stored = stored.T if transposed else stored
    raw = stored.astype("<f4").view("<u4") >> 16 if dtype == "BF16" else None
    kind = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}.get(dtype)
    data = raw.astype("<u2").tobytes() if raw is not None else numpy.ascontiguousarray(stored).astype(kind).tobytes()
    strides = (1, rows) if transposed else (columns, 1)
    row_of = (lambda at: rows - 1 - at) if turned else None
    tensor = PlainTensor("x", (rows, columns), "f", dtype, BEGIN, strides, row_of)
    row, high, column, wide = place
    found = tensor.values(place, fetch_from(data))
    assert found.dtype == numpy.float32
    assert (found == matrix[row : row + high, column : column + wide]).all()
    asked = sum(part.length for part in tensor.ranges(place))
    assert asked == high * wide * {"F64": 8, "F32": 4}.get(dtype, 2)


def test_eight_bit_floats_have_the_values_of_their_definition() -> None:
    """Largest, smallest and special codes of the four 8-bit floats are those of OFP8 and of its FNUZ variants."""
    codes = bytes([0x7E, 0x01, 0x80, 0xFF])
    assert decode_floats(codes, "F8_E4M3")[:3].tolist() == [448.0, 2.0**-9, -0.0]
    assert numpy.isnan(decode_floats(codes, "F8_E4M3")[3])
    assert decode_floats(bytes([0x7B, 0x01, 0x7C, 0xFC]), "F8_E5M2").tolist() == [
        57344.0,
        2.0**-16,
        numpy.inf,
        -numpy.inf,
    ]
    assert decode_floats(bytes([0x7F, 0x01]), "F8_E4M3FNUZ").tolist() == [240.0, 2.0**-10]
    assert decode_floats(bytes([0x7F, 0x01]), "F8_E5M2FNUZ").tolist() == [57344.0, 2.0**-17]
    assert numpy.isnan(decode_floats(b"\x80", "F8_E4M3FNUZ")[0])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((7,), (1, 7)), ((3, 4), (3, 4)), ((8, 3, 2, 2), (8, 12)), ((0, 5), (0, 5)), ((0,), (1, 0))],
)
def test_every_shape_is_a_matrix(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    """Scalars and vectors are one row, kernels have the output channels as rows, empty tensors stay empty."""
    assert logical_shape(shape) == expected


def header(*tensors: tuple[str, str, tuple[int, ...]]) -> FileHeader:
    """Write the header of a file whose tensors have two bytes an element."""
    at, spans = 0, []
    for name, dtype, shape in tensors:
        size = 2 * int(numpy.prod(shape))
        spans.append(TensorSpan(name, dtype, shape, at, at + size))
        at += size
    return FileHeader("model.safetensors", spans, {})


def test_the_layers_of_gpt2_are_turned_and_linear_ones_are_not() -> None:
    """A c_attn of three times as many columns as rows shows Conv1D; a c_attn of GPT-BigCode is a linear layer."""
    gpt2 = open_values(
        [header(("h.0.attn.c_attn.weight", "F16", (64, 192)), ("h.0.attn.c_proj.weight", "F16", (64, 64)),
                ("h.0.mlp.c_fc.weight", "F16", (64, 256)), ("wte.weight", "F16", (100, 64)))],
        "safetensors",
    )  # fmt: skip
    assert gpt2.tensors["blk.0.attn_qkv.weight"].shape == (192, 64)
    assert gpt2.tensors["blk.0.ffn_up.weight"].shape == (256, 64)
    assert gpt2.tensors["token_embd.weight"].shape == (100, 64)
    assert gpt2.tensors["blk.0.attn_output.weight"].ranges(Place(2, 1, 0, 2)) == [
        FileRange("model.safetensors", 2 * (64 * 192 + 2), 2),
        FileRange("model.safetensors", 2 * (64 * 192 + 64 + 2), 2),
    ]
    big = open_values([header(("transformer.h.0.attn.c_attn.weight", "F16", (80, 64)))], "safetensors")
    assert big.tensors["blk.0.attn_qkv.weight"].shape == (80, 64)


def test_a_stack_of_experts_is_one_matrix_each() -> None:
    """Experts that one tensor holds have the same names as experts that are stored apart."""
    stack = open_values([header(("blk.3.ffn_up_exps.weight", "F16", (4, 8, 16)))], "safetensors")
    apart = open_values(
        [header(*((f"model.layers.3.mlp.experts.{e}.up_proj.weight", "F16", (8, 16)) for e in range(4)))], "safetensors"
    )
    assert {n: t.shape for n, t in stack.tensors.items()} == {n: t.shape for n, t in apart.tensors.items()}
    place = Place(1, 2, 3, 4)
    for name in stack.tensors:
        assert stack.tensors[name].ranges(place) == apart.tensors[name].ranges(place)


def test_integers_without_a_scale_are_named_and_not_read() -> None:
    """A tensor whose values need a scale that is not known is listed with the reason."""
    source = open_values([header(("a.weight", "F16", (4, 4)), ("b.codes", "I16", (4, 4)))], "safetensors")
    assert list(source.tensors) == ["a.weight"]
    assert "I16" in source.unread["b.codes"]
