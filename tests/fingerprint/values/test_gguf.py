"""Values of GGUF files: every type, rows in the order of transformers, experts, adapters, hostile headers."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.gguf import TYPES
from lineage.fingerprint.values.gguf import BLOCK_TYPES, MAX_EXPERT_MATRICES, BlockTensor, dequantise
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plan import plan_sample
from lineage.fingerprint.values.sample import read_sample
from lineage.fingerprint.values.tensor import FileRange, Place
from tests.support.gguf_values import (
    NUMBERS,
    entries,
    fetch_from,
    headers_of,
    interleaved,
    random_blocks,
    reads,
    sketch_of,
    source_of,
    tensor,
    write_gguf,
)
from tests.support.weight_files import gguf_bytes

LLAMA: dict[str, str | int | float | list[int]] = {
    "general.architecture": "llama",
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def floats(*shape: int, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Make values like those of a layer."""
    return (np.random.default_rng(seed).standard_normal(shape) * 0.03).astype(np.float32)


def whole(path: Path, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Read all values of a tensor by its normalised name."""
    found = source_of(path).tensors[name]
    return found.values(Place(0, found.shape[0], 0, found.shape[1]), fetch_from(path.parent))


@pytest.mark.parametrize("dtype", sorted(BLOCK_TYPES))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_each_tile_of_each_type_equals_the_same_place_of_the_whole(dtype: str, data: st.DataObject) -> None:
    """Dequantising the blocks of a tile gives what the gguf package gives for the whole tensor."""
    elements, _ = next((each[1], each[2]) for each in TYPES.values() if each[0] == dtype)
    rows, columns = data.draw(st.integers(1, 5)), elements * data.draw(st.integers(1, 3))
    raw = bytes(7) + random_blocks(dtype, rows, columns, data.draw(st.integers(0, 1000)))
    blocks = np.frombuffer(raw[7:], np.uint8).reshape(rows, -1)
    with np.errstate(all="ignore"):
        expected = dequantize(blocks, GGMLQuantizationType[dtype])
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    place = Place(row, data.draw(st.integers(0, rows - row)), column, data.draw(st.integers(0, columns - column)))
    opened = BlockTensor("x", (rows, columns), "f", dtype, 7)
    found = opened.values(place, lambda wanted: raw[wanted.start : wanted.start + wanted.length])
    assert found.dtype == np.float32
    at = expected[row : row + place.rows, column : column + place.columns]
    np.testing.assert_array_equal(found, at)


def test_the_types_are_those_that_the_package_dequantises() -> None:
    """Every block type of a header's table is read, or the package cannot dequantise it."""
    for dtype, elements, width in TYPES.values():
        if elements == 1:
            continue
        try:
            dequantise(bytes(width), dtype, 1)
            is_known = True
        except NotImplementedError:
            is_known = False
        assert is_known == (dtype in BLOCK_TYPES), dtype


def test_a_tile_needs_only_its_blocks() -> None:
    """A strip of 256 columns of a Q4_K matrix costs one block of 144 bytes a row."""
    opened = BlockTensor("x", (4096, 4096), "f", "Q4_K", 1000)
    assert opened.ranges(Place(2, 2, 0, 256)) == [FileRange("f", 1000 + row * 16 * 144, 144) for row in (2, 3)]
    assert opened.ranges(Place(0, 1, 255, 2)) == [FileRange("f", 1000, 288)]


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16", "Q8_0"])
def test_rows_of_q_and_k_are_in_the_order_of_transformers(tmp_path: Path, dtype: str) -> None:
    """The converter interleaves q by the number of heads and k by that of k's own; reading undoes both."""
    query, key, value = floats(64, 32), floats(32, 32, seed=2), floats(32, 32, seed=3)
    tensors = [("blk.0.attn_q.weight", interleaved(query, 4)), ("blk.0.attn_k.weight", interleaved(key, 2)),
               ("blk.0.attn_v.weight", value), ("blk.0.attn_q.bias", interleaved(query[:, 0], 4))]  # fmt: skip
    kinds = ["F32" if name.endswith("bias") else dtype for name, _ in tensors]
    path = write_gguf(
        tmp_path / "m.gguf", LLAMA, [tensor(*each, kind) for each, kind in zip(tensors, kinds, strict=True)]
    )
    plain = write_gguf(tmp_path / "p.gguf", {"general.architecture": "qwen2"}, [
        tensor("blk.0.attn_q.weight", query, dtype), tensor("blk.0.attn_k.weight", key, dtype),
        tensor("blk.0.attn_v.weight", value, dtype), tensor("blk.0.attn_q.bias", query[:, 0])])  # fmt: skip
    for name, _ in tensors:
        np.testing.assert_array_equal(whole(path, name), whole(plain, name))
    one = source_of(path).tensors["blk.0.attn_q.bias"]
    assert one.shape == (1, 64)
    np.testing.assert_array_equal(one.values(Place(0, 1, 3, 5), fetch_from(tmp_path))[0], query[3:8, 0])


@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (4, 2), (6, 1)])
def test_fused_rows_are_in_the_order_of_transformers(tmp_path: Path, queries: int, keys: int) -> None:
    """Falcon's q, k and v, stored part by part, come back group by group; so do those of GPT-NeoX, one head a group."""
    size, each = 4, queries // keys
    fused = floats((queries + 2 * keys) * size, 32)
    groups = fused.reshape(keys, each + 2, size, 32)
    parts = [groups[:, :-2].reshape(-1, 32), groups[:, -2].reshape(-1, 32), groups[:, -1].reshape(-1, 32)]
    name = "falcon" if keys != queries else "gptneox"
    values = {"general.architecture": name, f"{name}.attention.head_count": queries}
    values |= {f"{name}.attention.head_count_kv": keys} if keys != queries else {}
    path = write_gguf(tmp_path / "m.gguf", values, [
        tensor("blk.1.attn_qkv.weight", np.concatenate(parts)),
        tensor("blk.1.attn_qkv.bias", np.concatenate(parts)[:, 0])])  # fmt: skip
    np.testing.assert_array_equal(whole(path, "blk.1.attn_qkv.weight"), fused)
    np.testing.assert_array_equal(whole(path, "blk.1.attn_qkv.bias")[0], fused[:, 0])


