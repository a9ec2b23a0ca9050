"""The way from what a model declares to its edges."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.derivation.card import card_evidence
from lineage.derivation.combine.declared import combine
from lineage.derivation.facts import ChildFacts, DerivationResult, FirstCommit
from lineage.derivation.files import files_evidence
from lineage.derivation.history import date_evidence, duplicate_evidence, duplicate_source
from lineage.derivation.name import legacy_evidence
from lineage.derivation.next_version import new_version_evidence
from lineage.derivation.project import project_evidence
from lineage.hub.declared.declaration import Declaration


def names_to_resolve(declarations: Sequence[Declaration], first_commit: FirstCommit | None) -> tuple[str, ...]:
    """List the names to resolve on the Hub before `derive`, each once, in order of first mention."""
    names = [declaration.name for declaration in declarations if declaration.kind in ("parent", "new_version")]
    source = duplicate_source(first_commit.title, first_commit.message) if first_commit else None
    names.append(source.name if source else None)
    return tuple(dict.fromkeys(name for name in names if name))


def derive(child: ChildFacts) -> DerivationResult:
    """Find all evidence that declarations give about a child, and combine it into edges.

    Pure: the same facts give the same records, in the same order.
    """
    found = [*card_evidence(child), *project_evidence(child), *files_evidence(child)]
    found += [*duplicate_evidence(child), *legacy_evidence(child)]
    parents = {finding.parent for finding in found if finding.parent and finding.supports}
    found += date_evidence(child, parents)
    unique = {finding.id: finding for finding in found}
    edges = combine(child.key, unique.values())
    unique |= {finding.id: finding for finding in new_version_evidence(child)}
    return DerivationResult(tuple(unique[key] for key in sorted(unique)), edges)
