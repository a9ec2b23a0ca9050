"""Deriving the edges of a made-up model from what its files declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.derivation.declared_edges import derive, names_to_resolve
from lineage.derivation.facts import ChildFacts, DerivationResult, FirstCommit, Quantisation, ResolvedName
from lineage.derivation.precision import WeightTypes
from lineage.hub.declared.reading import declarations
from lineage_schemas.derivation import Derivation
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot

HEAD = "1" * 40


def derived(
    files: Mapping[str, str] | None = None,
    *,
    card: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    first: FirstCommit | None = None,
    resolved: Mapping[str, ResolvedName] | None = None,
    weights: WeightTypes | None = None,
    parent_forms: Mapping[str, tuple[Quantisation, ...] | None] | None = None,
    gguf: Mapping[str, Mapping[str, Any]] | None = None,
) -> DerivationResult:
    """Derive the edges of `me/child` with the given files; names are canonical as they stand unless told otherwise."""
    texts = dict(files or {})
    snapshot = Snapshot(
        model="me/child", commit=HEAD, files=tuple(FileEntry(path=path) for path in texts), card=card, config=config,
        tags=tags,
    )  # fmt: skip
    declared = declarations(snapshot, lambda path: texts[path].encode(), gguf=gguf)
    known = {name: ResolvedName(name) for name in names_to_resolve(declared, first)}
    return derive(
        ChildFacts(
            "me/child", "me/child", HEAD, declared, first, resolved={**known, **(resolved or {})}, weights=weights,
            parent_forms=parent_forms or {},
        )
    )  # fmt: skip


def edge(result: DerivationResult, parent: str) -> Derivation:
    """Take the edge to one parent."""
    (found,) = [d for d in result.derivations if d.parent == parent]
    return found


def rules(result: DerivationResult, parent: str | None) -> set[str]:
    """Name the rules that found something about a parent."""
    return {finding.rule for finding in result.evidence if finding.parent == parent}
