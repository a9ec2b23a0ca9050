"""Weights of 8 bits with scales: float8 of DeepSeek, ModelOpt, ComfyUI and compressed-tensors, and int8 of the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from lineage.fingerprint.values.compressed_tensors import weight_schemes
from lineage.fingerprint.values.packed import (
    EIGHT_BIT_FLOATS,
    Blocks,
    Cells,
    Exponents,
    ScaledTensor,
    blocks_for,
    four_bit_floats,
)
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of

_SCALES = ("_scale_inv", "_scale")
"""Ends of names of scales. Values are codes times scale with both: the first is called after what made the codes."""

_OTHERS = ("_scale_2", "_zero_point")
_OF_ACTIVATIONS = (".input_scale", ".output_scale", ".activation_scale", ".input_zero_point", ".scale_input")


def scaled_weights(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find weights of 8-bit floats or integers with a scale for all, for each row or for each block."""
    for name, codes, scale in _pairs(stored):
        second, zero = stored.parts(name, *_OTHERS)
        activations = stored.parts(name.rpartition(".")[0], *_OF_ACTIVATIONS)
        held = [each.span.name for each in (codes, scale, second, zero, *activations) if each is not None]
        found = _read(stored, codes, scale, second, zero)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(name, held, found)


def _pairs(stored: StoredTensors) -> Iterator[tuple[str, Stored, Stored]]:
    """Yield the name of a weight, its codes and their scale."""
    for suffix in _SCALES:
        for name, scale in stored.ending(suffix):
            codes = stored.by_name.get(name)
            if codes is not None and codes.span.dtype in (*EIGHT_BIT_FLOATS, "I8", "U8"):
                yield name, codes, scale
    for suffix, fits in ((".scale_weight", _is_of_comfyui), (".scale", _is_of_deepseek)):
        for base, scale in stored.ending(suffix):
            codes = stored.by_name.get(f"{base}.weight")
            if codes is not None and codes.span.dtype in EIGHT_BIT_FLOATS and fits(stored.config, codes, scale):
                yield f"{base}.weight", codes, scale


def _is_of_comfyui(config: Mapping[str, Any], codes: Stored, scale: Stored) -> bool:
    """Return whether a `scale_weight` is ComfyUI's: one number, with which all codes are multiplied."""
    return not config and floats_of(scale) and prod(scale.span.shape) == 1


def _is_of_deepseek(config: Mapping[str, Any], codes: Stored, scale: Stored) -> bool:
    """Return whether a `scale` is DeepSeek's own `weight_scale_inv`: a number for each block of the matrix."""
    if config.get("quant_method", "fp8") != "fp8" or len(codes.span.shape) != 2 or len(scale.span.shape) != 2:
        return False
    known = scale.span.dtype in ("F32", "F8_E8M0")
    return known and _block_sizes(config, (codes.span.shape[0], codes.span.shape[1]), scale) != (None, None)


def _read(
    stored: StoredTensors, codes: Stored, scale: Stored, second: Stored | None, zero: Stored | None
) -> ScaledTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    scale = _flat(scale)
    if len(codes.span.shape) != 2 or 0 in codes.span.shape:
        return f"{codes.span.dtype} codes in {len(codes.span.shape)} dimensions with scales are not known here"
    shape = (codes.span.shape[0], codes.span.shape[1])
    if codes.span.dtype == "U8":
        return _four_bits(stored.config, codes, scale, second)
    of_library = stored.config.get("quant_method") == "compressed-tensors"
    if second is not None or (codes.span.dtype == "I8" and not of_library):
        return f"{codes.span.dtype} codes with scales of a method that is not known here"
    if scale.span.dtype in ("U8", "F8_E8M0") and scale.span.shape == (shape[0], -(-shape[1] // 32)):
        return ScaledTensor("", shape, "mxfp8", Cells.of(codes), [Blocks(Exponents(Cells.of(scale)), 1, 32)])
    if not floats_of(scale) and scale.span.dtype != "F8_E8M0":
        return f"scales of {scale.span.dtype} are not known here"
    sizes = _block_sizes(stored.config, shape, scale)
    scales, zeros = blocks_for(shape, scale, sizes), blocks_for(shape, zero, sizes)
    if scales is None or (zero is not None and zeros is None):
        return "scales that do not fit the rows, columns or blocks of the codes"
    kind = "int8" if codes.span.dtype == "I8" else "fp8"
    method = f"compressed-tensors-{kind}" if of_library else kind
    return ScaledTensor("", shape, method, Cells.of(codes), [scales], zeros or 0)


def _flat(scale: Stored) -> Stored:
    """Take the scales of blocks that ModelOpt stores as (rows, 1, columns, 1) as (rows, columns)."""
    shape = scale.span.shape
    if len(shape) == 4 and shape[1] == shape[3] == 1:
        return Stored(scale.file, scale.span._replace(shape=(shape[0], shape[2])))
    return scale


def _four_bits(config: Mapping[str, Any], codes: Stored, scale: Stored, second: Stored | None) -> ScaledTensor | str:
    """Put a matrix of four-bit floats as ModelOpt writes it together.

    NVFP4 has float8 scales of 16 values and one for all, MXFP4 has exponents of 32 values. MXFP4 is read only where
    ModelOpt made it: other programs use these names too, and how they order the two codes of a byte is not known here.
    """
    rows, columns = codes.span.shape[0], codes.span.shape[1] * 2
    floats = four_bit_floats(codes, rows, columns)
    whole = blocks_for((rows, columns), second)
    fits = scale.span.dtype == "F8_E4M3" and scale.span.shape == (rows, columns // 16) and columns % 16 == 0
    if whole is not None and fits and floats_of(second):
        return ScaledTensor("", (rows, columns), "nvfp4", floats, [Blocks(Cells.of(scale), 1, 16), whole])
    fits = scale.span.dtype == "U8" and scale.span.shape == (rows, columns // 32) and columns % 32 == 0
    if second is None and fits and config.get("quant_method") == "modelopt":
        return ScaledTensor("", (rows, columns), "mxfp4", floats, [Blocks(Exponents(Cells.of(scale)), 1, 32)])
    return "packed codes with scales of a method that is not known here"


def _block_sizes(config: Mapping[str, Any], shape: tuple[int, int], scale: Stored) -> tuple[int | None, int | None]:
    """Return the rows and columns of a block, by the config that fits; DeepSeek's 128 by 128 where it says nothing."""
    declared = [config.get("weight_block_size")]
    declared += [scheme.get("block_structure") for scheme in weight_schemes(config)]
    declared += [[1, scheme.get("group_size")] for scheme in weight_schemes(config)]
    cells = Cells.of(scale)
    for each in (*declared, [128, 128]):
        if not isinstance(each, list) or len(each) != 2 or not all(type(size) is int and size > 0 for size in each):
            continue
        if (-(-shape[0] // each[0]), -(-shape[1] // each[1])) == (cells.rows, cells.columns):
            return each[0], each[1]
    return None, None
