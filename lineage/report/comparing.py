"""Words for a comparison of two models, which the table and Markdown share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, large

if TYPE_CHECKING:
    from lineage_schemas.answers.compare import CompareAnswer, ComparedSide

METHODS = {
    "cast": "rounded to another dtype", "renamed": "with its tensors renamed", "resharded": "in other files",
    "duplicate": "file by file", "lora_merge": "with a LoRA merged into it", "layer_dropped": "with layers removed",
    "pruned": "pruned", "vocab_extended": "with tokens added", "partial": "with a part of the layers trained",
    "stack": "with layers repeated", "linear": "as a linear merge", "slerp": "as a SLERP merge",
    "task_arithmetic": "by task arithmetic", "lora": "as a LoRA adapter",
}  # fmt: skip
"""How a model was made, in words after "made from X"; methods of quantisation are not here."""


def sentence(answer: CompareAnswer) -> str:
    """Write the verdict in one sentence."""
    a, b = named(answer.a), named(answer.b)
    match answer.verdict:
        case "same_weights":
            how = METHODS.get(answer.method)
            return f"{a} and {b} have the same weights" + (f", {how}." if how else ".")
        case "derived":
            return _derived(answer, a, b)
        case "related":
            return f"{a} and {b} are related: they share weights. {_if_direct(answer, a, b)}"
        case "unclear":
            return f"It is unclear whether {a} and {b} are related: what was measured allows both."
        case "unrelated":
            return f"{a} and {b} are unrelated: they share no weights."
        case _:
            return f"{a} and {b} cannot be compared by their weights."


def _derived(answer: CompareAnswer, a: str, b: str) -> str:
    if answer.direction == "unknown":
        how = METHODS.get(answer.method, answer.method)
        return f"One of {a} and {b} was made from the other, {how}; their values do not show which."
    child, parent = (a, b) if answer.direction == "a_from_b" else (b, a)
    if answer.relation == "merge" and answer.others:
        parent = " and ".join([parent, *map(named, answer.others)])
    return f"{child} was made from {parent}, {how_made(answer)}."


def _if_direct(answer: CompareAnswer, a: str, b: str) -> str:
    if answer.method == "unknown":
        return "Their values do not show whether one was made from the other."
    if answer.direction == "unknown":
        return f"If one was made from the other, then {how_made(answer)}; their values do not show which."
    child, parent = (a, b) if answer.direction == "a_from_b" else (b, a)
    return f"If one was made from the other, then {child} from {parent}, {how_made(answer)}."


def how_made(answer: CompareAnswer) -> str:
    """Say how a model was made: a method of ours in words, else the name of a quantisation."""
    if answer.method in METHODS:
        return METHODS[answer.method]
    return f"quantised ({answer.method})" if answer.relation == "quantized" else answer.method


def named(side: ComparedSide) -> str:
    """Name one side with its revision."""
    return at(side.model, side.revision)


def facts(side: ComparedSide) -> str:
    """Describe the weight group of a side, and what was sampled of it."""
    if side.group is None:
        return "no main weight group"
    dtypes = ", ".join(f"{dtype} ×{large(count)}" for dtype, count in (side.dtypes or {}).items())
    parts = [side.group, side.format or "", side.method or dtypes, f"level {side.level}"]
    return " · ".join(part for part in parts if part)


def sampled(side: ComparedSide) -> str:
    """Say what a sample covers."""
    return side.sample.removeprefix("sketch.v1 ").replace("=", " ") if side.sample else "not sampled"


def number(value: float | None) -> str:
    """Write a measured number with three decimals; whole numbers without."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 and value == int(value) else f"{value:.3f}"
