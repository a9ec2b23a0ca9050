"""What each quantised format can prove about a parent: one row for each, and what follows from a share of codes.

The rows are those of docs/reference/formats.md, which a test compares with them. To add a format, add its row here and
on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Class = Literal["exact", "near-exact", "least residual", "related only", "not measured", "not comparable"]

EXACT, NEAR_EXACT, MAX_OF_NEXT = 0.999, 0.9, 0.8
"""Shares of codes that define the classes: what returns to the parent of *exact* and of *near-exact* formats, and what
returns at most to the next relative of a *near-exact* one."""

MIN_CODES = 256
"""Codes of a format below which a share says nothing."""

DEVIATIONS = 3
"""Standard deviations by which a sample may fall below the least share that was measured: one in 700 falls lower."""


@dataclass(frozen=True, slots=True)
class Format:
    """Hold one row of the table.

    `name` is its name on the page and `methods` what samples call it; where several layouts have one method, `bits` and
    `zeros` (whether codes are moved by a zero point) tell them apart, None for any. `returns` is the least share of
    codes that returned to the true parent in any file, `relative` the greatest one of a relative that is no twin.
    `margin` is that of *least residual*. `variant` marks files that a sample does not tell from those of another row,
    and `moved_by` names the programs that change values before they write the format.
    """

    name: str
    files: int
    kind: Class
    returns: float | None = None
    relative: float | None = None
    methods: tuple[str, ...] = ()
    bits: int | None = None
    zeros: bool | None = None
    margin: str | None = None
    variant: bool = False
    moved_by: str | None = None

    def parent_from(self, codes: int) -> float | None:
        """Return the share from which a candidate is the parent or a twin of it; None where no share shows that.

        For *exact* formats that is 99.9 %, or the least share that was measured if it is lower, less three standard
        deviations of a sample of so many codes that miss as often as in that measurement. One code may miss in any
        sample. 51,000 codes of torchao's int8 (99.91 % at least) give 99.86 %, 444 codes of GPTQ (100 %) give 99.77 %.
        """
        if codes < MIN_CODES or self.returns is None:
            return None
        if self.kind == "near-exact":
            return NEAR_EXACT
        if self.kind != "exact":
            return None
        spread = DEVIATIONS * sqrt(self.returns * (1 - self.returns) / codes)
        return min(min(EXACT, self.returns) - spread, 1 - 1 / codes)


_LLMCOMPRESSOR = "GPTQ, AWQ or SmoothQuant"
"""What llmcompressor can do to values before it writes a layout of compressed-tensors."""


def _gguf(name: str, files: int, returns: float, relative: float) -> Format:
    return Format(name, files, "exact", returns, relative, (name,))


def _importance(
    name: str, files: int, kind: Class, returns: float, relative: float, margin: str | None = None
) -> Format:
    row = f"{name}, importance matrix"
    return Format(row, files, kind, returns, relative, (name,), margin=margin, variant=True)


def _residual(files: int, margin: str, *names: str) -> Format:
    return Format(", ".join(names), files, "least residual", methods=names, margin=margin)


def _library(
    name: str, files: int, returns: float, relative: float, method: str,
    bits: int | None = None, zeros: bool | None = None, moved_by: str | None = None,
) -> Format:  # fmt: skip
    return Format(name, files, "exact", returns, relative, (method,), bits, zeros, moved_by=moved_by)


def _moved(name: str, margin: str) -> Format:
    methods = ("compressed-tensors-int4",)
    return Format(name, 2, "least residual", methods=methods, bits=4, margin=margin, variant=True)


FORMATS: Sequence[Format] = (
    Format("F16", 3, "exact", 1.0, 0.045),
    Format("BF16", 1, "exact", 1.0, 0.036),
    _gguf("Q8_0", 14, 1.0, 0.207),
    _gguf("Q5_1", 4, 1.0, 0.666),
    _gguf("Q5_0", 4, 1.0, 0.685),
    _gguf("Q4_1", 2, 1.0, 0.831),
    _gguf("Q4_0", 9, 1.0, 0.892),
    _gguf("Q6_K", 8, 1.0, 0.445),
    _gguf("Q5_K", 4, 1.0, 0.690),
    _gguf("Q4_K", 6, 1.0, 0.871),
    _gguf("Q3_K", 5, 1.0, 0.925),
    _gguf("Q2_K", 4, 1.0, 0.974),
    _gguf("IQ4_NL", 6, 0.9999, 0.839),
    _gguf("IQ4_XS", 4, 0.9988, 0.838),
    _gguf("MXFP4", 2, 1.0, 0.831),
    _gguf("NVFP4", 2, 1.0, 0.798),
    _gguf("TQ1_0", 3, 1.0, 0.863),
    _gguf("TQ2_0", 2, 1.0, 0.863),
    _importance("Q5_0", 2, "near-exact", 0.996, 0.697),
    _importance("Q5_1", 2, "near-exact", 0.994, 0.678),
    _importance("Q4_0", 2, "least residual", 0.997, 0.860, "1.22"),
    _importance("Q4_1", 2, "least residual", 0.994, 0.865, "1.27"),
    _residual(4, "1.06 to 1.12", "IQ3_S"),
    _residual(2, "1.04 to 1.07", "IQ3_XXS"),
    _residual(2, "1.02 to 1.04", "IQ2_S"),
    _residual(2, "1.01 to 1.03", "IQ2_XS"),
    _residual(2, "1.01 to 1.02", "IQ2_XXS"),
    _residual(4, "1.01", "IQ1_S", "IQ1_M"),
    Format("Q8_K, Q8_1, I8 to I64, types of forks", 0, "not measured", methods=("Q8_K", "Q8_1")),
    _library("bitsandbytes int8", 5, 0.9995, 0.367, "bitsandbytes-int8"),
    _library("bitsandbytes nf4, with double quantisation in one", 4, 1.0, 0.871, "bitsandbytes-nf4"),
    _library("bitsandbytes fp4, double quantisation", 3, 1.0, 0.880, "bitsandbytes-fp4"),
    _library("torchao int8", 4, 0.9991, 0.366, "torchao-int8", 8),
    _library("torchao int4 in int8 (`IntxUnpackedToInt8Tensor`, groups of 32)", 2, 1.0, 0.887, "torchao-int8", 4),
    _library("torchao float8", 3, 1.0, 0.470, "torchao-float8"),
    _library("Quanto int8", 3, 1.0, 0.379, "quanto-int8"),
    _library("Quanto float8", 3, 1.0, 0.469, "quanto-float8"),
    _library("Quanto int4", 3, 1.0, 0.900, "quanto-int4"),
    _library("Quanto int2", 3, 1.0, 0.980, "quanto-int2"),
    _library(
        "compressed-tensors int8, a scale for each row, packed or not",
        4, 1.0, 0.368, "compressed-tensors-int8", 8, False, _LLMCOMPRESSOR,
    ),
    _library(
        "compressed-tensors int4, symmetric, groups of 32",
        2, 1.0, 0.887, "compressed-tensors-int4", 4, False, _LLMCOMPRESSOR,
    ),
    _library(
        "compressed-tensors int4, asymmetric, groups of 32",
        2, 1.0, 0.880, "compressed-tensors-int4", 4, True, _LLMCOMPRESSOR,
    ),
    _library(
        "compressed-tensors fp8, a scale for each row or block",
        4, 1.0, 0.469, "compressed-tensors-fp8", moved_by=_LLMCOMPRESSOR,
    ),
    _library("compressed-tensors NVFP4", 2, 1.0, 0.863, "compressed-tensors-nvfp4", moved_by=_LLMCOMPRESSOR),
    _library("compressed-tensors MXFP4", 2, 1.0, 0.883, "compressed-tensors-mxfp4", moved_by=_LLMCOMPRESSOR),
    _library("GPTQ, 4 bits, groups of 32, not in act-order: first column", 2, 1.0, 0.966, "gptq", 4),
    Format(
        "GPTQ in act-order, 4 bits, groups of 32 and 16",
        2, "least residual", methods=("gptq",), margin="1.05 to 1.11", variant=True,
    ),
    Format("GPTQ, 2 bits, one in act-order", 3, "least residual", methods=("gptq",), bits=2, margin="1.002"),
    Format("GPTQ, 3 bits", 0, "not measured", methods=("gptq",), bits=3),
    Format("GPTQ, 8 bits", 0, "not measured", methods=("gptq",), bits=8),
    _moved("compressed-tensors int4 by GPTQ (`actorder`: `weight` and `static`)", "1.04 to 1.09"),
    _moved("compressed-tensors int4 by AWQ, asymmetric, groups of 32 and 16", "1.02"),
    Format(
        "compressed-tensors int2 by GPTQ", 1, "least residual", methods=("compressed-tensors-int2",), margin="1.001",
    ),
    Format("AWQ (GEMM order)", 1, "related only", methods=("awq",)),
    Format("auto-round in GPTQ's packing, 4 bits, groups of 32", 1, "related only", methods=("auto-round",)),
    _library(
        "fp8 with `weight_scale_inv` (DeepSeek), also with scales in `F8_E8M0`, and fp8 of ModelOpt: a scale for "
        "blocks or for all",
        19, 0.9991, 0.472, "fp8",
    ),
    _library("MXFP8 of ModelOpt", 2, 1.0, 0.466, "mxfp8"),
    _library("NVFP4 of ModelOpt", 3, 0.9999, 0.862, "nvfp4"),
    _library("MXFP4 of ModelOpt and of gpt-oss", 4, 1.0, 0.903, "mxfp4"),
    Format("int8 of ModelOpt", 3, "not comparable"),
    Format("HQQ (`qmodel.pt`)", 1, "not comparable"),
    Format(
        "torchao int4 for a kernel (`Int4Tensor`, `Int4TilePackedTo4dTensor`, `Int4PlainInt32Tensor`), "
        "AWQ of ModelOpt, EXL2, EXL3, Marlin, AWQ in other orders, VPTQ, auto-round in its other packings",
        0, "not comparable",
    ),
)  # fmt: skip
"""All formats, in the order of the page. F16 and BF16 are casts, which `numeric.rounded` judges."""


def formats_of(method: str | None, bits: int | None = None, zeros: bool | None = None) -> list[Format]:
    """List the rows that a sampled tile may belong to, those of a sure layout first; empty for a format without any."""
    rows = [row for row in FORMATS if method in row.methods]
    fits = [row for row in rows if row.bits in (None, bits) and row.zeros in (None, zeros)]
    fits = [row for row in fits if row.bits is not None] or fits
    measured = [row for row in fits if row.files]
    return sorted(measured or fits, key=lambda row: row.variant)


Judgement = Literal["for", "against", "undecided"]


@dataclass(frozen=True, slots=True)
class Judged:
    """Say what the share of one format's codes shows, and why in words.

    `proves` says that a share this high shows descent, `is_short` that it is lower than the parent's.
    """

    outcome: Judgement
    why: str
    proves: bool = False
    is_short: bool = False


def judged(rows: Sequence[Format], share: float, codes: int) -> Judged:
    """Judge a share of returned codes by the rows of its format.

    What is between the share of relatives and that of the parent is neither for nor against: a near-twin of the parent,
    or the parent by a way that was not measured, returns as many.
    """
    if not rows or not rows[0].files:
        return Judged("undecided", _why(next(iter(rows), None)))
    row, *variants = rows
    least = row.parent_from(codes)
    if codes < MIN_CODES:
        return Judged("undecided", f"{codes} codes are too few, {MIN_CODES} show it")
    if least is None or row.relative is None:
        return Judged("undecided", _why(row))
    if share >= least:
        return Judged("for", "a near-twin of the parent, such as its cast, may return as many", row.kind == "exact")
    of_parent = f"the parent of this format returns ≥ {least:.2%}"
    others = [each.returns for each in variants if each.returns is not None]
    if others:
        of_parent += f" (with an importance matrix ≥ {min(others):.2%})"
    if share >= row.relative:
        both = f"{of_parent}, measured relatives of it up to {row.relative:.2%}"
        return Judged("undecided", f"{both}: neither for nor against", is_short=share < min([least, *others]))
    if row.moved_by:
        return Judged("undecided", f"{of_parent}, unless {row.moved_by} changed the values before")
    return Judged("against", of_parent, is_short=True)


def is_measured(method: str) -> bool:
    """Return whether any layout of a method has real files."""
    return any(row.files for row in FORMATS if method in row.methods)


def why_open(method: str) -> str:
    """Say why values of a method show no parent where no codes of it can be counted."""
    return _why(next((row for row in FORMATS if method in row.methods), None))


def _why(row: Format | None) -> str:
    """Say why no share of codes of a format shows its parent."""
    kind: Class = row.kind if row else "not measured"
    if row is not None and kind == "least residual":
        return f"of this format the parent is only the nearest of several candidates, by {row.margin}"
    if kind == "related only":
        return "programs change values before they write this format, so that it only shows relatives"
    return "no real file of this format was measured"