def test_heads_may_be_declared_for_each_layer(tmp_path: Path) -> None:
    """A list of more than a hundred numbers of heads is kept, and each layer has its own."""
    query = floats(48, 32)
    values = {"general.architecture": "deci", "deci.attention.head_count": [4] * 149 + [3]}
    path = write_gguf(tmp_path / "m.gguf", values, [
        tensor("blk.2.attn_q.weight", interleaved(query, 4)), tensor("blk.149.attn_q.weight", interleaved(query, 3)),
        tensor("blk.150.attn_q.weight", query)])  # fmt: skip
    for layer in (2, 149):
        np.testing.assert_array_equal(whole(path, f"blk.{layer}.attn_q.weight"), query)
    assert "the number of heads is not declared" in source_of(path).unread["blk.150.attn_q.weight"]


@pytest.mark.parametrize("heads", [5, 32, 0, "4", -1.5])
def test_rows_that_the_heads_do_not_divide_are_not_read(tmp_path: Path, heads: int | str | float) -> None:
    """A number of heads that cannot be right leaves q and k unread; the other tensors are read."""
    values = {"general.architecture": "llama", "llama.attention.head_count": heads}
    path = write_gguf(tmp_path / "m.gguf", values, [
        tensor("blk.0.attn_q.weight", floats(32, 32)), tensor("blk.0.attn_v.weight", floats(32, 32))])  # fmt: skip
    source = source_of(path)
    assert list(source.unread) == ["blk.0.attn_q.weight"]
    assert "heads" in source.unread["blk.0.attn_q.weight"]
    assert list(source.tensors) == ["blk.0.attn_v.weight"]


def test_norms_are_as_transformers_has_them(tmp_path: Path) -> None:
    """Gemma's norms lose the 1 that the converter added; those of Llama stay."""
    norm = floats(1, 16)[0]
    for name, stored in (("gemma2", norm + np.float32(1)), ("llama", norm)):
        path = write_gguf(tmp_path / f"{name}.gguf", {"general.architecture": name}, [
            tensor("blk.0.attn_norm.weight", stored)])  # fmt: skip
        np.testing.assert_allclose(whole(path, "blk.0.attn_norm.weight")[0], norm, atol=1e-7)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("qwen35", "blk.0.attn_qkv.weight"), ("plamo", "blk.0.attn_q.weight"), ("falcon-h1", "blk.0.ffn_up.weight")],
)
def test_what_is_not_undone_is_not_read(tmp_path: Path, architecture: str, name: str) -> None:
    """A tensor that a converter changes in another way has a reason in place of wrong values; the others are read."""
    tensors = [tensor(name, floats(32, 32)), tensor("token_embd.weight", floats(32, 32))]
    source = source_of(write_gguf(tmp_path / "m.gguf", {"general.architecture": architecture}, tensors))
    assert source.unread == {name: f"the converter of {architecture} changes it in a way that is not undone"}
    assert list(source.tensors) == ["token_embd.weight"]


