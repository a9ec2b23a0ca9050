"""Models that were renamed on their Hub since they were collected: their edges are moved to the new name.

NEXT_VERSION edges are worked out again under the new name (`lineage/collect/next_versions.py`), because a new name may
carry another version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lineage.store.graph import NodeRow
from lineage.store.records import record_of

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.graph_batch import Attachment
    from lineage_schemas.model import Model


def former_keys(view: StoreView, aliases: Iterable[Attachment]) -> dict[str, str]:
    """Map old keys to new ones, for models in the store whose name the Hub now redirects to another id."""
    moved = {alias.key: alias.data.decode() for alias in aliases}
    known = view.nodes("Model", moved)
    return {old: moved[old] for old, node in known.items() if node.get("head") or _is_named(view, old)}


def _is_named(view: StoreView, key: str) -> bool:
    """Return whether other models derive from a model that is known by name only, or name it as their next version."""
    return any(view.neighbours(kind, [key], "in") for kind in ("DERIVED_FROM", "NEXT_VERSION"))


def moved_edges(view: StoreView, former: dict[str, str]) -> Iterator[Derivation]:
    """Yield all edges of the children of renamed models, with the new name in place of the old.

    The evidence stays as it was found: it quotes the children's cards.
    """
    children = {source for source, _ in view.neighbours("DERIVED_FROM", list(former), "in")}
    for edge in view.edges("DERIVED_FROM", sorted(children - set(former)), "out"):
        yield record_of("DERIVED_FROM", edge._replace(target=former.get(edge.target, edge.target)))


def former_models(view: StoreView, former: dict[str, str]) -> Iterator[Model]:
    """Yield the records of renamed models, kept under their old keys."""
    for old, node in view.nodes("Model", former).items():
        gone = {"aliases": (), "state": "missing", "state_note": f"renamed to {former[old]}"}
        yield record_of("Model", NodeRow(old, {**node, **gone}))
