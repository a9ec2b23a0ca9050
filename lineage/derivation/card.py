"""Rules over the model card: `card.base_model`, `card.base_model_relation`, `card.tag`."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import from_declaration, from_parent
from lineage.derivation.forms import refutes_the_hub
from lineage.hub.declared.declaration import Declaration
from lineage_schemas.evidence import Evidence


def card_parents(child: ChildFacts) -> list[str]:
    """List the keys of the parents that card and tags name."""
    return child.keys(bases(child))


def named_parents(child: ChildFacts) -> list[str]:
    """List the keys of the parents that card and tags name, then of those that a project file names."""
    named = [d for d in child.declarations if d.kind == "parent" and d.rule == "project.declared"]
    return child.keys([*bases(child), *named])


def bases(child: ChildFacts) -> list[Declaration]:
    """List the declarations of card and tags that name a parent."""
    return [d for d in child.declarations if d.kind == "parent" and d.rule.startswith("card.")]


def card_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Find the parents, relations and methods that card and tags declare.

    A model with several bases is a merge, as the Hub reads it too: of 8,600 models with several bases one was
    not tagged so. `base_model_relation` holds for every base. Tags such as `lora` name the method, never a parent.
    """
    parents = card_parents(child)
    several = len(parents) > 1
    for declaration in child.declarations:
        if declaration.kind == "parent" and declaration.rule == "card.base_model":
            yield from_parent(child, declaration, relation="merge" if several else None)
        elif declaration.kind == "parent" and declaration.rule == "card.tag":
            yield _tag(child, declaration)
        elif declaration.kind in {"relation", "hint"}:
            supports = True if declaration.kind == "relation" else None
            for parent in parents:
                yield from_declaration(child, declaration, parent, supports=supports)


def _tag(child: ChildFacts, declaration: Declaration) -> Evidence:
    """Make a tag's evidence, without the relation where it is the Hub's own `quantized` and the files refute it."""
    parent, _ = child.resolve(declaration.name, declaration.problem)
    inferred = declaration.relation == "quantized" and not declaration.by_publisher
    if inferred and parent is not None and refutes_the_hub(child, parent):
        return from_parent(child, declaration, relation=None)
    return from_parent(child, declaration)
