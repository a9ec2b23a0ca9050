"""Target of values: a GGUF file from its header to its sketch."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from lineage.errors import FormatError
from lineage.fingerprint.gguf import TYPES, read_gguf
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plan import MAX_SAMPLE_BYTES, MAX_SAMPLE_REQUESTS, plan_sample
from lineage.fingerprint.values.sample import read_sample
from lineage.fingerprint.values.sketch import pack_sketch, unpack_sketch
from lineage.fingerprint.values.tensor import FileHeader
from tests.fuzz.target import Target, plain
from tests.support.gguf_values import entries, tensor
from tests.support.weight_files import gguf_bytes


def _sample_gguf(data: bytes) -> object:
    """Sample a file, and see that each tensor is read or has a reason, within the bounds of a sample."""
    header = read_gguf(lambda start, length: data[start : start + length], len(data), "model.gguf")
    spans = header.tensors or []
    source = open_values([FileHeader("model.gguf", spans, header.values)], "gguf")
    assert bool(source.tensors) or len(source.unread) == len(spans)
    plan = plan_sample(source)
    assert plan.bytes <= MAX_SAMPLE_BYTES
    assert plan.requests <= MAX_SAMPLE_REQUESTS

    def read(_: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [data[start : start + length] for start, length in ranges]

    packed = pack_sketch(read_sample(source, plan, read)[0])
    assert pack_sketch(unpack_sketch(packed)) == packed
    return [plan.tiles, source.unread, source.method]


def _gguf_seeds() -> Iterator[bytes]:
    values = np.random.default_rng(5).standard_normal((16, 32)).astype(np.float32)
    heads: dict[str, str | int | float | list[int]] = {
        "general.architecture": "llama",
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
    }
    layer = [tensor("blk.0.attn_q.weight", values, "Q8_0"), tensor("blk.0.attn_k.weight", values, "F16"),
             tensor("blk.0.attn_q.bias", values[:, 0]), tensor("blk.0.ffn_norm.weight", values[0])]  # fmt: skip
    yield gguf_bytes(entries(heads), layer)
    yield gguf_bytes(entries({"general.architecture": "gptneox", "gptneox.attention.head_count": [2, 2]}), [
        tensor("blk.1.attn_qkv.weight", values[:12]), tensor("blk.1.attn_qkv.bias", values[:12, 0])])  # fmt: skip
    yield gguf_bytes(entries({"general.architecture": "gemma2"}), [
        tensor("blk.0.attn_norm.weight", values[0]),
        tensor("blk.0.ffn_up_exps.weight", values.reshape(2, 8, 32), "Q4_0")])  # fmt: skip
    yield gguf_bytes(entries({"adapter.lora.alpha": 8.0}), [tensor("blk.0.attn_v.weight.lora_a", values)])
    every = [(f"t{number}.weight", (elements, 2), number, bytes(2 * width))
             for number, (_, elements, width) in TYPES.items()]  # fmt: skip
    yield gguf_bytes([], every)


TARGETS = (
    Target(
        "gguf-values",
        plain(_sample_gguf),
        (FormatError,),
        _gguf_seeds,
        (b"GGUF", b".attention.head_count", b"blk.0.attn_q.weight", b"_exps", b".lora_a", struct.pack("<Q", 1 << 40)),
    ),
)
