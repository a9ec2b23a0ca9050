"""Looking a model up anew before a question about its line is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lineage.answers.collect import run
from lineage.answers.lines import unchecked_target
from lineage.collect.events import NotRead
from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Target
from lineage.collect.recorded import recorded_refs
from lineage.errors import HubError
from lineage_schemas.change import Unchecked
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView


@dataclass(frozen=True)
class Asked:
    """Hold one target with what the store knew of it before it was looked at anew."""

    target: Target
    key: str
    shown: str
    heads_before: dict[str, str]
    not_looked_up: Unchecked | None


def look_up(session: Session, target: Target, options: CollectOptions) -> Asked:
    """Read the refs and history anew, as far as the session may, and remember what was known before."""
    hub = target.hub or session.hub
    key, unread = hub.key(target.model), None
    heads = _heads(session, key)
    if not session.offline or hub.is_local:
        try:
            key = hub.key(hub.resolve(target.model).model)
            heads = _heads(session, key)
            for event in run(session, [Target(target.model, hub=target.hub)], options):
                if isinstance(event, NotRead):
                    unread = Unchecked(what=f"refs of {event.model}", reason=event.detail)
        except HubError as error:
            unread = Unchecked(what=f"refs of {target.model}", reason=unchecked_target(error))
    return Asked(target, key, shown_id(key, session.hub.name), heads, unread)


def _heads(session: Session, key: str) -> dict[str, str]:
    with session.store.reading() as view:
        return {ref.name: ref.target for ref in recorded_refs(view, key)}


def read_at(view: StoreView, key: str) -> datetime | None:
    """Say when a model was last read from its Hub."""
    node = view.nodes("Model", [key]).get(key) or {}
    return datetime.fromisoformat(node["collected_at"]) if node.get("collected_at") else None
