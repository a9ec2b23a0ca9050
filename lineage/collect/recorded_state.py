"""Records of models that change without a reading: the state of a model that the Hub refuses, and a new date.

Each is written only if no other process wrote since its record was read, so that a newer record is never replaced.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lineage.collect.names import publisher_of
from lineage.errors import GatedError, HubError, ModelNotFoundError
from lineage.store.graph import NodeRow
from lineage.store.records import record_of
from lineage_schemas.graph_batch import GraphBatch

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage.store.interface import GraphStore
    from lineage_schemas.model import Model, ModelState

_STATE: dict[type[HubError], ModelState] = {GatedError: "gated", ModelNotFoundError: "missing"}


def keep_state(store: GraphStore, hub: Hub, model: str, error: HubError, now: datetime) -> None:
    """Record that a model is gated or missing; what was read of it before stays. Other errors are no states.

    A model that is missing, and that the store does not know by another model's card either, is not recorded: the
    name is probably mistyped.
    """
    state, key = _STATE.get(type(error)), hub.key(model)
    while state is not None:
        mark = store.mark()
        with store.reading() as view:
            known = view.nodes("Model", [key]).get(key) or {}
        if state == "missing" and not known:
            return
        fields = {
            "hub": hub.name,
            "id": model,
            "publisher": publisher_of(model),
            **known,
            "aliases": (),
            "state": state,
            "state_note": error.message,
            "collected_at": known.get("collected_at") or now,
        }
        if store.write_since(mark, GraphBatch(models=(record_of("Model", NodeRow(key, fields)),))):
            return


def write_again(store: GraphStore, kept: Model, again: Model) -> bool:
    """Write a recorded model anew, and return True; False if another process has read it meanwhile."""
    while True:
        mark = store.mark()
        with store.reading() as view:
            node = view.nodes("Model", [kept.key]).get(kept.key)
        if node is None or record_of("Model", NodeRow(kept.key, node)) != kept:
            return False
        if store.write_since(mark, GraphBatch(models=(again,))):
            return True
