"""Words for a comparison of two models, which the table and Markdown share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, counted, dated, large, moment, size

if TYPE_CHECKING:
    from lineage_schemas.answers.compare import CompareAnswer, ComparedSide, DeclaredBetween
    from lineage_schemas.pointer import Pointer

COMMON_PARENT = "numeric.common_parent"

METHODS = {
    "cast": "by a cast to another dtype", "renamed": "with its tensors renamed", "resharded": "in other files",
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
        case "related" if parent := next(
            (r for r in answer.rules if r.id == COMMON_PARENT and r.outcome == "for"), None
        ):
            return f"{a} and {b} are related: {parent.detail}."
        case "related":
            return f"{a} and {b} are related: they share weights. {_if_direct(answer, a, b)}"
        case "unclear":
            return f"It is unclear whether {a} and {b} are related: what was measured allows both."
        case "unrelated":
            shared = next((each.detail for each in answer.rules if each.id == "content.component" and each.value), None)
            if shared is not None:
                return f"The main weights of {a} and {b} are unrelated. They have a component in common: {shared}."
            return f"{a} and {b} are unrelated: they share no weights."
        case "not_comparable" if answer.relation == "adapter":
            adapter, base = (a, b) if answer.direction == "a_from_b" else (b, a)
            return f"{adapter} is an adapter: its values alone do not show whether {base} is its base."
        case _:
            return f"{a} and {b} cannot be compared by their weights."


def _derived(answer: CompareAnswer, a: str, b: str) -> str:
    if answer.direction == "unknown":
        how = METHODS.get(answer.method, answer.method)
        return f"One of {a} and {b} was made from the other, {how}; their values do not show which."
    child, parent = (a, b) if answer.direction == "a_from_b" else (b, a)
    if answer.method == "lora_merge" and answer.others:
        others = " and ".join(map(named, answer.others))
        if any(each.id == "structure.adapter_fits" for each in answer.rules):
            parent, others = others, parent
        return f"{child} was made from {parent}, with {others} merged into it."
    if answer.relation == "merge" and answer.others:
        fit = next((each.detail for each in answer.rules if each.id == "numeric.merge_fit"), "")
        parent = " and ".join([parent, *(named(each) for each in answer.others if f"{each.model} " in fit)])
    if answer.relation == "quantized":  # casts and the like of the parent give the same codes
        parent += " or a near-twin of it (such as its cast)"
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
    """Name one side in a sentence: with its commit, but not with the hash of a folder."""
    return side.model if (side.revision or "").startswith("folder:") else at(side.model, side.revision)


def identified(side: ComparedSide) -> str:
    """Name one side with its commit or the hash of its folder."""
    return at(side.model, side.revision)


def cost_words(answer: CompareAnswer) -> str:
    """Write what the comparison cost."""
    cost = answer.cost
    where = f"in {counted(cost.requests, 'request')}" if cost.requests else "on this machine"
    if cost.ranges:
        where += f" and {counted(cost.ranges, 'range request')}"
    return f"{size(cost.bytes)} read {where}, {cost.seconds:.1f} s"


def read_when(answer: CompareAnswer) -> str:
    """Write which Hub was read and when; of two paths only when."""
    sides = (answer.a, answer.b, *answer.others)
    if all(side.model.startswith((".", "/", "~")) for side in sides):
        return f"local files, read {moment(answer.collected_at)} UTC" if answer.collected_at else "local files"
    return dated(answer, *(side.model for side in sides if not side.model.startswith((".", "/", "~"))))


def declarations(answer: CompareAnswer) -> list[tuple[DeclaredBetween, list[Pointer]]]:
    """Group what the sides declare about each other: one entry for each parent and judgement, with every pointer."""
    found: dict[tuple[str, str, str], tuple[DeclaredBetween, list[Pointer]]] = {}
    for each in answer.declared:
        first, pointers = found.setdefault((each.child, each.parent, each.reason), (each, []))
        pointers.append(each.pointer)
        if first.relation is None and each.relation is not None:
            found[each.child, each.parent, each.reason] = (each, pointers)
    return list(found.values())


def facts(side: ComparedSide) -> str:
    """Describe the weight group of a side, and what was sampled of it."""
    if side.group is None:
        return "no main weight group"
    dtypes = ", ".join(f"{dtype} ×{large(count)}" for dtype, count in (side.dtypes or {}).items())
    parts = [side.group, side.format or "", side.method or dtypes, f"level {side.level}"]
    return " · ".join(part for part in parts if part)


def sampled(side: ComparedSide) -> str:
    """Say how many tiles of each kind a sample holds: `18 of 18 strips, 2 of 2 squares; 4 tensors without values`."""
    if not side.sample:
        return "no values were sampled"
    counts = [part.partition("=") for part in side.sample.split()[1:]]
    words = "sampled " + ", ".join(f"{count.replace('/', ' of ')} {kind}" for kind, _, count in counts if "/" in count)
    unread = next((int(count) for kind, _, count in counts if kind == "unread" and count.isdecimal()), 0)
    return f"{words}; {counted(unread, 'tensor')} without values" if unread else words


def number(value: float | None) -> str:
    """Write a measured number with three decimals; whole numbers without."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 and value == int(value) else f"{value:.3f}"
