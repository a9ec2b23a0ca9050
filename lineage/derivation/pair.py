"""From all rules about two models to one verdict on the pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lineage.derivation.confidence import of_related, of_unrelated
from lineage.derivation.content import equal_tensors, renamed, same_weights, shared_component
from lineage.derivation.numeric.differences import equal_values, low_rank, zeros
from lineage.derivation.numeric.disguises import POSSIBLE, disguise_verdict, disguises
from lineage.derivation.numeric.formats import EXACT
from lineage.derivation.numeric.invariants import are_exact
from lineage.derivation.numeric.mixtures import FITS, adapter_applied, adapter_fits, merge_fit
from lineage.derivation.numeric.neurons import permuted_neurons
from lineage.derivation.numeric.precision import common_parent, narrow_values, requantised, rounded
from lineage.derivation.numeric.relatedness import (
    RELATED,
    UNCLEAR,
    cosine_by_content,
    layers_by_content,
    median_cosine,
)
from lineage.derivation.numeric.tiles import LayerMatch
from lineage.derivation.side import Direction, Finding, Side, other_way
from lineage.derivation.structure import LAYERS, architecture, layer_counts, shapes, vocabulary
from lineage_schemas.derivation import Method, Relation

Verdict = Literal["same_weights", "derived", "related", "unclear", "unrelated", "not_comparable"]


@dataclass(frozen=True)
class Pair:
    """The verdict on two models, with everything that was found.

    `relation`, `method` and `direction` say how one was made from the other, if a rule shows it; for `related`
    models they say what it would be if one was made from the other directly. `confidence` says how sure it is that the
    two are related, or that they are not, whichever the verdict says (`lineage.derivation.confidence`).
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    relation: Relation | None = None
    method: Method = "unknown"
    direction: Direction = "unknown"
    confidence: float | None = None

    @property
    def turned(self) -> Pair:
        """Return the same verdict with the sides exchanged."""
        turned = tuple(replace(found, direction=other_way(found.direction)) for found in self.findings)
        return replace(self, findings=turned, direction=other_way(self.direction))

    @property
    def reason(self) -> str:
        """Return the rules that left the verdict open, in words."""
        open_rules = [found for found in self.findings if found.rule.startswith(("numeric.", "structure.adapter_fits"))]
        told = [found.detail for found in open_rules if found.outcome == "for" and found.rule in POSSIBLE]
        told += [found.detail for found in open_rules if found.outcome in ("unchecked", "neutral") and found.detail]
        return "; ".join(dict.fromkeys(told[:2])) or "no rule could be applied"


def compare_pair(a: Side, b: Side, others: Sequence[Side] = ()) -> Pair:
    """Judge two models by everything that is known of them.

    `others` are further parents of `a`, or the adapter that was merged into it: with them a merge can be explained.
    """
    import numpy

    # A damaged file holds values that are infinite or NaN: rules find them, and numpy need not warn about each.
    with numpy.errstate(all="ignore"):
        return _compared(a, b, others)


def _compared(a: Side, b: Side, others: Sequence[Side]) -> Pair:
    """Apply the rules one after the other, as far as they decide."""
    content = [same_weights(a, b), renamed(a, b), equal_tensors(a, b), shared_component(a, b)]
    structure = [architecture(a, b)]
    for found in content[:2]:
        if found.outcome == "for":
            same: Method = "duplicate" if a.digests.files == b.digests.files else "resharded"
            method = "renamed" if found.method == "renamed" else same
            return Pair("same_weights", (*content, *structure), None, method, "unknown", 1.0)
    if content[1].value == 1.0:  # all tensors are equal, and some have changed places: layers in another order
        return Pair("related", (*content, *structure), confidence=of_related(None, RELATED))
    if a.other_adapter != b.other_adapter:
        why = Finding(FITS, "unchecked", None, "adapters other than LoRA are not compared with a base")
        direction: Direction = "a_from_b" if a.other_adapter else "b_from_a"
        return Pair("not_comparable", (*content, *structure, why), "adapter", "unknown", direction)
    if a.is_adapter != b.is_adapter:
        return _with_adapter(a, b, others, [*content, *structure])
    values, layers = _relatedness(a, b)
    known = [found.value for found in values if found.value is not None]
    findings = [*content, *structure, *values]
    if not known:
        found = shapes(a, b)
        if found.outcome == "against":
            return Pair("unrelated", (*findings, found), confidence=of_unrelated(None, UNCLEAR))
        return Pair("not_comparable", (*findings, found))
    likeness = max(known)
    if likeness < RELATED:
        return _disguised(a, b, findings, likeness)
    details = [*_details(a, b, layers), *_mixtures(a, b, others)]
    return _judged(tuple([*findings, *details]), likeness)


def _disguised(a: Side, b: Side, findings: list[Finding], likeness: float) -> Pair:
    """Judge two models whose sampled values are not alike: one may still be the other in disguise."""
    hidden = disguises(a, b)
    found = (*findings, *hidden)
    verdict = disguise_verdict(a, b, hidden)
    if verdict == "related":
        exact = a.invariants is not None and b.invariants is not None and are_exact(a.invariants, b.invariants)
        return Pair("derived" if exact else "related", found, confidence=of_related(None, RELATED) if exact else 0.9)
    if verdict == "unclear" or likeness >= UNCLEAR:
        return Pair("unclear", found)
    return Pair("unrelated", found, confidence=of_unrelated(likeness, UNCLEAR))


