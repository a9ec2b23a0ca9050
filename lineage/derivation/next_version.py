"""Evidence about versions that are repositories of their own: `card.new_version`, `name.version`."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import ITSELF, from_declaration, make_evidence
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer

NEW_VERSION, NAME_VERSION = "card.new_version", "name.version"

NEXT_VERSION_RULES = frozenset({NEW_VERSION, NAME_VERSION})
"""Rules about the order of versions: they find no parent, and no edge of descent rests on them."""


def new_version_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Find the repositories that a card names as its new version; `parent` of such evidence is the later version."""
    for declaration in child.declarations:
        if declaration.kind == "new_version":
            later, problem = child.resolve(declaration.name, declaration.problem)
            problem = ITSELF if later == child.key else problem
            yield from_declaration(child, declaration, later, unresolvable=problem)


def name_evidence(key: str, version: str) -> Evidence:
    """Make the evidence that a model's name carries a version; it is the same at every commit."""
    pointer = Pointer(model=key, field="name")
    return make_evidence(rule=NAME_VERSION, child=key, parent=None, supports=None, value=version, pointer=pointer)
