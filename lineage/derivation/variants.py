"""The base family and the variant types of a model, from its weights, configs, card, tags and name, in that order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from lineage.derivation.precision import WIDE_TYPES
from lineage.versioning.names import MAX_CHARACTERS, parse_name
from lineage.versioning.naming.pieces import pieces
from lineage.versioning.naming.vocabulary import family_of, quantisation_terms
from lineage_schemas.variant import BaseFamily, Statement, Variant, VariantType, Where

LOW_TYPE = re.compile(r"(?:IQ|TQ|Q)[0-9].*|F8_.*|F6_.*|F4.*|MXFP[0-9].*|NVFP4")
"""Types of tensors that hold quantised weights only; small integers may be masks or indices."""

BY_RELATION: dict[str, VariantType] = {
    "finetune": "fine-tuned", "quantized": "quantised", "adapter": "adapter", "merge": "merged",
}  # fmt: skip

BY_METHOD: dict[str, VariantType] = {"distilled": "distilled", "pruned": "pruned"}
"""Methods that are variants of their own, more specific than the relation `finetune`."""

WORDS: tuple[tuple[re.Pattern[str], VariantType], ...] = (
    (re.compile(r"fine-?tun(?:ed?|ing|es)|ft"), "fine-tuned"),
    (re.compile(r"[1-8]-?bits?|int[48]|q[2-8]|qat|ptq|quanti[sz](?:ed|ation)|quant"), "quantised"),
    (re.compile(r"distil(?:led|lation)?"), "distilled"),
    (re.compile(r"dedup(?:ed|licated)?"), "deduplicated"),
    (re.compile(r"q?lora|adapters?|peft|dora"), "adapter"),
    (re.compile(r"merged?|merges|mergekit|slerp|frankenmerge"), "merged"),
    (re.compile(r"pruned|pruning"), "pruned"),
)
"""Words of names and tags, as whole pieces. `float16`, which the study counts, shows no quantisation."""

MAX_TAGS = 200
"""Tags that are searched."""


@dataclass(frozen=True)
class OriginFacts:
    """Hold what is known of one model: `evidence` are the rows of what its files declare, `types` of its main weights.

    `family` is the `model_type` of config.json; None where it was not read or names none. `types` is empty where the
    header was not read. `quant_method` is that of config.json's `quantization_config`: files that name no parent give
    no evidence of a relation to one.
    """

    name: str
    family: str | None = None
    tags: tuple[str, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    types: tuple[str, ...] = ()
    quant_method: str | None = None


def base_family(facts: OriginFacts) -> BaseFamily | None:
    """Find the family: config.json's, else that of a tag, else that of the name; None if none of them names one."""
    found = list(_families(facts))
    if not found:
        return None
    return BaseFamily(value=found[0][0], statements=tuple(statement for _, statement in found))


def _families(facts: OriginFacts) -> Iterator[tuple[str, Statement]]:
    if facts.family:
        yield facts.family, Statement(where="config", text=facts.family)
    for tag in facts.tags[:MAX_TAGS]:
        if family := family_of(tag, exact=True):
            yield family, Statement(where="tags", text=tag)
    base = parse_name(facts.name).text_of("base-model")
    if base and (family := family_of(base)):
        yield family, Statement(where="name", text=base)


def variants(facts: OriginFacts) -> tuple[Variant, ...]:
    """List the variant types with every place that states them, in the order of the types."""
    found: dict[VariantType, dict[Statement, None]] = {}
    for type_, statement in (*_measured(facts), *_declared(facts), *_worded(facts)):
        found.setdefault(type_, {})[statement] = None
    return tuple(
        Variant(type=type_, basis=_basis(found[type_]), statements=tuple(found[type_]))
        for type_ in get_args(VariantType)
        if type_ in found
    )


def _basis(statements: Iterable[Statement]) -> Any:
    where = {statement.where for statement in statements}
    return "measured" if "weights" in where else "declared" if where - {"tags", "name"} else "worded"


def _measured(facts: OriginFacts) -> Iterator[tuple[VariantType, Statement]]:
    low = [name for name in facts.types if name not in WIDE_TYPES and LOW_TYPE.fullmatch(name)]
    if low:
        yield "quantised", Statement(where="weights", text=", ".join(sorted(low)))


def _declared(facts: OriginFacts) -> Iterator[tuple[VariantType, Statement]]:
    """Read the evidence that the model's own files gave; evidence against a relation states nothing."""
    if facts.quant_method:
        yield "quantised", Statement(where="config", text=f"quantization_config.quant_method: {facts.quant_method}")
    for row in facts.evidence:
        type_ = BY_METHOD.get(row.get("method") or "") or BY_RELATION.get(row.get("relation") or "")
        if type_ and row.get("supports") is not False:
            pointer = row.get("pointer") or {}
            text = f"{pointer.get('file') or row['rule']}: {row.get('value') or row.get('method')}"
            yield type_, Statement(where=_where(row["rule"], pointer.get("file") or ""), text=text)


def _where(rule: str, file: str) -> Where:
    """Return what kind of place a rule reads."""
    if rule == "card.tag":
        return "tags"
    if rule.startswith("card."):
        return "card"
    if rule.startswith("project."):
        return "project"
    return "config" if file.endswith("config.json") else "files"


def _worded(facts: OriginFacts) -> Iterator[tuple[VariantType, Statement]]:
    """Read the words of the tags and of the name."""
    for tag in facts.tags[:MAX_TAGS]:
        if ":" not in tag and (type_ := _of_word(tag.casefold())):
            yield type_, Statement(where="tags", text=tag)
    name = facts.name.rpartition("/")[2]
    for each in pieces(name[:MAX_CHARACTERS]):
        if type_ := _of_word(each.low):
            yield type_, Statement(where="name", text=each.text)


def _of_word(word: str) -> VariantType | None:
    if word in quantisation_terms():
        return "quantised"
    return next((type_ for pattern, type_ in WORDS if pattern.fullmatch(word)), None)
