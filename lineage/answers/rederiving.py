"""`lineage store rederive`: work out all edges between models again, from the stored evidence and weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lineage.answers.store import need_store
from lineage.collect.descent import Descent, NewWeights, descent
from lineage.collect.measured import lacking_keys
from lineage.collect.members import KnownWeights
from lineage.collect.next_versions import rewrite_next_versions
from lineage.store.records import record_of
from lineage_schemas.answers.store import StoreRederiveAnswer
from lineage_schemas.graph_batch import GraphBatch

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.match_key import WeightsKeys

MODELS_AT_ONCE = 500
"""Models whose edges are worked out and written in one transaction, with those of their families."""


def store_rederive(session: Session) -> StoreRederiveAnswer:
    """Work out the edges of every model from its stored evidence and sampled weights, and write those that differ.

    No Hub is opened. Stopped in the middle, the models so far have their new edges and the others their old ones: the
    next run does the rest. Raises InputError if there is no store.
    """
    need_store(session.store)
    known, done = KnownWeights(), set[str]()
    edges = versions = 0
    changed: set[str] = set()
    after: str | None = None
    with session.store.reading() as view:
        total = view.count("Model")
    with session.progress.task("working out edges", total=total, unit="models") as task:
        while True:
            mark = session.store.mark()
            with session.store.reading() as view:
                rows = view.find("Model", {}, after=after, limit=MODELS_AT_ONCE)
                wanted = [row.key for row in rows if row.properties.get("head") and row.key not in done]
                keys = lacking_keys(view, wanted)
                found = descent(view, known, wanted, new=NewWeights(keys={each.weights: each for each in keys}))
                present = _present(view, found.children)
            differing = [key for key in found.children if found.of(key) != present[key]]
            batch = _batch(found, differing, keys)
            if batch is not None and not session.store.write_since(mark, batch):
                continue  # another process wrote meanwhile: the same models again
            edges += sum(len(found.of(key)) for key in found.children if key not in done)
            own = [row.key for row in rows if row.properties.get("head")]
            count, relinked = rewrite_next_versions(session.store, own)
            versions += count
            changed |= relinked | {key for key in differing if key not in done}
            done |= {*found.children}
            task.advance(len(rows))
            if len(rows) < MODELS_AT_ONCE:
                break
            after = rows[-1].key
    return StoreRederiveAnswer(
        **session.header("store-rederive.v1", None, hub=None),
        store=session.store.url,
        models=len(done),
        derivations=edges,
        changed=tuple(sorted(changed)),
        next_versions=versions,
    )


def _batch(found: Descent, differing: Collection[str], keys: Sequence[WeightsKeys]) -> GraphBatch | None:
    """Make what is to be written: the edges of models that differ, with their evidence, and missing match keys."""
    if not differing and not keys and not found.stale:
        return None
    return GraphBatch(
        evidence=found.evidence,
        drop_evidence=found.stale,
        derivations=tuple(edge for key in differing for edge in found.of(key)),
        replace_derivations_of=tuple(differing),
        match_keys=tuple(keys),
        related=found.related,
        replace_related_of=found.children,
    )


def _present(view: StoreView, keys: Collection[str]) -> dict[str, tuple[Derivation, ...]]:
    """Read the edges of models as they are stored, in order of parent."""
    found: defaultdict[str, list[Derivation]] = defaultdict(list)
    for edge in view.edges("DERIVED_FROM", list(keys), "out"):
        found[edge.source].append(record_of("DERIVED_FROM", edge))
    return defaultdict(tuple, {key: tuple(own) for key, own in found.items()})
