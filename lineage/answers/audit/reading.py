"""Reading the models of a product and their ancestors: one collection for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.answers.collect import run
from lineage.collect.events import Capped, NotRead, Stored
from lineage.collect.options import CollectOptions, default_jobs
from lineage.collect.pipeline import Target
from lineage.errors import HubError, with_hint
from lineage_schemas.answers.incomplete import IncompleteReason
from lineage_schemas.ids import split_model_key

if TYPE_CHECKING:
    from lineage.answers.audit.used import Used
    from lineage.answers.session import Session
    from lineage_schemas.level import Level

MAX_MODELS = 1_000
"""Models that an audit reads at most, ancestors included; those that the product names are all read."""


@dataclass(frozen=True)
class Reading:
    """Hold what could not be read just now: by key, the reason and its words, and parts that are not available.

    `everything` has the reason why no model of a Hub could be read, by the Hub's name.
    """

    unread: dict[str, tuple[IncompleteReason, str]] = field(default_factory=dict)
    lacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    everything: dict[str, str] = field(default_factory=dict)

    def why(self, key: str) -> str | None:
        """Return why a model was not read; None if it was, or if nothing was to be read."""
        found = self.unread.get(key)
        return found[1] if found else self.everything.get(split_model_key(key)[0])

    def add(self, other: Reading) -> None:
        """Add what another reading could not read."""
        self.unread.update(other.unread)
        self.lacks.update(other.lacks)
        self.everything.update(other.everything)


def options_of(session: Session, *, level: Level | None, max_bytes: int, jobs: int | None) -> CollectOptions:
    """Make the options of a collection that asks for refs first, follows parents and samples values."""
    return CollectOptions(
        refresh=True, by_refs=True, level=level, max_bytes=max_bytes, max_models=MAX_MODELS, samples=True,
        jobs=jobs or default_jobs(is_local=session.hub.is_local),
    )  # fmt: skip


def read_models(session: Session, used: Sequence[Used], options: CollectOptions) -> Reading:
    """Read the models of a product with their ancestors, unless the Hub is not to be asked.

    What is unchanged since the last reading costs one request. The models of each Hub are read by themselves: the
    parents that a card names are on the Hub of the card.
    """
    found = Reading()
    by_hub: dict[str, list[Used]] = {}
    for each in used:
        if not session.offline or each.hub.is_local:
            by_hub.setdefault(each.hub.name, []).append(each)
    for there in by_hub.values():
        found.add(_read(there[0].session, [each.model for each in there], options))
    return found


def _read(session: Session, models: Sequence[str], options: CollectOptions) -> Reading:
    """Read the models of one Hub, and their ancestors there."""
    found, key = Reading(), session.hub.key
    session.open_for_threads()
    try:
        for event in run(session, [Target(model) for model in models], options):
            if isinstance(event, NotRead):
                found.unread[key(event.model)] = (event.reason, with_hint(event.detail, event.hint))
            elif isinstance(event, Stored) and event.lacks:
                found.lacks[key(event.model)] = tuple(lack.detail for lack in event.lacks if lack.decides)
            elif isinstance(event, Capped):
                found.unread.update({key(model): ("limit", event.limit) for model in event.waiting})
    except HubError as error:
        found.everything[session.hub.name] = error.in_one_line
    return found
