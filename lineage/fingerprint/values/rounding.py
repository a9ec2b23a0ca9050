"""Rounding of float32 values to the narrower floats in which weights are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

NARROW = ("BF16", "F16")
"""Dtypes in which models are loaded before they are quantised."""

_EIGHT_BITS = {"F8_E4M3": (3, -6, 448.0), "F8_E5M2": (2, -14, 57344.0)}
"""Bits of the fraction, the exponent of the smallest normal value, and the largest value."""


def rounded(values: Floats, dtype: str) -> Floats | None:
    """Round values to the nearest of a dtype, ties to even; None for a dtype to which this cannot round.

    A value beyond the largest of an 8-bit float becomes NaN, as torch makes it.
    """
    import numpy

    if dtype in ("F32", "F64"):
        return values
    if dtype == "BF16":
        bits = numpy.ascontiguousarray(values, numpy.float32).view(numpy.uint32)
        even = ((bits + numpy.uint32(0x7FFF) + ((bits >> 16) & 1)) & numpy.uint32(0xFFFF0000)).view(numpy.float32)
        return numpy.where(numpy.isnan(values), values, even)
    with numpy.errstate(over="ignore", invalid="ignore"):
        if dtype == "F16":
            return values.astype(numpy.float16).astype(numpy.float32)
        if dtype not in _EIGHT_BITS:
            return None
        fraction, least, largest = _EIGHT_BITS[dtype]
        _, exponents = numpy.frexp(values)
        steps = numpy.ldexp(numpy.float32(1), numpy.maximum(exponents - 1, least) - fraction)
        found = (numpy.round(values / steps) * steps).astype(numpy.float32)
        return numpy.where(numpy.abs(found) > largest, numpy.float32(numpy.nan), found)
