"""Rules over names: `name.legacy`."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import make_evidence
from lineage.derivation.history import duplicate_source
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer


def legacy_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Say which names the table of old names resolved, because the Hub could not be asked.

    The value is the table's month and source. The finding comes beside the evidence of the
    declaration itself and supports nothing: the declaration does.
    """
    for name, pointer in _written_names(child):
        known = child.resolved.get(name)
        if known is None or known.legacy is None:
            continue
        legacy = known.legacy
        yield make_evidence(
            rule="name.legacy",
            child=child.key,
            parent=known.key,
            supports=None,
            value=f"by the table of old names, {legacy.date}, {legacy.source}",
            pointer=pointer,
            child_revision=child.head,
        )


def _written_names(child: ChildFacts) -> Iterator[tuple[str, Pointer]]:
    """List the names that declarations and the first commit give, each with its place."""
    for found in child.declarations:
        if found.kind == "parent" and found.name:
            yield found.name, Pointer(model=child.key, revision=child.head, file=found.file, field=found.field)
    first = child.first_commit
    source = duplicate_source(first.title, first.message) if first else None
    if first and source and source.name:
        yield source.name, Pointer(model=child.key, revision=first.commit, field="title")
