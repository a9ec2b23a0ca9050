"""Whether a form, such as a `quantization_config` or a GGUF file, is a relation to the parent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from lineage.derivation.facts import ChildFacts, Quantisation
from lineage.derivation.finding import from_declaration, make_evidence
from lineage.hub.declared.declaration import Declaration
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer

QUANTISED_FORMS = frozenset({"files.quantization_config", "files.quantize_config", "files.gguf"})

COPY_METHODS = frozenset({"gptq", "awq", "bitsandbytes", "gguf", "mlx"})
"""Methods that are applied to a model that was there before: such files are a copy of something."""

Ground = Literal["quantised", "types", "unread", "parent", "unknown parent", "none"]
"""What decides on a form: it is a quantisation, the types refute it, they are not known, the parent has it too, the
parent could not be read, or the form itself is not a quantisation."""


def form_evidence(child: ChildFacts, form: Declaration, parent: str) -> Iterator[Evidence]:
    """Give the evidence of a form about the relation to one parent, with what refutes it.

    A model has a parent's form by copying, too: fine-tunes of a model published in FP8, and merges, keep the config.
    So the form is the relation `quantized` only where the weights' types are low and the parent lacks the form; where
    the parent could not be read, the form does not decide the relation.
    """
    if form.rule not in QUANTISED_FORMS or form.relation in {"adapter", "merge"}:
        yield from_declaration(child, form, parent, supports=True)
        return
    ground = decide(child, form, parent)
    yield from_declaration(
        child,
        form,
        parent,
        supports=True if ground in {"quantised", "none"} else None,
        relation="quantized" if ground == "quantised" else None,
        method="unknown" if ground == "types" else form.method or "unknown",
    )
    if ground == "types" and child.weights is not None:
        pointer = Pointer(model=child.key, revision=child.head, file=child.weights.file)
        yield _refutation(child, parent, "files.weight_types", f"tensors in {', '.join(child.weights.types)}", pointer)
    elif ground == "parent":
        theirs = next(each for each in child.parent_forms.get(parent) or () if _same(form, each))
        pointer = Pointer(model=parent, revision=theirs.commit, file=theirs.file, field=theirs.field)
        yield _refutation(child, parent, "files.parent_form", theirs.method, pointer)


def decide(child: ChildFacts, form: Declaration, parent: str) -> Ground:
    """Decide whether a form that looks like a quantisation is one of this parent.

    A GGUF file's own header shows whether its types are low; a config says nothing of it, the weights' headers do.
    """
    if form.rule == "files.gguf":
        if form.relation != "quantized":
            return "none" if form.method == "conversion" else "unread"
    elif child.weights is None:
        return "unread"
    elif not child.weights.low:
        return "types"
    theirs = child.parent_forms.get(parent)
    if theirs is None:
        return "unknown parent"
    return "parent" if any(_same(form, each) for each in theirs) else "quantised"


def forms_to_compare(child: ChildFacts) -> bool:
    """Say whether the parents' own forms matter: a form with low types, and no relation that the publisher declared."""
    declared = any(d.relation for d in child.declarations if d.by_publisher)
    undecided = any(decide(child, form, "") == "unknown parent" for form in quantised_forms(child))
    return not declared and undecided


def quantised_forms(child: ChildFacts) -> Iterator[Declaration]:
    """List the forms of a child that look like a quantisation."""
    for form in child.declarations:
        if form.kind == "form" and form.rule in QUANTISED_FORMS and form.relation not in {"adapter", "merge"}:
            yield form


def refutes_the_hub(child: ChildFacts, parent: str) -> bool:
    """Say whether the Hub's tag `base_model:quantized:…` rests on forms alone that are no quantisation.

    The Hub infers the relation from the same files. A publisher's own declaration is not questioned here.
    """
    grounds = {decide(child, form, parent) for form in quantised_forms(child)}
    return bool(grounds & {"types", "parent", "none"}) and "quantised" not in grounds


def _same(form: Declaration, theirs: Quantisation) -> bool:
    """Say whether a parent has the form of its child: the same method, at the same number of bits where both say it."""
    return form.method == theirs.method and (None in (form.bits, theirs.bits) or form.bits == theirs.bits)


def _refutation(child: ChildFacts, parent: str, rule: str, value: str, pointer: Pointer) -> Evidence:
    """Make the finding that shows why a form is not a relation."""
    return make_evidence(
        rule=rule,
        child=child.key,
        parent=parent,
        supports=None,
        value=value,
        pointer=pointer,
        child_revision=child.head,
    )
