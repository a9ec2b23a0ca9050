"""Findings about edges: what the weights and the dates say of the parents that a model declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from lineage.answers.findings import finding
from lineage.rules.measured import is_measured
from lineage_schemas.answers.trace import Deciding, TracedDerivation, TracedEvidence
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.change import Change

WRONG_CLOCK = timedelta(days=1)
"""How much newer a parent must be than its child: dates of commits are those of the publisher's machine."""

COPIES = ("content.weights", "content.renamed")

POSITIONS = {
    "family.nearer_ancestor": "grandparent-declared-as-parent",
    "family.relative": "relative-declared-as-parent",
    "family.descendant": "child-declared-as-parent",
    "family.others": "other-parents-explain-it",
}
"""The rule of evidence that gives a declared parent another position in the family, and the finding about it."""

USUAL_WORDS = {("merge", "lora_merge", "finetune"), (None, "cast", "quantized"), (None, "conversion", "quantized")}
"""Relation, method and declared relation that publishers use for one thing."""

How = Literal["declared", "inferred", "unknown"]


@dataclass(frozen=True)
class Weighed:
    """Hold what is known of a model's weights over time.

    `first` is when its first weights came, None if no date is known or the history does not reach back to it.
    `counting` are the changes after that which count, oldest first, on the default branch.
    """

    first: datetime | None = None
    counting: tuple[Change, ...] = ()


@dataclass(frozen=True)
class BuiltOn:
    """Name the revision of a parent that a child was built on, how that is known, and the changes after it."""

    revision: str | None
    how: How
    changes: tuple[Change, ...] = ()


UNKNOWN = BuiltOn(None, "unknown")

Base = Callable[[TracedDerivation], BuiltOn]


def decided_by(edge: TracedDerivation) -> Deciding | None:
    """Return the evidence from weights that decides on an edge's status; None if its weights were not compared."""
    measured = [each for each in edge.evidence if is_measured(each.rule)]
    against = edge.status == "contradicted" or not any(each.supports for each in measured)
    best = max(measured, key=lambda each: (_weight(each, against=against), each.rule), default=None)
    return None if best is None else Deciding(rule=best.rule, score=best.score, value=best.value)


def _weight(each: TracedEvidence, *, against: bool) -> tuple[bool, bool, bool, bool]:
    """Order evidence: where a model stands in its family, then exact rules, then similarity."""
    position = each.rule.startswith("family.")
    counts = each.supports is not against if each.supports is not None else position
    similar = each.rule.startswith(("numeric.cosine", "numeric.layers", "numeric.embedding", "structure."))
    return (counts, position, similar if against else not similar, each.rule == "numeric.cosine")


def is_foreign(edge: TracedDerivation) -> bool:
    """Return whether the weights of a declared parent were compared and are not related to the child's."""
    measured = [each for each in edge.evidence if is_measured(each.rule)]
    if edge.status not in ("contradicted", "declared") or any(each.rule.startswith("family.") for each in measured):
        return False
    return any(each.supports is False for each in measured) and not any(each.supports for each in measured)


def is_declared(edge: TracedDerivation) -> bool:
    """Return whether a card, a file or a project names this parent."""
    return any(each.supports and not is_measured(each.rule) for each in edge.evidence)


def about_edges(edges: Iterable[TracedDerivation], weights: Mapping[str, Weighed], base: Base) -> Iterator[Finding]:
    """Find what is wrong with each edge; `weights` are by model, `base` gives what a child was built on."""
    for edge in edges:
        yield from _about_weights(edge)
        if edge.status != "contradicted":
            yield from _about_dates(edge, weights.get(edge.child, Weighed()), weights.get(edge.parent, Weighed()))
            yield from _moved_on(edge, base(edge))


