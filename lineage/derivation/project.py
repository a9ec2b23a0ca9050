"""The rule over a project file: `project.declared`."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import from_parent
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer


def project_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Find the parents that a project declares for its own model, judged like those of a card.

    The pointer has no revision, because the file is not one of the model's.
    """
    for declaration in child.declarations:
        if declaration.kind == "parent" and declaration.rule == "project.declared":
            pointer = Pointer(model=child.key, file=declaration.file, field=declaration.field)
            yield from_parent(child, declaration, pointer=pointer)
