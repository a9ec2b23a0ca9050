"""Other names of models: names that a Hub redirected to a canonical id, stored so that they resolve offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def key_of_alias(view: StoreView, hub: str, name: str) -> str | None:
    """Return the key of the model that a Hub redirected `name` to; None if it never did."""
    kept = view.attachment("alias", model_key(hub, name))
    return kept.decode("utf-8") if kept is not None else None
