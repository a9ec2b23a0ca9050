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
from lineage_schemas.answers.answer import IncompleteReason

if TYPE_CHECKING:
    from lineage.answers.audit.used import Used
    from lineage.answers.session import Session
    from lineage_schemas.level import Level

MAX_MODELS = 1_000
"""Models that an audit reads at most, ancestors included; those that the product names are all read."""


@dataclass(frozen=True)
class Reading:
    """Hold what could not be read just now: by model, the reason and its words, and parts that are not available.

    `everything` is the reason why no model could be read.
    """

    unread: dict[str, tuple[IncompleteReason, str]] = field(default_factory=dict)
    lacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    everything: str | None = None

    def why(self, model: str) -> str | None:
        """Return why a model was not read; None if it was, or if nothing was to be read."""
        found = self.unread.get(model)
        return found[1] if found else self.everything


def options_of(session: Session, *, level: Level | None, max_bytes: int, jobs: int | None) -> CollectOptions:
    """Make the options of a collection that asks for refs first, follows parents and samples values."""
    return CollectOptions(
        refresh=True, by_refs=True, level=level, max_bytes=max_bytes, max_models=MAX_MODELS, samples=True,
        jobs=jobs or default_jobs(is_local=session.hub.is_local),
    )  # fmt: skip


def read_models(session: Session, used: Sequence[Used], options: CollectOptions) -> Reading:
    """Read the models of a product with their ancestors, unless the Hub is not to be asked.

    What is unchanged since the last reading costs one request.
    """
    reading = Reading()
    targets = [
        Target(each.model, hub=None if each.hub is session.hub else each.hub)
        for each in used
        if not session.offline or each.hub.is_local
    ]
    if not targets:
        return reading
    session.open_for_threads()
    try:
        for event in run(session, targets, options):
            if isinstance(event, NotRead):
                reading.unread[event.model] = (event.reason, with_hint(event.detail, event.hint))
            elif isinstance(event, Stored) and event.lacks:
                reading.lacks[event.model] = tuple(lack.detail for lack in event.lacks if lack.decides)
            elif isinstance(event, Capped):
                reading.unread.update({model: ("limit", event.limit) for model in event.waiting})
    except HubError as error:
        return Reading(reading.unread, reading.lacks, error.in_one_line)
    return reading