def _about_weights(edge: TracedDerivation) -> Iterator[Finding]:
    """Compare what is declared with what was measured."""
    child, parent = edge.child, edge.parent
    positions = {each.rule: each for each in edge.evidence if each.rule in POSITIONS}
    decided = decided_by(edge)
    number = _number(decided)
    if not is_declared(edge):
        if edge.status in ("confirmed", "inferred") and decided is not None:
            copy = any(each.rule in COPIES and each.supports for each in edge.evidence)
            name = "copy-without-credit" if copy else "undeclared-parent"
            what = "the weights are equal" if copy else f"measured as {_way(edge)}{number}"
            yield finding(name, f"{parent} is not named as its parent; {what}", _card(edge))
    elif edge.status in ("contradicted", "indirect") and positions:
        for rule, each in sorted(positions.items()):
            score = "" if each.score is None else f" (at {each.score:.2f} of its distance)"
            text = f"{parent} is declared as its parent; {each.value or rule}{score}"
            yield finding(POSITIONS[rule], text, _card(edge))
    elif is_foreign(edge) and edge.status == "contradicted":
        declared = edge.relation_declared or edge.relation or "parent"
        yield finding(
            "declared-parent-unrelated", f"{parent} is declared ({declared}) and not related{number}", _card(edge)
        )
    elif is_foreign(edge) and edge.relation_declared is None and edge.relation is None:
        yield finding(
            "shares-no-weights", f"{parent} is declared without a relation; no shared weights{number}", _card(edge)
        )
    elif edge.status == "confirmed" and _is_wrong(edge):
        text = f"{child} is declared as {edge.relation_declared} of {parent}; measured as {_way(edge)}{number}"
        yield finding("wrong-relation", text, _card(edge, "base_model_relation"))


def _is_wrong(edge: TracedDerivation) -> bool:
    """Return whether the measured relation is known and is another one than the declared relation."""
    if edge.relation_declared is None or edge.relation_declared == edge.relation:
        return False
    if edge.relation is None and edge.method == "unknown":
        return False
    return (edge.relation, edge.method, edge.relation_declared) not in USUAL_WORDS


def _way(edge: TracedDerivation) -> str:
    """Say how a child was made, by what was measured."""
    method = None if edge.method == "unknown" else edge.method
    if edge.relation is None:
        return method or "a model made from it"
    return f"{edge.relation} ({method})" if method and method != edge.relation else edge.relation


def _number(decided: Deciding | None) -> str:
    """Write what decided; its words have the number as a rule."""
    if decided is None:
        return ""
    score = "" if decided.score is None else f" {decided.score:.4g}"
    return f" ({decided.rule}{score}{f': {decided.value}' if decided.value else ''})"


def _about_dates(edge: TracedDerivation, child: Weighed, parent: Weighed) -> Iterator[Finding]:
    """Find a parent whose first weights are newer than those of its child."""
    if child.first is not None and parent.first is not None and parent.first > child.first + WRONG_CLOCK:
        dates = f"{parent.first:%Y-%m-%d}, those of {edge.child} of {child.first:%Y-%m-%d}"
        yield finding("parent-newer-than-child", f"the first weights of {edge.parent} are of {dates}", _card(edge))


def _moved_on(edge: TracedDerivation, base: BuiltOn) -> Iterator[Finding]:
    """Find changes of the parent after the revision that the child was built on."""
    if not base.changes:
        return
    last, number = base.changes[-1], len(base.changes)
    count = "once" if number == 1 else f"{number} times"
    how = "declared" if base.how == "declared" else "inferred from the dates"
    text = (
        f"the weights of {edge.parent} changed {count} after {base.revision} ({how}), "
        f"last on {last.start:%Y-%m-%d} ({last.kind}, {last.verdict or 'unchecked'})"
    )
    yield finding("base-moved-on", text, _card(edge))


def _card(edge: TracedDerivation, field: str | None = None) -> Pointer:
    """Point to where the parent is declared, else to the child."""
    declaring = [each for each in edge.evidence if not is_measured(each.rule) and each.supports]
    ranked = sorted(
        declaring, key=lambda each: (each.pointer.field != field, each.pointer.file != "README.md", each.rule)
    )
    return ranked[0].pointer if ranked else Pointer(model=edge.child, revision=edge.child_revision)
