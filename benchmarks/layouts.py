"""Files of large models, without their values: names, shapes, types and shards as publishers write them."""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from lineage.fingerprint.header import BITS
from lineage.fingerprint.values.bitsandbytes import TABLES
from tests.support import layouts
from tests.support.gguf_values import entries
from tests.support.torch_files import PROTO, STOP, View, dict_of, tensor, write_sparse
from tests.support.weight_files import gguf_text

Shape = tuple[int, ...]

MOST_OF_A_SHARD = 5 * 10**9

BLOCK_BYTES = {"Q4_K": (12, 256, 144), "F32": (0, 1, 4)}
"""Number, values and bytes of a block of the types that the GGUF layout uses."""

GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """Hold one tensor of a file; `content` is what its bytes are, where they are not zero."""

    name: str
    dtype: str
    shape: Shape
    content: bytes | None = None

    @property
    def size(self) -> int:
        """Return its bytes."""
        return prod(self.shape) * BITS[self.dtype] // 8


@dataclass(frozen=True)
class Layout:
    """Hold the files of a model: path, the parts that are not zero with their offsets, and the size."""

    files: Sequence[tuple[str, Sequence[tuple[int, bytes]], int]]
    config: Mapping[str, Any] = field(default_factory=dict)


def safetensors(tensors: Iterable[Stored], config: Mapping[str, Any]) -> Layout:
    """Lay tensors out in shards of at most 5 GB, in the order given."""
    shards: list[list[Stored]] = [[]]
    room = MOST_OF_A_SHARD
    for each in tensors:
        if shards[-1] and each.size > room:
            shards.append([])
            room = MOST_OF_A_SHARD
        shards[-1].append(each)
        room -= each.size
    count = len(shards)
    names = (
        [f"model-{n + 1:05d}-of-{count:05d}.safetensors" for n in range(count)] if count > 1 else ["model.safetensors"]
    )
    return Layout([_file(name, shard) for name, shard in zip(names, shards, strict=True)], config)


def _file(path: str, tensors: Sequence[Stored]) -> tuple[str, list[tuple[int, bytes]], int]:
    header: dict[str, dict[str, Any]] = {}
    at = 0
    for each in tensors:
        header[each.name] = {"dtype": each.dtype, "shape": each.shape, "data_offsets": [at, at + each.size]}
        at += each.size
    text = json.dumps(header, separators=(",", ":")).encode()
    begin = 8 + len(text)
    parts = [(0, struct.pack("<Q", len(text)) + text)]
    for each in tensors:
        if each.content is not None:
            parts.append((begin + header[each.name]["data_offsets"][0], each.content))
    return path, parts, begin + at


def plain(tensors: layouts.Layout, dtype: str, config: Mapping[str, Any]) -> Layout:
    """Store all tensors in one type."""
    return safetensors((Stored(name, dtype, shape) for name, shape in tensors), config)


