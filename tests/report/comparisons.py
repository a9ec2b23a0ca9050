"""Hand-made answers of `compare`: one side made from the other, related sides, a merge, an adapter, a contradiction."""

from __future__ import annotations

from typing import Any

from lineage_schemas.answers.compare import (
    CompareAnswer,
    CompareCost,
    ComparedSide,
    DeclaredBetween,
    RuleOutcome,
)
from lineage_schemas.digests import Digests
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked
from tests.report.traces import HOSTILE, commit, header

NO_DETAILS = {"relation": None, "method": "unknown", "direction": "unknown", "confidence": None}


def compared(model: str, **more: Any) -> ComparedSide:
    """Make one side, read in full, unless the arguments say otherwise."""
    facts: dict[str, Any] = {
        "revision": commit(len(model)), "group": "model.safetensors", "format": "safetensors", "level": "full",
        "digests": Digests(files="files.v1:" + "a" * 64, weights="weights.v1:" + "b" * 64), "method": None,
        "sample": "sketch.v1 strips=29/29 squares=3/3 vectors=9/9", "dtypes": {"BF16": 1_290},
    }  # fmt: skip
    return ComparedSide(model=model, **(facts | more))


def rule(id: str, outcome: str, value: float | None, detail: str, tensor: str | None = None) -> RuleOutcome:
    """Make what one rule found."""
    pointer = Pointer(model="lab/chat-7b", revision=commit(1), tensor=tensor) if tensor else None
    return RuleOutcome.model_validate(
        {"id": id, "outcome": outcome, "value": value, "pointer": pointer, "detail": detail}
    )


def answer(a: ComparedSide, b: ComparedSide, **more: Any) -> CompareAnswer:
    """Make an answer about two sides."""
    facts = {
        "rules": (),
        "declared": (),
        "unchecked": (),
        "cost": CompareCost(bytes=4_300_000, requests=12, seconds=1.5),
    }
    return CompareAnswer(**header("compare.v1"), a=a, b=b, **(facts | NO_DETAILS | more))


def derived() -> CompareAnswer:
    """Make a quantised model and its parent, which the card names."""
    a = compared("quant/chat-7b-GPTQ", method="gptq", dtypes={"I32": 675, "F16": 291})
    b = compared("lab/chat-7b", level="header")
    pointer = Pointer(model=a.model, revision=a.revision, file="README.md", field="base_model")
    return answer(
        a, b, verdict="derived", relation="quantized", method="gptq", direction="a_from_b", confidence=0.99,
        rules=(
            rule("content.weights", "unchecked", None, "not all bytes of both were read"),
            rule("content.component", "not_applicable", None, "neither has a component that the other has"),
            rule("numeric.cosine", "for", 0.9981, "median cosine of 29 matrices with the same names"),
            rule(
                "numeric.requantised", "for", 0.99954,
                "99.95% of the gptq codes return when the other side is quantised again", "model.layers.1.mlp.up_proj",
            ),
            rule("structure.vocabulary", "neutral", 0.0, "both have 32,000 tokens"),
            rule("numeric.rounded", "against", 12_345.0, f"values of {HOSTILE} and {'long/' * 60}name"),
        ),
        declared=(
            DeclaredBetween(
                child=a.model, parent=b.model, relation="quantized", rule="card.base_model", pointer=pointer,
                agrees=True, reason="the weights agree",
            ),
        ),
    )  # fmt: skip


def contradicted() -> CompareAnswer:
    """Make two unrelated models, of which one names the other as its parent."""
    a, b = compared("a/claims"), compared("lab/chat-7b", revision="folder:" + "c" * 64)
    pointer = Pointer(model=a.model, revision=a.revision, file="README.md", field="base_model")
    return answer(
        a, b, verdict="unrelated", confidence=0.99,
        rules=(rule("numeric.cosine", "against", 0.0012, "median cosine of 29 matrices with the same names"),),
        declared=(
            DeclaredBetween(
                child=a.model, parent=b.model, relation="finetune", rule="card.base_model", pointer=pointer,
                agrees=False, reason="they share no weights",
            ),
        ),
        notes=("the card of a/claims was read as of yesterday",),
    )  # fmt: skip


def adapter() -> CompareAnswer:
    """Make an adapter and a model whose shapes fit, which decides nothing."""
    command = "lineage compare ./lora ./base --with MERGED"
    return answer(
        compared("./lora", group="adapter_model.safetensors", dtypes={"F32": 16}, sample=None), compared("./base"),
        verdict="not_comparable", relation="adapter", method="lora", direction="a_from_b",
        rules=(rule("structure.adapter_fits", "neutral", 1.0, "8 of 8 modules have the shapes of the base"),),
        unchecked=(
            Unchecked(what="whether they are related", reason="an adapter does not show its base", decide_with=command),
        ),
    )  # fmt: skip


def merge() -> CompareAnswer:
    """Make a merge of two named parents."""
    return answer(
        compared("blend/merge-7b"), compared("lab/chat-7b"), others=(compared("lab/code-7b"),),
        verdict="derived", relation="merge", method="slerp", direction="a_from_b", confidence=0.99,
        rules=(rule("numeric.merge_fit", "for", 0.0004, "lab/chat-7b 0.60, lab/code-7b 0.40; residual 0.0004"),),
    )  # fmt: skip


def related() -> CompareAnswer:
    """Make two related models of which nothing shows which came first."""
    return answer(compared("lab/chat-7b"), compared("lab/code-7b"), verdict="related", confidence=0.98)


COMPARISONS = {
    "compare-derived": derived, "compare-contradicted": contradicted, "compare-adapter": adapter,
    "compare-merge": merge, "compare-related": related,
}  # fmt: skip
