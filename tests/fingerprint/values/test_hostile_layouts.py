"""Quantised layouts whose parts do not fit: a reason or a FormatError, never wrong values and no other error."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.values.plan import plan_sample
from lineage.fingerprint.values.sample import read_sample
from tests.fingerprint.values.test_layouts import METHODS, archive, config_of
from tests.support.values import open_bytes, values_at, whole
from tests.support.weight_files import Tensors, safetensors_bytes

Q = "model.layers.0.self_attn.q_proj"


def parts_of(name: str) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Take a fixture apart: by name dtype, shape and bytes."""
    raw = archive()[f"{name}.safetensors"]
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    start = 8 + length
    return {
        key: (
            info["dtype"],
            tuple(info["shape"]),
            raw[start + info["data_offsets"][0] : start + info["data_offsets"][1]],
        )
        for key, info in header.items()
    }


def read_all(tensors: Tensors, config: dict[str, Any], metadata: dict[str, str] | None = None) -> dict[str, str]:
    """Read every matrix that opens; return what is unread. Raises FormatError where values do not fit."""
    source, fetch = open_bytes({"model.safetensors": safetensors_bytes(tensors, metadata)}, config)
    for tensor in source.tensors.values():
        values = values_at(tensor, whole(tensor), fetch)
        assert values.shape == tensor.shape
        assert values.dtype == numpy.float32
    return dict(source.unread)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_a_part_of_another_shape_is_a_reason_or_an_error(name: str, data: st.DataObject) -> None:
    """A part that is missing, shorter or of another dtype gives unread tensors or a FormatError, and never a crash."""
    tensors: dict[str, Any] = parts_of(name)
    part = data.draw(st.sampled_from(sorted(tensors)))
    dtype, shape, raw = tensors[part]
    change = data.draw(st.sampled_from(["missing", "shorter", "flat", "dtype", "noise", "empty"]))
    match change:
        case "missing":
            del tensors[part]
        case "shorter" if shape and shape[0] > 1:
            tensors[part] = (dtype, (shape[0] - 1, *shape[1:]), raw[: len(raw) // shape[0] * (shape[0] - 1)])
        case "flat":
            tensors[part] = (dtype, (int(numpy.prod(shape)),), raw)
        case "dtype":
            tensors[part] = ("U8", (len(raw),), raw)
        case "empty":
            tensors[part] = (dtype, (0, *shape[1:]) if shape else (0,), b"")
        case _:
            tensors[part] = (dtype, shape, data.draw(st.binary(min_size=len(raw), max_size=len(raw))))
    config = config_of(name)
    if data.draw(st.booleans()):
        config["quantization_config"] |= {"group_size": data.draw(st.sampled_from([0, -7, 16, "32", None, 10**30]))}
    with suppress(FormatError):
        read_all(tensors, config)


@pytest.mark.parametrize(
    ("name", "part", "reason"),
    [
        ("gptq-4bit", f"{Q}.scales", "without zeros and scales"),
        ("awq", f"{Q}.qzeros", "without zeros and scales"),
        ("bitsandbytes-int8", f"{Q}.weight", "without a matrix of codes"),
        ("bitsandbytes-nf4", f"{Q}.weight.absmax", "without codes or scales"),
        ("torchao-int8", f"{Q}._weight_scale", "not known here"),
        ("quanto-int4", f"{Q}.weight._shift", "without scales and shifts"),
        ("compressed-tensors-int4", f"{Q}.weight_scale", "without scales"),
        ("compressed-tensors-nvfp4", f"{Q}.weight_global_scale", "do not fit"),
        ("nvfp4", f"{Q}.weight_scale_2", "not known here"),
    ],
)
def test_a_missing_part_is_a_reason(name: str, part: str, reason: str) -> None:
    """Codes without their scales are unread, and the reason says what is missing."""
    tensors = parts_of(name)
    del tensors[part]
    assert any(reason in why for why in read_all(tensors, config_of(name)).values())


def test_another_stored_shape_is_an_error() -> None:
    """A four-bit matrix whose stored shape is not the one of the model's sizes gives an error that names both."""
    config = config_of("bitsandbytes-nf4") | {"hidden_size": 40}
    with pytest.raises(FormatError, match=r"declares a shape of \[\d+, \d+\], and its codes have \[\d+, \d+\]"):
        read_all(parts_of("bitsandbytes-nf4"), config)


def test_without_sizes_a_four_bit_matrix_is_unread() -> None:
    """A four-bit matrix whose shape nothing in the header shows is unread; its scales are no tensors of their own."""
    tensors = parts_of("bitsandbytes-nf4")
    assert read_all(tensors, {}).keys() == tensors.keys()


def test_packed_codes_without_a_config_are_unread() -> None:
    """GPTQ's codes of a model whose quantization_config was not read are unread: bits and zeros are not guessed."""
    assert set(read_all(parts_of("gptq-4bit"), {}).values()) == {
        "packed codes of a model whose quantization_config is not known"
    }


def test_columns_out_of_order_contradict_the_config() -> None:
    """GPTQ whose g_idx is not in order, with desc_act false in the config, is an error."""
    config = config_of("gptq-4bit-act-asym")
    config["quantization_config"]["desc_act"] = False
    with pytest.raises(FormatError, match="not in order"):
        read_all(parts_of("gptq-4bit-act-asym"), config)


def test_groups_without_scales_are_an_error() -> None:
    """A g_idx that names a group beyond the scales is an error."""
    tensors = parts_of("gptq-4bit-act-asym")
    dtype, shape, raw = tensors[f"{Q}.g_idx"]
    tensors[f"{Q}.g_idx"] = (dtype, shape, (999).to_bytes(4, "little") + raw[4:])
    with pytest.raises(FormatError, match="groups that have no scales"):
        read_all(tensors, config_of("gptq-4bit-act-asym"))


def test_a_truncated_file_is_an_error() -> None:
    """A sample of a quantised file that ends early says where."""
    raw = archive()["compressed-tensors-int4.safetensors"]
    source, _ = open_bytes({"model.safetensors": raw}, config_of("compressed-tensors-int4"))
    plan = plan_sample(source)
    cut = raw[: len(raw) // 2]
    with pytest.raises(FormatError, match="cut short"):
        read_sample(source, plan, lambda file, ranges: [cut[start : start + length] for start, length in ranges])


def test_many_quantised_tensors_take_bounded_time() -> None:
    """Opening 4,000 matrices of four bits takes time that grows with their number only."""
    tensors: dict[str, Any] = {}
    for at in range(4_000):
        base = f"model.layers.{at}.mlp.up_proj"
        tensors[f"{base}.weight"] = ("U8", (4, 1), b"")
        tensors[f"{base}.weight.absmax"] = ("F32", (1,), b"")
        tensors[f"{base}.weight.quant_state.bitsandbytes__nf4"] = ("U8", (8,), b"")
    spans = {name: (dtype, (0,), b"") for name, (dtype, _, _) in tensors.items()}
    start = time.perf_counter()
    source, _ = open_bytes({"model.safetensors": safetensors_bytes(spans)}, {})
    assert time.perf_counter() - start < 20
    assert len(source.unread) == len(tensors)


@pytest.mark.parametrize("method", ["bitsandbytes", "what", None])
def test_scales_of_codes_that_are_not_read_are_not_values(method: str | None) -> None:
    """Where the config names another method than the one of the codes, their scales are unread as the codes are."""
    config = {"quantization_config": {"quant_method": method, "bits": 4}} if method else {}
    parts = {"qweight": ("I32", (32, 256)), "qzeros": ("I32", (2, 32)), "scales": ("F16", (2, 256))}
    tensors = {f"{Q}.{part}": (dtype, shape, bytes(4 * shape[0] * shape[1] // (2 if dtype == "F16" else 1)))
               for part, (dtype, shape) in parts.items()}  # fmt: skip
    source, _ = open_bytes({"model.safetensors": safetensors_bytes(tensors)}, config)
    assert (dict(source.tensors), sorted(source.unread)) == ({}, sorted(tensors))


def test_an_endless_group_is_the_whole_row() -> None:
    """A group size of more columns than a row has, and than numpy counts, is one group for all columns."""
    parts = {"qweight": ("I32", (32, 64)), "qzeros": ("I32", (1, 8)), "scales": ("F16", (1, 64))}
    tensors = {f"{Q}.{part}": (dtype, shape, bytes(shape[0] * shape[1] * (2 if dtype == "F16" else 4)))
               for part, (dtype, shape) in parts.items()}  # fmt: skip
    config = {"quant_method": "gptq", "bits": 4, "group_size": 10**30, "desc_act": False}
    assert read_all(tensors, {"quantization_config": config}) == {}
