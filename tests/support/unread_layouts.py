"""Quantised layouts that are not read: one linear layer of each, with the names, dtypes and shapes of its library."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from lineage.fingerprint.header import BITS

ROWS, COLUMNS = 128, 256
"""Outputs and inputs of the layer. Groups have 64 columns where a layout has groups."""

GROUPS = COLUMNS // 64

Parts = dict[str, tuple[str, tuple[int, ...]]]
"""By what follows the name of the layer: dtype and shape."""


class Layout(NamedTuple):
    """What a library stores of one layer, and the quantization_config that it writes."""

    parts: Parts
    config: dict[str, Any] | None = None


_PACKED: Parts = {
    "qweight": ("I32", (COLUMNS // 8, ROWS)), "qzeros": ("I32", (GROUPS, ROWS // 8)), "scales": ("F16", (GROUPS, ROWS)),
}  # fmt: skip
_INT4 = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 64}

LAYOUTS: dict[str, Layout] = {
    "aqlm": Layout(
        {
            "codes": ("I8", (ROWS, COLUMNS // 8, 2)), "codebooks": ("F16", (2, 256, 1, 8)),
            "scales": ("F16", (ROWS, 1, 1, 1)),
        },
        {"quant_method": "aqlm", "nbits_per_codebook": 8, "num_codebooks": 2},
    ),
    "auto-round": Layout(
        {
            "qweight": ("I32", (COLUMNS, ROWS // 8)), "qzeros": ("I32", (GROUPS, ROWS // 8)),
            "scales": ("F16", (GROUPS, ROWS)),
        },
        {"quant_method": "auto-round", "bits": 4, "group_size": 64, "packing_format": "auto_round:auto_awq"},
    ),
    "awq-gemv": Layout(
        {
            "qweight": ("I32", (ROWS, COLUMNS // 8)), "qzeros": ("I32", (ROWS, 2)), "scales": ("F16", (ROWS, 16)),
        },
        {"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemv", "zero_point": True},
    ),
    "awq-gemv-fast": Layout(
        {
            "qweight": ("I16", (ROWS // 4, COLUMNS)), "qzeros": ("F16", (16, ROWS)), "scales": ("F16", (16, ROWS)),
        },
        {"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemv_fast", "zero_point": True},
    ),
    "bitnet": Layout(
        {"weight": ("U8", (ROWS // 4, COLUMNS)), "weight_scale": ("BF16", (1,))},
        {"quant_method": "bitnet", "linear_class": "bitlinear", "quantization_mode": "offline"},
    ),
    "eetq": Layout(
        {"weight": ("I8", (COLUMNS, ROWS)), "weight_scales": ("F16", (ROWS,))},
        {"quant_method": "eetq", "weights": "int8"},
    ),
    "exl2": Layout(
        {
            "q_weight": ("I32", (COLUMNS // 8, ROWS)), "q_scale": ("I32", (GROUPS, ROWS // 8)),
            "q_scale_max": ("F16", (GROUPS,)), "q_groups": ("I16", (2 * GROUPS,)), "q_invperm": ("I32", (COLUMNS,)),
        },
        {"quant_method": "exl2", "bits": 4.0},
    ),
    "exl3": Layout(
        {
            "trellis": ("I16", (COLUMNS // 16, ROWS // 16, 64)), "suh": ("F16", (COLUMNS,)), "svh": ("F16", (ROWS,)),
            "mcg": ("I32", ()),
        },
        {"quant_method": "exl3", "bits": 4.0, "head_bits": 6},
    ),
    "fp-quant": Layout(
        {
            "qweight": ("U8", (ROWS, COLUMNS // 2)), "scales": ("U8", (ROWS, COLUMNS // 32)),
            "forward_hadamard_matrix": ("BF16", (32, 32)), "backward_hadamard_matrix": ("BF16", (32, 32)),
            "weight_global_scale": ("F32", (1,)), "act_global_scale": ("F32", (1,)),
        },
        {"quant_method": "fp_quant", "forward_dtype": "mxfp4"},
    ),
    "fp-quant-pseudo": Layout(
        {
            "dqweight": ("BF16", (ROWS, COLUMNS)), "forward_hadamard_matrix": ("BF16", (32, 32)),
            "backward_hadamard_matrix": ("BF16", (32, 32)),
        },
        {"quant_method": "fp_quant", "forward_dtype": "mxfp4", "pseudoquantization": True},
    ),
    "higgs": Layout(
        {
            "weight": ("I16", (ROWS // 4, COLUMNS)), "scales": ("F16", (ROWS, GROUPS)), "tables": ("F16", (16,)),
            "tables2": ("F16", (256, 256, 2)),
        },
        {"quant_method": "higgs", "bits": 4, "p": 2, "group_size": 64},
    ),
    "hqq": Layout(
        {
            "W_q": ("U8", (ROWS // 2, COLUMNS)), "scale": ("F16", (ROWS * GROUPS, 1)),
            "zero": ("F16", (ROWS * GROUPS, 1)),
        },
    ),
    "marlin": Layout(
        {"B": ("I32", (COLUMNS // 16, ROWS * 2)), "s": ("F16", (GROUPS, ROWS))},
        {"quant_method": "marlin", "group_size": 64},
    ),
    "marlin-gptq": Layout(
        {**_PACKED, "g_idx": ("I32", (COLUMNS,))},
        {"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": False, "checkpoint_format": "marlin"},
    ),
    "marlin-24": Layout(
        {
            "weight_packed": ("I32", (COLUMNS // 32, ROWS * 2)), "scale_packed": ("F16", (GROUPS, ROWS)),
            "meta": ("I16", (COLUMNS // 32, ROWS * 2)), "weight_shape": ("I64", (2,)),
        },
        {"quant_method": "compressed-tensors", "format": "marlin-24", "config_groups": {"group_0": {"weights": _INT4}}},
    ),
    "nunchaku": Layout(
        {
            "qweight": ("I8", (ROWS, COLUMNS // 2)), "wscales": ("BF16", (GROUPS, ROWS)),
            "proj_down": ("BF16", (COLUMNS, 32)), "proj_up": ("BF16", (ROWS, 32)),
            "smooth_factor": ("BF16", (COLUMNS,)),
        },
    ),
    "quark": Layout(
        {
            "weight": ("I8", (ROWS, COLUMNS)), "weight_scale": ("F32", (ROWS,)), "weight_zero_point": ("I32", (ROWS,)),
        },
        {"quant_method": "quark"},
    ),
    "quip": Layout(
        {
            "Qidxs": ("I64", (ROWS, COLUMNS // 8)), "SU": ("F16", (COLUMNS,)), "SV": ("F16", (ROWS,)),
            "Wscale": ("F32", ()), "had_left": ("F16", (12, 12)), "had_right": ("F16", (12, 12)),
            "codebook_id": ("I64", ()),
        },
        {"quant_method": "quip"},
    ),
    "sparse-24": Layout(
        {
            "compressed": ("F16", (ROWS, COLUMNS // 2)), "bitmask": ("U8", (ROWS, COLUMNS // 8)),
            "shape": ("I64", (2,)),
        },
        {"quant_method": "compressed-tensors", "sparsity_config": {"format": "sparse-24-bitmask"}},
    ),
    "sparse-24-nested": Layout(
        {
            "weight.compressed": ("F16", (ROWS, COLUMNS // 2)), "weight.bitmask": ("U8", (ROWS, COLUMNS // 8)),
            "weight.shape": ("I64", (2,)),
        },
        {"quant_method": "compressed-tensors", "sparsity_config": {"format": "sparse-24-bitmask"}},
    ),
    "squeezellm": Layout(
        {"qweight": ("I32", (COLUMNS // 8, ROWS)), "lookup_table": ("F16", (ROWS, 16))}, {"quant_method": "squeezellm"}
    ),
    "torchao-int4-plain": Layout(
        {
            "_weight_qdata": ("I32", (ROWS, COLUMNS // 8)), "_weight_scale": ("BF16", (GROUPS, ROWS)),
            "_weight_zero_point": ("I8", (GROUPS, ROWS)),
        },
        {"quant_method": "torchao"},
    ),
    "torchao-int4-preshuffled": Layout(
        {
            "_weight_qdata": ("I8", (ROWS, COLUMNS // 2)), "_weight_group_scale": ("BF16", (GROUPS, ROWS)),
            "_weight_group_zero": ("BF16", (GROUPS, ROWS)),
        },
        {"quant_method": "torchao"},
    ),
    "torchao-int4-tiles": Layout(
        {
            "_weight_qdata": ("I32", (ROWS // 8, COLUMNS // 128, 32, 4)),
            "_weight_scale_and_zero": ("BF16", (GROUPS, ROWS, 2)),
        },
        {"quant_method": "torchao"},
    ),
    "vptq": Layout(
        {
            "centroids.weight": ("F16", (1, 4096 * 8)), "res_centroids.weight": ("F16", (1, 256 * 8)),
            "indices": ("I32", (1, ROWS // 8, 160)), "weight_scale": ("F16", (COLUMNS,)),
            "weight_bias": ("F16", (COLUMNS,)), "perm": ("I32", (COLUMNS,)),
        },
        {"quant_method": "vptq"},
    ),
}  # fmt: skip


def tensors_of(layout: Layout, layers: int = 2) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Store the q_proj of some layers, all numbers zero bytes."""
    return {
        f"model.layers.{layer}.self_attn.q_proj.{part}": (dtype, shape, bytes(prod(shape) * BITS[dtype] // 8))
        for layer in range(layers)
        for part, (dtype, shape) in layout.parts.items()
    }
