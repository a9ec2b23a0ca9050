"""The edges that a reading changes: those of the model, and those of every model of the families that it is in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.collect.family import FamilyFinder, declared_with, edges_of, neighbours
from lineage.collect.members import KnownWeights, MemberReader, Present, WeightsRead
from lineage.derivation.at_rest import MEASURED
from lineage_schemas.match_key import WeightsKeys

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.evidence import Evidence
    from lineage_schemas.relatedness import Relatedness


@dataclass(frozen=True)
class NewWeights:
    """Hold what a reading adds to the weights that the store knows: by digest."""

    read: Mapping[str, WeightsRead] = field(default_factory=dict)
    keys: Mapping[str, WeightsKeys] = field(default_factory=dict)


NOTHING_NOW: Mapping[str, Present | None] = {}
NOTHING_NEW = NewWeights()


@dataclass(frozen=True)
class Descent:
    """Hold all edges of some children as they are now, and what is out of date in the store.

    `children` are the models whose edges and relatives these are, `stale` the ids of evidence that no edge rests on any
    more.
    """

    children: tuple[str, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    related: tuple[Relatedness, ...] = ()
    stale: tuple[str, ...] = ()

    def of(self, child: str) -> tuple[Derivation, ...]:
        """Return the edges of one model, in order of parent."""
        return tuple(each for each in self.derivations if each.child == child)


def descent(
    view: StoreView, known: KnownWeights, models: Iterable[str],
    now: Mapping[str, Present | None] = NOTHING_NOW, new: NewWeights = NOTHING_NEW,
) -> Descent:  # fmt: skip
    """Work out the edges of models, and of all models of the families that they are in or were in.

    `now` are models that are read at this moment, as they will be stored, and None under their former names. The result
    follows from the store and these alone: it does not depend on the order in which models were collected.
    """
    known.forget(new.read)
    reader = MemberReader(view, known, now, new.read)
    finder = FamilyFinder(reader, known, new.keys)
    asked = sorted({*models, *now})
    todo = [*asked, *sorted(neighbours(reader, asked)), *declared_with(reader, asked)]
    done: dict[str, tuple[Derivation, ...]] = {}
    evidence: dict[str, Evidence] = {}
    related: dict[tuple[str, str], Relatedness] = {}
    for key in todo:
        if key in done:
            continue
        found = finder.of(key)
        if found is None:
            present = reader.present(key)
            if present is not None:
                done[key] = present.declared
            continue
        edges = edges_of(found, reader, known)
        for child in found.children:
            done[child] = tuple(each for each in edges.derivations if each.child == child)
        evidence.update({each.id: each for each in edges.evidence})
        related.update({(each.model, each.other): each for each in edges.related})
    return Descent(
        tuple(sorted(done)),
        tuple(each for key in sorted(done) for each in done[key]),
        tuple(evidence[key] for key in sorted(evidence)),
        tuple(related[key] for key in sorted(related)),
        _stale(view, done, evidence),
    )


def _stale(view: StoreView, children: Collection[str], evidence: Collection[str]) -> tuple[str, ...]:
    """List the stored evidence from weights about some children that is not found any more."""
    rows = view.find_any("Evidence", "child", sorted(children))
    return tuple(sorted(row.key for row in rows if row.properties["rule"] in MEASURED and row.key not in evidence))