@pytest.mark.parametrize("dtype", ["F16", "Q8_0"])
def test_stacks_of_experts_are_split(tmp_path: Path, dtype: str) -> None:
    """Each expert of a stack is a matrix, named as files from before there were stacks name it once normalised."""
    stack = floats(3, 8, 32)
    path = write_gguf(tmp_path / "m.gguf", LLAMA, [tensor("blk.0.ffn_up_exps.weight", stack, dtype)])
    old = write_gguf(tmp_path / "o.gguf", LLAMA, [
        tensor(f"blk.0.ffn_up.{expert}.weight", stack[expert], dtype) for expert in range(3)])  # fmt: skip
    assert set(source_of(path).tensors) == {f"blk.0.ffn_up_exps.{expert}.weight" for expert in range(3)}
    for expert in range(3):
        name = f"blk.0.ffn_up_exps.{expert}.weight"
        np.testing.assert_array_equal(whole(path, name), whole(old, name))


def test_a_split_model_has_one_source(tmp_path: Path) -> None:
    """The parts of a split file give the sketch of the whole; only the first part declares the numbers of heads."""
    tensors = [tensor("blk.0.attn_q.weight", interleaved(floats(64, 32), 4), "F16"),
               tensor("blk.0.attn_v.weight", floats(32, 32, seed=2), "F16")]  # fmt: skip
    one = write_gguf(tmp_path / "m.gguf", LLAMA, tensors)
    first = write_gguf(tmp_path / "m-00001-of-00002.gguf", LLAMA | {"split.no": 0}, tensors[1:])
    second = write_gguf(tmp_path / "m-00002-of-00002.gguf", {"split.no": 1}, tensors[:1])
    whole_one, split = sketch_of(one), sketch_of(first, second)
    assert [each.tile for each in whole_one.tiles] == [each.tile for each in split.tiles]
    for each, other in zip(whole_one.tiles, split.tiles, strict=True):
        np.testing.assert_array_equal(each.values, other.values)


def test_a_lora_adapter_has_its_scale_and_the_order_of_its_rows(tmp_path: Path) -> None:
    """Alpha is declared, the rank is that of A; rows of q's B are interleaved, and heads come from config.json."""
    down, up = floats(8, 32), floats(64, 8, seed=2)
    values = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora",
              "adapter.lora.alpha": 16.0}  # fmt: skip
    path = write_gguf(tmp_path / "a.gguf", values, [
        tensor("blk.0.attn_q.weight.lora_a", down), tensor("blk.0.attn_q.weight.lora_b", interleaved(up, 4)),
        tensor("blk.0.ffn_up.weight.lora_a", floats(4, 32)), tensor("blk.0.ffn_up.weight.lora_b", up)])  # fmt: skip
    source = source_of(path, config={"num_attention_heads": 4})
    assert source.adapter is not None
    assert source.adapter.scale == 2.0
    assert source.adapter.by_module == {"blk.0.ffn_up": 4.0}
    found = source.tensors["blk.0.attn_q.lora_b"].values(Place(0, 64, 0, 8), fetch_from(tmp_path))
    np.testing.assert_array_equal(found, up)
    assert list(source_of(path).unread) == ["blk.0.attn_q.weight.lora_b"]


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    """Whole numbers, types that are not known and those that the package does not dequantise are unread."""
    tensors = [("a", (32,), 26, bytes(128)), ("b", (256,), NUMBERS["Q8_K"], bytes(292)), ("c", (32,), 41, bytes(32)),
               ("blk.0.ssm_a", (4,), 0, bytes(16)), tensor("d", floats(2, 32))]  # fmt: skip
    source = source_of(write_gguf(tmp_path / "m.gguf", LLAMA, tensors))
    assert source.unread == {
        "a": "I32 values cannot be read", "b": "Q8_K values cannot be read",
        "c": "TYPE_41: a type of GGUF that this version does not know",
        "blk.0.ssm_a": "its converter stores -exp(A), which is not undone"}  # fmt: skip
    assert list(source.tensors) == ["d"]


def test_method_is_the_type_of_most_matrices(tmp_path: Path) -> None:
    """A file of Q8_0 matrices with norms in F32 has the method Q8_0; one of plain floats has none."""
    for dtype, method in (("Q8_0", "Q8_0"), ("F16", None)):
        tensors = [tensor("blk.0.ffn_up.weight", floats(8, 32), dtype), tensor("output_norm.weight", floats(32))]
        path = write_gguf(tmp_path / f"{dtype}.gguf", LLAMA, tensors)
        assert source_of(path).method == method


