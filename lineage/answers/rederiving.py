"""`lineage store rederive`: work out all edges between models again, from the stored evidence."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lineage.answers.store import need_store
from lineage.collect.at_rest import edges_at_rest
from lineage.collect.next_versions import next_versions_at_rest
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
    models = edges = versions = 0
    changed: set[str] = set()
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
            found, relinked = _relink_versions(session, [*wanted])
            versions, changed = versions + found, changed | {*differing} | relinked
            task.advance(len(rows))
            if len(rows) < MODELS_AT_ONCE:
                break
            after = rows[-1].key
    return StoreRederiveAnswer(
        **session.header("store-rederive.v1", None, hub=None),
        store=session.store.url,
        models=models,
        derivations=edges,
        changed=tuple(sorted(changed)),
        next_versions=versions,
    )


def _relink_versions(session: Session, keys: list[str]) -> tuple[int, set[str]]:
    """Work out the edges to and from the versions before and after some models, and write those that differ.

    Returns how many of the models' next versions there are, and the models whose edges changed.
    """
    with session.store.reading() as view:
        wanted = next_versions_at_rest(view, keys)
        rows = [edge for direction in ("out", "in") for edge in view.edges("NEXT_VERSION", keys, direction)]
    stored = {(edge.source, edge.target): record_of("NEXT_VERSION", edge) for edge in rows}
    now = {(edge.model, edge.next): edge for edge in wanted.edges}
    differing = {pair for pair in {*stored, *now} if stored.get(pair) != now.get(pair)}
    if differing:
        session.store.write(
            GraphBatch(evidence=wanted.evidence, next_versions=wanted.edges, replace_next_versions_of=wanted.of)
        )
    own = set(keys)
    return sum(edge.model in own for edge in wanted.edges), {key for pair in differing for key in pair if key in own}


def _present(view: StoreView, keys: list[str]) -> dict[str, list[Derivation]]:
    """Read the edges of models as they are stored, in order of parent."""
    found: defaultdict[str, list[Derivation]] = defaultdict(list)
    for edge in view.edges("DERIVED_FROM", keys, "out"):
        found[edge.source].append(record_of("DERIVED_FROM", edge))
    return found
