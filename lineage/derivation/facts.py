"""What the rules take and what they return: plain values, no Hub and no store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lineage.derivation.precision import WeightTypes
from lineage.hub.declared.declaration import Declaration
from lineage.hub.legacy_names import LegacyName
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence


@dataclass(frozen=True)
class FirstCommit:
    """Hold the root commit of the default branch: a duplicate of a repository names its source there."""

    commit: str
    title: str
    message: str = ""
    date: datetime | None = None


@dataclass(frozen=True)
class ResolvedName:
    """Hold what the Hub answered for a written name.

    `key` is the canonical model's key, also of a model that is gated or missing; None where the name cannot be a model
    of this Hub (`problem` says why): a bare name that is not an old alias, say, is a folder on some machine.
    `created` is when the repository was created, where the Hub says it; `at_first_commit` the commit that it
    had when the child's first commit was made, where its history is known. `legacy` is the line of the table of old
    names that gave the key, where the Hub could not be asked.
    """

    key: str | None
    problem: str | None = None
    created: datetime | None = None
    at_first_commit: str | None = None
    legacy: LegacyName | None = None


@dataclass(frozen=True)
class Quantisation:
    """Say how a parent's own weights are quantised, and where it says so; `bits` is None where it does not say."""

    method: str
    bits: int | None
    commit: str
    file: str
    field: str | None = None


@dataclass(frozen=True)
class ChildFacts:
    """Hold what is known of one model at one commit.

    `resolved` maps every name of `names_to_resolve` to what the Hub says. `first_weights` is the date of the first
    commit that brought weights; the date of the first commit stands in for it. `weights` are the tensor types of the
    main group, None where its headers were not read. `parent_forms` are the quantisations of parents by key: empty
    where a parent has none, without an entry (or None) where it was not read.
    """

    key: str
    model: str
    head: str | None
    declarations: tuple[Declaration, ...] = ()
    first_commit: FirstCommit | None = None
    first_weights: datetime | None = None
    resolved: Mapping[str, ResolvedName] = field(default_factory=dict)
    weights: WeightTypes | None = None
    parent_forms: Mapping[str, tuple[Quantisation, ...] | None] = field(default_factory=dict)

    def resolve(self, name: str | None, problem: str | None) -> tuple[str | None, str | None]:
        """Find (key, problem) of a declared name: one of them is None."""
        if name is None:
            return None, problem or "it is no repository id"
        found = self.resolved.get(name)
        if found is None:
            return None, "the Hub was not asked for this name"
        if found.key and found.key.lower() == self.key.lower():
            return self.key, None  # ids that differ in case only are one model
        return found.key, None if found.key else found.problem or "no such model"

    def keys(self, declarations: Iterable[Declaration]) -> list[str]:
        """List the keys of the parents that declarations name, each once, in order, without the child itself."""
        keys = (self.resolve(declaration.name, declaration.problem)[0] for declaration in declarations)
        return [key for key in dict.fromkeys(keys) if key is not None and key != self.key]


@dataclass(frozen=True)
class DerivationResult:
    """Hold all evidence about a child and the edges that follow from it."""

    evidence: tuple[Evidence, ...]
    derivations: tuple[Derivation, ...]