def test_a_file_that_was_cut_after_its_header_is_refused(tmp_path: Path) -> None:
    """A sample that ends before its tile does is an error that names the file."""
    path = write_gguf(tmp_path / "m.gguf", LLAMA, [tensor("blk.0.ffn_up.weight", floats(64, 256), "Q8_0")])
    source = source_of(path)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(FormatError, match=r"m\.gguf ends before byte"):
        read_sample(source, plan_sample(source), reads(tmp_path))


def test_numbers_that_are_not_finite_stay_what_they_are(tmp_path: Path) -> None:
    """Scales that are infinite or NaN give such values, without a warning, and a sketch can hold them."""
    raw = struct.pack("<e", float("inf")) + bytes(32) + struct.pack("<e", float("nan")) + bytes([1] * 32)
    path = write_gguf(tmp_path / "m.gguf", LLAMA, [("blk.0.ffn_up.weight", (32, 2), NUMBERS["Q8_0"], raw)])
    strip = sketch_of(path).tiles[0]
    assert np.isnan(strip.values).all()


def test_a_stack_that_claims_too_many_experts_is_not_followed(tmp_path: Path) -> None:
    """Stacks of more experts than any model has are left unread, in little time and whatever their number."""
    path = tmp_path / "m.gguf"
    count = MAX_EXPERT_MATRICES + 1
    head = [(f"blk.{layer}.ffn_up_exps.weight", (1, 1, count if layer else 3), 0, b"") for layer in range(9)]
    raw = bytearray(gguf_bytes(entries(LLAMA), head))
    at = 0
    for name, shape, _, _ in head:
        place = raw.index(name.encode()) + len(name) + 4 + 24 + 4
        raw[place : place + 8] = struct.pack("<Q", at)
        at += -(-4 * shape[2] // 32) * 32
    with path.open("wb") as file:
        file.write(raw)
        file.truncate(len(raw) + at)
    began = time.monotonic()
    source = source_of(path)
    assert len(source.tensors) == 3
    assert len(source.unread) == 8
    assert time.monotonic() - began < 5


MANY = """
import resource, sys, time
from pathlib import Path
from tests.support.gguf_values import sketch_of
began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sketch = sketch_of(Path(sys.argv[1]))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(len(sketch.tiles), time.monotonic() - began, grown / 1024)
"""


@pytest.mark.slow
def test_a_hundred_thousand_tensors_take_bounded_time_and_memory(tmp_path: Path) -> None:
    """The whole way to a sketch of 100,000 tensors, each type once in turn, takes seconds and less than 700 MB."""
    kinds = [(number, elements, width) for number, (_, elements, width) in sorted(TYPES.items())]
    tensors = []
    for at in range(100_000):
        number, elements, width = kinds[at % len(kinds)]
        tensors.append((f"blk.{at % 500}.attn_q.{at}.weight", (elements, 2), number, bytes(2 * width)))
    path = tmp_path / "m.gguf"
    path.write_bytes(_fast(tensors))
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(path)],
        capture_output=True,
        text=True,
        timeout=250,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    tiles, seconds, megabytes = map(float, done.stdout.split())
    assert tiles > 60
    assert seconds < 120
    assert megabytes < 700


def _fast(tensors: Sequence[tuple[str, tuple[int, ...], int, bytes]]) -> bytes:
    """Write many tensors as `gguf_bytes` does, in time that grows with their number only."""
    infos, data, at = [], [], 0
    for name, shape, kind, raw in tensors:
        infos.append(struct.pack("<Q", len(name)) + name.encode() + struct.pack("<IQQIQ", 2, *shape, kind, at))
        data.append(raw + bytes(-len(raw) % 32))
        at += len(data[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0) + b"".join(infos)
    return head + bytes(-len(head) % 32) + b"".join(data)


def test_a_file_of_unknown_size_has_no_places(tmp_path: Path) -> None:
    """A tensor whose end cannot be found is unread, not read at a wrong place."""
    path = write_gguf(tmp_path / "m.gguf", LLAMA, [("d", (32,), 41, bytes(32)), tensor("e", floats(2, 32))])
    header = headers_of(path)[0]
    unknown = header._replace(tensors=[each._replace(end=-1) for each in header.tensors])
    source = open_values([unknown], "gguf")
    assert not source.tensors
    assert set(source.unread) == {"d", "e"}