def gptq(tensors: layouts.Layout, config: Mapping[str, Any], *, act_order: bool, group: int = 128) -> Layout:
    """Quantise the matrices of layers to 4 bits as GPTQ stores them: eight codes of a column in one integer.

    In act-order (`desc_act`) any column may belong to any group, so that a tile needs the scales of all groups.
    """

    def parts(base: str, rows: int, columns: int) -> Iterator[Stored]:
        yield Stored(f"{base}.qweight", "I32", (columns // 8, rows))
        yield from _grid(base, rows, columns, group)
        order = struct.pack(f"<{columns}i", *(at // group for at in range(columns)))
        yield Stored(f"{base}.g_idx", "I32", (columns,), order)

    declared = {"quant_method": "gptq", "bits": 4, "group_size": group, "desc_act": act_order}
    return _in_codes(tensors, config, parts, declared)


def awq(tensors: layouts.Layout, config: Mapping[str, Any], *, group: int = 128) -> Layout:
    """Quantise the matrices of layers to 4 bits as AWQ stores them: eight codes of a row in one integer."""

    def parts(base: str, rows: int, columns: int) -> Iterator[Stored]:
        yield Stored(f"{base}.qweight", "I32", (columns, rows // 8))
        yield from _grid(base, rows, columns, group)

    declared = {"quant_method": "awq", "bits": 4, "group_size": group, "version": "gemm", "zero_point": True}
    return _in_codes(tensors, config, parts, declared)


def _grid(base: str, rows: int, columns: int, group: int) -> Iterator[Stored]:
    """Store a zero point and a scale for each group of a row."""
    yield Stored(f"{base}.qzeros", "I32", (columns // group, rows // 8))
    yield Stored(f"{base}.scales", "F16", (columns // group, rows))


def _in_codes(
    tensors: layouts.Layout,
    config: Mapping[str, Any],
    parts: Callable[[str, int, int], Iterable[Stored]],
    declared: Mapping[str, Any],
) -> Layout:
    """Store each matrix of a layer in parts of the same base name, and all other tensors in F16."""
    found: list[Stored] = []
    for name, shape in tensors:
        if _is_quantised(name, shape):
            rows, columns = shape
            found += parts(name.removesuffix(".weight"), rows, columns)
        else:
            found.append(Stored(name, "F16", shape))
    return safetensors(found, {**config, "quantization_config": declared})


def nf4(tensors: layouts.Layout, config: Mapping[str, Any], *, block: int = 64) -> Layout:
    """Quantise the matrices of layers to nf4 as bitsandbytes stores them."""
    found = []
    table = struct.pack("<16f", *TABLES["nf4"])
    for name, shape in tensors:
        if not _is_quantised(name, shape):
            found.append(Stored(name, "BF16", shape))
            continue
        values = prod(shape)
        state = {"quant_type": "nf4", "blocksize": block, "dtype": "bfloat16", "shape": shape}
        text = json.dumps(state).encode()
        found += [
            Stored(name, "U8", (values // 2, 1)),
            Stored(f"{name}.absmax", "F32", (values // block,)),
            Stored(f"{name}.quant_map", "F32", (16,), table),
            Stored(f"{name}.quant_state.bitsandbytes__nf4", "U8", (len(text),), text),
        ]
    of_bitsandbytes = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    return safetensors(found, {**config, "quantization_config": of_bitsandbytes})


def _is_quantised(name: str, shape: Shape) -> bool:
    return len(shape) == 2 and "layers." in name


def gguf(tensors: layouts.Layout, layers: int, heads: int, keys: int) -> Layout:
    """Store a Llama as one GGUF file with its matrices in Q4_K."""
    values: dict[str, Any] = {
        "general.architecture": "llama", "llama.block_count": layers, "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": keys,
    }  # fmt: skip
    keyed = entries(values)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keyed))
    for key, kind, value in keyed:
        head += gguf_text(key) + struct.pack("<I", kind) + value
    at = 0
    for name, shape in tensors:
        number, block, width = BLOCK_BYTES["Q4_K" if len(shape) == 2 else "F32"]
        head += gguf_text(_gguf_name(name)) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], number, at)
        size = prod(shape) // block * width
        at += size + -size % 32
    head += bytes(-len(head) % 32)
    return Layout([("model-Q4_K.gguf", [(0, head)], len(head) + at)])


def pytorch(tensors: layouts.Layout, config: Mapping[str, Any], shards: int) -> Layout:
    """Store all tensors in BF16 in checkpoints as `torch.save` writes them."""
    each = -(-len(tensors) // shards)
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(shards):
            part = tensors[number * each : (number + 1) * each]
            path = Path(folder) / f"pytorch_model-{number + 1:05d}-of-{shards:05d}.bin"
            views = {name: tensor(View(str(at), "BF16", shape)) for at, (name, shape) in enumerate(part)}
            sizes = {str(at): 2 * prod(shape) for at, (_, shape) in enumerate(part)}
            write_sparse(path, PROTO + dict_of(views, ordered=True) + STOP, sizes, folder=path.stem)
            files.append((path.name, _written(path), path.stat().st_size))
    return Layout(files, config)


def _written(path: Path) -> list[tuple[int, bytes]]:
    """Return the parts of a sparse file that are not holes."""
    found, at, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while at < size:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break  # only a hole is left
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            file.seek(start)
            found.append((start, file.read(at - start)))
    return found


def _gguf_name(name: str) -> str:
    stem = name.removesuffix(".weight").removeprefix("model.")
    if stem.startswith("layers."):
        _, layer, part = stem.split(".", 2)
        return f"blk.{layer}.{GGUF_NAMES[part]}.weight"
    return {"embed_tokens": "token_embd.weight", "lm_head": "output.weight"}[stem]


SIZES: dict[str, tuple[int, int, int, int, int]] = {
    "7B": (4_096, 11_008, 32, 32_000, 4_096), "70B": (8_192, 28_672, 80, 128_256, 1_024),
    "405B": (16_384, 53_248, 126, 128_256, 1_024), "1T dense": (25_600, 81_920, 128, 128_256, 1_024),
}  # fmt: skip
"""Hidden size, inner size, layers, vocabulary, and rows of k and v."""


def _llama(size: str) -> tuple[layouts.Layout, dict[str, Any]]:
    width, inner, layers, vocabulary, keys = SIZES[size]
    config = {
        "model_type": "llama", "hidden_size": width, "num_attention_heads": width // 128,
        "num_key_value_heads": keys // 128, "num_hidden_layers": layers,
    }  # fmt: skip
    return layouts.llama(width, inner, layers, vocabulary, keys), config


def _of_llama(size: str, form: str) -> Layout:
    tensors, config = _llama(size)
    width, _, layers, _, keys = SIZES[size]
    if form == "Q4_K GGUF":
        return gguf(tensors, layers, width // 128, keys // 128)
    packed: dict[str, Callable[..., Layout]] = {
        "GPTQ": partial(gptq, act_order=False),
        "GPTQ in act-order": partial(gptq, act_order=True),
        "AWQ": awq,
        "nf4": nf4,
    }
    return packed[form](tensors, config) if form in packed else plain(tensors, form, config)


def _mixture(dtype: str) -> Layout:
    return plain(layouts.mixture(7_168, 2_048, 61, 384), dtype, {"model_type": "kimi_k2", "num_experts": 384})


def _gpt2_xl(dtype: str) -> Layout:
    return plain(layouts.gpt2(1_600, 48), dtype, {"model_type": "gpt2", "n_head": 25})


FORMS = ("BF16", "F32", "F8_E4M3", "Q4_K GGUF", "GPTQ", "GPTQ in act-order", "AWQ", "nf4")


def _pytorch_7b(shards: int) -> Layout:
    return pytorch(layouts.llama(4096, 11_008, 32, 32_000, 4096), {"model_type": "llama"}, shards)


LAYOUTS: dict[str, Callable[[], Layout]] = {
    **{f"{size} {form}": partial(_of_llama, size, form) for size in SIZES for form in FORMS},
    **{f"1T mixture {dtype}": partial(_mixture, dtype) for dtype in ("BF16", "F8_E4M3")},
    **{f"gpt2-xl {dtype}": partial(_gpt2_xl, dtype) for dtype in ("F32", "F16")},
    "7B PyTorch, 4 shards": partial(_pytorch_7b, 4),
}
"""Each by its name."""
