"""Words for what the weights say of an edge: the rule that decided, with its number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import counted, rounded_down
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import Deciding, HiddenEdges, RelatedPair, TracedDerivation, Unmeasured

STATUS_MEANINGS = {
    "confirmed": "declared, and the weights agree",
    "inferred": "measured in the weights, not declared",
    "declared": "stated by the publisher; the weights were not compared, or do not decide",
    "indirect": "declared and related, but a nearer ancestor is known",
    "contradicted": "declared, but the weights contradict it; nothing is shown beyond it",
}

KINDS = {
    "sibling": "siblings: both come from the same model",
    "near_twin": "near twins: nearer to each other than to their parent",
    "direction_unknown": "direction unknown",
}

_NUMBERS = {
    "numeric.cosine": "median cosine {:.4f}",
    "numeric.cosine_by_content": "greatest cosines of matrices {:.4f}",
    "numeric.layers": "cosine of layers {:.4f}",
    "numeric.rounded": "{:.2%} of the values",
    "numeric.requantised": "{:.2%} of the codes",
    "numeric.adapter_applied": "{:.3f} left after the adapter",
    "numeric.zeros": "{:.2%} of the other values",
    "family.nearest": "distance {:.4f}",
    "family.nearer_ancestor": "a nearer ancestor at {:.2f} of its distance",
    "family.relative": "a nearer model at {:.2f} of its distance",
}
"""How the number of a rule is written; the words of other rules, such as equal digests, say all."""


def number_words(rule: str, score: float | None, value: str | None) -> str:
    """Write the number of a rule, or its words if it has none."""
    if score is not None and rule in _NUMBERS:
        return _NUMBERS[rule].format(score)
    if value and rule == "numeric.merge_fit":
        return cut(value.partition(", of")[0], 80)  # the share of this parent stands before the residual
    if value:
        return cut(value, 80)
    return rule if score is None else f"{rule} {score:.4g}"


def deciding_words(edge: TracedDerivation) -> str:
    """Write the number that decided on the status of an edge; empty if its weights were not compared."""
    decided = edge.decided_by
    if decided is None:
        return ""
    words = number_words(decided.rule, decided.score, decided.value)
    return f"{words} ({decided.rule})"


def unrelated_words(decided: Deciding) -> str:
    """Write why a declared parent is foreign."""
    return f"{number_words(decided.rule, decided.score, decided.value)} ({decided.rule})"


def unmeasured_words(edge: Unmeasured) -> str:
    """Write why the weights do not decide on an edge."""
    ends = edge.child if edge.parent is None else f"{edge.child} – {edge.parent}"
    return f"{ends} · {edge.reason}"


def related_words(pair: RelatedPair) -> str:
    """Write how two models are related, and how similar they are."""
    number = "" if pair.score is None or pair.rule is None else number_words(pair.rule, pair.score, None)
    confidence = "" if pair.confidence is None else f"confidence {rounded_down(pair.confidence)}"
    return " · ".join(each for each in (KINDS[pair.kind], number, confidence) if each)


def hidden_words(hidden: HiddenEdges | None) -> str:
    """Write what a wanted status hides; empty if nothing is hidden."""
    if hidden is None or not (hidden.edges or hidden.models):
        return ""
    edges = f"{counted(hidden.edges, 'edge')} weaker than {hidden.min_status}"
    models = f", and {counted(hidden.models, 'model')} that only they lead to" if hidden.models else ""
    return f"Hidden: {edges}{models}."


def legend(edges: tuple[TracedDerivation, ...]) -> list[str]:
    """Explain the statuses that occur, the most certain first."""
    found = {edge.status for edge in edges}
    return [f"{status}: {text}" for status, text in STATUS_MEANINGS.items() if status in found]
