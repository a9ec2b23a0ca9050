"""Other names of models: what a Hub once answered with a canonical id for, kept so that it is known offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def key_of_alias(view: StoreView, hub: str, name: str) -> str | None:
    """Find the key of the model that a Hub answered with when it was asked for `name`; None if never redirected."""
    kept = view.attachment("alias", model_key(hub, name))
    return kept.decode("utf-8") if kept is not None else None
