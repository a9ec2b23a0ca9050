"""`lineage store rederive`: work out all edges between models again, from the stored evidence."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lineage.answers.store import need_store
from lineage.collect.at_rest import edges_at_rest
from lineage.store.records import record_of
from lineage_schemas.answers.store import StoreRederiveAnswer
from lineage_schemas.graph_batch import GraphBatch

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Derivation

MODELS_AT_ONCE = 500
"""Models whose edges are worked out and written in one transaction."""


def store_rederive(session: Session) -> StoreRederiveAnswer:
    """Work out the edges of every model from its stored evidence, and write those that differ.

    No Hub is opened. Stopped in the middle, the models so far have their new edges and the others their old ones: the
    next run does the rest. Raises InputError if there is no store.
    """
    need_store(session.store)
    models = edges = 0
    changed: list[str] = []
    after: str | None = None
    with session.store.reading() as view:
        total = view.count("Model")
    with session.progress.task("working out edges", total=total, unit="models") as task:
        while True:
            with session.store.reading() as view:
                rows = view.find("Model", {}, after=after, limit=MODELS_AT_ONCE)
                wanted = edges_at_rest(view, {row.key: row.properties for row in rows})
                present = _present(view, [*wanted])
            differing = {key: found for key, found in wanted.items() if list(found) != present[key]}
            if differing:
                derivations = tuple(edge for found in differing.values() for edge in found)
                session.store.write(GraphBatch(derivations=derivations, replace_derivations_of=tuple(differing)))
            models, edges = models + len(wanted), edges + sum(map(len, wanted.values()))
            changed += differing
            task.advance(len(rows))
            if len(rows) < MODELS_AT_ONCE:
                break
            after = rows[-1].key
    return StoreRederiveAnswer(
        **session.header("store-rederive.v1", None, hub=None),
        store=session.store.url,
        models=models,
        derivations=edges,
        changed=tuple(changed),
    )


def _present(view: StoreView, keys: list[str]) -> dict[str, list[Derivation]]:
    """Read the edges of models as they are stored, in order of parent."""
    found: defaultdict[str, list[Derivation]] = defaultdict(list)
    for edge in view.edges("DERIVED_FROM", keys, "out"):
        found[edge.source].append(record_of("DERIVED_FROM", edge))
    return found