def _relatedness(a: Side, b: Side) -> tuple[list[Finding], Sequence[LayerMatch]]:
    """Compare values by name, and by content where names or architectures leave it open."""
    by_name = median_cosine(a, b)
    both_adapters = a.is_adapter and b.is_adapter and by_name.outcome != "unchecked"
    if both_adapters or (by_name.outcome == "for" and a.arch == b.arch):
        return [by_name], ()
    by_layer, layers = layers_by_content(a, b)
    found = [by_name, by_layer]
    if by_name.outcome != "for" and by_layer.outcome != "for":
        found.append(cosine_by_content(a, b))
    return found, layers


def _details(a: Side, b: Side, layers: Sequence[LayerMatch]) -> Iterable[Finding]:
    """Apply the rules that say how one of two related models was made."""
    return (
        rounded(a, b),
        narrow_values(a, b),
        requantised(a, b),
        equal_values(a, b),
        zeros(a, b),
        low_rank(a, b),
        vocabulary(a, b),
        layers_of(a, b, layers),
        permuted_neurons(a, b),
    )


def layers_of(a: Side, b: Side, matched: Sequence[LayerMatch]) -> Finding:
    """Compare the numbers of layers: fewer that match in order were dropped, one that is there twice was stacked.

    `matched` are the layers of the side that has more, so that the order of sides makes no difference. A layer that is
    like none of the other side is a match of nothing: it was dropped from the other side, or added to this one.
    """
    counts = layer_counts(a, b)
    if counts is None:
        return Finding(LAYERS, "not_applicable", None, "the names of the tensors show no layers")
    if counts[0] == counts[1]:
        return Finding(LAYERS, "neutral", 0.0, f"both have {counts[0]} layers")
    detail = f"{counts[0]} layers against {counts[1]}"
    alike = [each for each in matched if each.cosine >= RELATED]
    if not alike:
        return Finding(LAYERS, "unchecked", None, detail)
    least, others = min(each.cosine for each in alike), [each.other for each in alike]
    larger: Direction = "a_from_b" if counts[0] > counts[1] else "b_from_a"
    if len(set(others)) < len(others):
        return Finding(LAYERS, "for", least, f"{detail}; layers are repeated", larger, "merge", "stack")
    in_order = f"{detail}, which match in order" if others == sorted(others) else detail
    return Finding(LAYERS, "for", least, in_order, other_way(larger), "finetune", "layer_dropped")


def _mixtures(a: Side, b: Side, others: Sequence[Side]) -> Iterable[Finding]:
    """Explain `a` by `b` and the others that were named."""
    plain = [each for each in others if not each.is_adapter]
    if plain:
        yield merge_fit(a, (b, *plain))
        shared = [common_parent(a, b, each) for each in plain]
        yield next((each for each in shared if each.outcome == "for"), shared[0])
    for each in others:
        if each.is_adapter:
            yield _applied_to_either(a, b, each)


def _applied_to_either(a: Side, b: Side, adapter: Side) -> Finding:
    """Add an adapter to `b`, and to `a` where that does not give the other model."""
    found = adapter_applied(a, b, adapter)
    if found.outcome == "for":
        return found
    back = adapter_applied(b, a, adapter)
    return replace(back, direction="b_from_a") if back.outcome == "for" else found


def _with_adapter(a: Side, b: Side, others: Sequence[Side], findings: list[Finding]) -> Pair:
    """Judge an adapter and a model: shapes can exclude a base, and only the merged model can prove it.

    The other way round the model may be the merged one: then its base proves that the adapter was merged into it.
    """
    adapter, base = (a, b) if a.is_adapter else (b, a)
    fits = adapter_fits(adapter, base)
    direction: Direction = "a_from_b" if a.is_adapter else "b_from_a"
    plain = [each for each in others if not each.is_adapter]
    applied = [adapter_applied(merged, base, adapter) for merged in plain]
    into = [adapter_applied(base, of, adapter) for of in plain]
    if any(each.outcome == "for" for each in into):
        merged_from: Direction = "b_from_a" if a.is_adapter else "a_from_b"
        return Pair("derived", (*findings, fits, *into), "merge", "lora_merge", merged_from, of_related(None, RELATED))
    found = (*findings, fits, *applied)
    if any(each.outcome == "for" for each in applied):
        return Pair("derived", found, "adapter", "lora", direction, of_related(None, RELATED))
    if fits.outcome == "against":
        return Pair("unrelated", found, confidence=of_unrelated(None, UNCLEAR))
    return Pair("not_comparable", found, "adapter", "lora", direction)


_ORDER = (
    "numeric.adapter_applied", "numeric.merge_fit", "numeric.rounded", "numeric.requantised", "numeric.zeros",
    "structure.layers", "structure.vocabulary", "numeric.low_rank", "numeric.equal_values",
)  # fmt: skip
"""Which rule says how a model was made where several do: those that explain all of its values first."""

_PROVES = frozenset({"numeric.adapter_applied", "numeric.merge_fit"})
"""Rules that show it by themselves. A low rank does not: two models with a LoRA each differ by the sum of both."""

_PROVE_FROM = {"numeric.rounded": EXACT, "numeric.zeros": 0.99}
"""Shares of values from which a rule shows that one model was made from the other and not from a relative of it."""


def _judged(findings: tuple[Finding, ...], likeness: float) -> Pair:
    """Choose the rule that says how one of two related models was made."""
    by_rule = {found.rule: found for found in findings if found.outcome == "for"}
    for rule in _ORDER:
        found = by_rule.get(rule)
        if found is None:
            continue
        derived = found.proves or rule in _PROVES or (rule in _PROVE_FROM and (found.value or 0) >= _PROVE_FROM[rule])
        verdict: Verdict = "derived" if derived else "related"
        confidence = of_related(None if derived else likeness, RELATED)
        return Pair(verdict, findings, found.relation, found.method, found.direction, confidence)
    return Pair("related", findings, confidence=of_related(likeness, RELATED))
