"""Each quantised layout against what the library that wrote it dequantises."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint.values.tensor import Place, ValueTensor
from tests.support.values import open_bytes, values_at, whole

ARCHIVE = Path(__file__).parents[2] / "data" / "values" / "layouts.tar.xz"

METHODS = {
    "auto-round-4bit": "auto-round",
    "awq": "awq",
    "bitsandbytes-fp4": "bitsandbytes-fp4",
    "bitsandbytes-fp4-double": "bitsandbytes-fp4",
    "bitsandbytes-int8": "bitsandbytes-int8",
    "bitsandbytes-nf4": "bitsandbytes-nf4",
    "bitsandbytes-nf4-bf16": "bitsandbytes-nf4",
    "bitsandbytes-nf4-double": "bitsandbytes-nf4",
    "compressed-tensors-fp8-block": "compressed-tensors-fp8",
    "compressed-tensors-fp8-channel": "compressed-tensors-fp8",
    "compressed-tensors-fp8-tensor": "compressed-tensors-fp8",
    "compressed-tensors-int2-gptq": "compressed-tensors-int2",
    "compressed-tensors-int4": "compressed-tensors-int4",
    "compressed-tensors-int4-asym": "compressed-tensors-int4",
    "compressed-tensors-int4-gptq": "compressed-tensors-int4",
    "compressed-tensors-int8-asym": "compressed-tensors-int8",
    "compressed-tensors-int8-packed": "compressed-tensors-int8",
    "compressed-tensors-mxfp4": "compressed-tensors-mxfp4",
    "compressed-tensors-nvfp4": "compressed-tensors-nvfp4",
    "fp8-block": "fp8",
    "fp8-block-transformers": "fp8",
    "fp8-block-ue8m0": "fp8",
    "gptq-2bit-model": "gptq",
    "gptq-2bit-v2-asym": "gptq",
    "gptq-3bit-act-v2-asym": "gptq",
    "gptq-3bit-asym": "gptq",
    "gptq-4bit": "gptq",
    "gptq-4bit-act-asym": "gptq",
    "gptq-4bit-act-model": "gptq",
    "gptq-4bit-row": "gptq",
    "gptq-8bit-act": "gptq",
    "modelopt-fp8": "fp8",
    "modelopt-fp8-block": "fp8",
    "modelopt-mxfp4": "mxfp4",
    "mxfp4": "mxfp4",
    "mxfp4-gpt-oss": "mxfp4",
    "mxfp8": "mxfp8",
    "nvfp4": "nvfp4",
    "quanto-float8": "quanto-float8",
    "quanto-int2": "quanto-int2",
    "quanto-int4": "quanto-int4",
    "quanto-int4-odd": "quanto-int4",
    "quanto-int8": "quanto-int8",
    "torchao-float8": "torchao-float8",
    "torchao-int8": "torchao-int8",
    "torchao-intx-group": "torchao-int8",
    "torchao-intx4-asym": "torchao-int8",
}
"""The files of the archive, with the method that their values have."""


@cache
def archive() -> Mapping[str, bytes]:
    """Read all files of the archive."""
    with tarfile.open(ARCHIVE) as files:
        return {each.name: files.extractfile(each).read() for each in files if each.isfile()}  # type: ignore[union-attr]


def config_of(name: str) -> dict[str, Any]:
    """Read the config of one fixture."""
    found: dict[str, Any] = json.loads(archive()[f"{name}.json"])
    return found


def rounded(values: Any, dtype: str) -> Any:
    """Round values to the dtype in which a library computes; BF16 by numpy's own steps."""
    if dtype == "BF16":
        bits = values.astype("<f4").view("<u4")
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view("<f4")
    return values.astype("<f2").astype("<f4") if dtype == "F16" else values


@pytest.mark.parametrize("name", METHODS)
def test_values_are_those_of_the_library(name: str) -> None:
    """Every matrix has the values that its library dequantises, rounded to the dtype in which the library computes."""
    source, fetch = open_bytes({"model.safetensors": archive()[f"{name}.safetensors"]}, config_of(name))
    expected, fetch_expected = open_bytes(
        {"model.safetensors": archive()[f"{name}.expected.safetensors"]},
        {"hidden_size": config_of(name).get("hidden_size")},
    )
    assert not source.unread
    assert source.method == METHODS[name]
    matrices = {each: tensor for each, tensor in source.tensors.items() if tensor.method}
    assert matrices.keys() == expected.tensors.keys()
    for each, tensor in matrices.items():
        ours = values_at(tensor, whole(tensor), fetch)
        right = expected.tensors[each]
        theirs = values_at(right, whole(right), fetch_expected)
        dtype = right.dtype  # type: ignore[attr-defined]
        numpy.testing.assert_array_equal(rounded(ours, dtype), theirs)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_any_place_has_the_values_of_the_whole(name: str, data: st.DataObject) -> None:
    """A place read by its own ranges has the same values as the same place of the whole matrix."""
    source, fetch = open_bytes({"model.safetensors": archive()[f"{name}.safetensors"]}, config_of(name))
    tensor = data.draw(st.sampled_from([each for each in source.tensors.values() if each.method]))
    place = data.draw(places(tensor))
    row, rows, column, columns = place
    part = values_at(tensor, whole(tensor), fetch)[row : row + rows, column : column + columns]
    numpy.testing.assert_array_equal(values_at(tensor, place, fetch), part)


@st.composite
def places(draw: st.DrawFn, tensor: ValueTensor) -> Place:
    """Draw a place of a tensor."""
    row, column = (draw(st.integers(0, size - 1)) for size in tensor.shape)
    return Place(
        row,
        draw(st.integers(1, tensor.shape[0] - row)),
        column,
        draw(st.integers(1, tensor.shape[1] - column)),
    )
