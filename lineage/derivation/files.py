"""Rules over configs, recipes and headers: `files.*`."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.derivation.card import named_parents
from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import from_declaration, from_parent
from lineage.derivation.forms import COPY_METHODS, QUANTISED_FORMS, decide, form_evidence
from lineage.hub.declared.declaration import Declaration
from lineage_schemas.evidence import Evidence

ADAPTER_OF_NOTHING = "an adapter; its base is not named"
MERGE_OF_NOTHING = "a merge; its models are not named"
COPY_OF_NOTHING = "a quantised copy; its original is not named"
"""The reasons for models that files show to come from others, where none of these is named."""


def files_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Find the parents that files name, and what the files show the model to be.

    A file that shows a form without naming of what (a quantisation config, GGUF files, an adapter or recipe whose
    base is a local path) is evidence about the parents that others name. A file that cannot be read is reported.
    """
    for declaration in child.declarations:
        if not declaration.rule.startswith("files."):
            continue
        if declaration.kind == "parent":
            yield from_parent(child, declaration)
        elif declaration.kind == "unreadable":
            yield from_declaration(child, declaration, None, value=declaration.problem)
        elif declaration.kind == "form":
            for parent in _spoken_of(child, declaration):
                yield from form_evidence(child, declaration, parent)
            yield from _without_base(child, declaration)


def _without_base(child: ChildFacts, form: Declaration) -> Iterator[Evidence]:
    """Report an adapter, merge or quantised copy of which nothing names a base: it is not trained from scratch."""
    reason = {"adapter": ADAPTER_OF_NOTHING, "merge": MERGE_OF_NOTHING}.get(form.relation or "")
    named = _parents_by(child, form.rule, form.file)
    if form.rule in QUANTISED_FORMS and form.relation == "quantized" and form.method in COPY_METHODS:
        reason = COPY_OF_NOTHING if decide(child, form, "") == "quantised" else None
        named = [d for d in child.declarations if d.kind == "parent"]
    if reason and not named and not named_parents(child):
        yield from_declaration(child, form, None, value=None, unresolvable=reason, relation=None, method="unknown")


def _spoken_of(child: ChildFacts, form: Declaration) -> list[str]:
    """List the parents to which the child has the relation that a form shows.

    Quantisers load the model that the card names; without a card the one in `_name_or_path` or in the GGUF header.
    An adapter belongs to the model that the card names, even where PEFT loaded a 4-bit copy. A recipe's models are
    named in it, so that others are merged only where the recipe names them by a local path.
    """
    named = _parents_by(child, form.rule, form.file)
    others = [key for key in named_parents(child) if key not in child.keys(named)]
    if form.rule in {"files.adapter_config", "files.lora_weights"}:
        return others if "/" not in (form.file or "") else []
    if form.rule == "files.mergekit":
        return others if any(child.resolve(d.name, d.problem)[0] is None for d in named) else []
    loaded = _parents_by(child, "files.name_or_path", None) + _sources(_parents_by(child, "files.gguf", None))
    return named_parents(child) or child.keys(loaded)


def _parents_by(child: ChildFacts, rule: str, file: str | None) -> list[Declaration]:
    """List the parents that one rule found, in one file or in any."""
    return [d for d in child.declarations if d.kind == "parent" and d.rule == rule and file in (None, d.file)]


def _sources(named: list[Declaration]) -> list[Declaration]:
    """Take what a GGUF file was converted from: its source, or where it names none, its bases.

    Where it names both, the bases are the source's own parents, copied from its card.
    """
    sources = [declaration for declaration in named if (declaration.field or "").startswith("general.source.")]
    return sources or named
