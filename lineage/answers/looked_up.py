"""Reading a model's refs and history again before a question about it is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.answers.collect import run
from lineage.collect.events import NotRead, Stored, Unchanged
from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Target
from lineage.errors import HubError, with_hint
from lineage.hub.revisions import is_pull_request
from lineage.store.aliases import key_of_alias
from lineage_schemas.ids import shown_id
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView


@dataclass(frozen=True)
class Asked:
    """Hold one target with its key in the store, its id as the answer shows it, and why it was not looked up."""

    target: Target
    key: str
    shown: str
    not_looked_up: Unchecked | None


def look_up(session: Session, target: Target, options: CollectOptions) -> Asked:
    """Read the refs and the history again, unless the session is offline and the Hub is remote.

    Pull requests are read if the target is one.
    """
    hub, unread = target.hub or session.hub, None
    if is_pull_request(target.revision):
        options = replace(options, pull_requests=True)
    with session.store.reading() as view:
        key = key_of_alias(view, hub.name, target.model) or hub.key(target.model)
    if not session.offline or hub.is_local:
        try:
            for event in run(session, [Target(target.model, hub=target.hub)], options):
                if isinstance(event, NotRead):
                    unread = Unchecked(what=f"refs of {event.model}", reason=with_hint(event.detail, event.hint))
                elif isinstance(event, Stored | Unchanged):
                    key = hub.key(event.model)
        except HubError as error:
            unread = Unchecked(what=f"refs of {target.model}", reason=error.in_one_line)
    return Asked(target, key, shown_id(key, session.hub.name), unread)


def hub_to_read(session: Session, target: Target) -> Hub:
    """Return the Hub to read a target's files from: its own, or offline what the store recorded of it."""
    from lineage.collect.recorded_hub import RecordedHub

    hub = target.hub or session.hub
    return RecordedHub(hub, session.store) if session.offline and not hub.is_local else hub


def read_date(session: Session, hub: Hub, model: str) -> datetime | None:
    """Return when the data of an answer was read: now, or its date in the store if the store replaces the Hub."""
    from lineage.collect.recorded_hub import RecordedHub

    if not isinstance(hub, RecordedHub):
        return datetime.now(UTC)
    with session.store.reading() as view:
        return read_at(view, hub.key(model))


def read_at(view: StoreView, key: str) -> datetime | None:
    """Return when a model was last read from its Hub."""
    node = view.nodes("Model", [key]).get(key) or {}
    return datetime.fromisoformat(node["collected_at"]) if node.get("collected_at") else None
