"""Models: repositories of type model, and what was observed of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from lineage_schemas.level import Level
from lineage_schemas.record import Record

ModelState = Literal["present", "gated", "missing", "unknown"]
"""Present: readable. Gated: there, but its files are not for us. Missing: the Hub knows none (or hides it).
Unknown: nobody could ask."""

HistorySource = Literal["git-partial", "git-full", "api", "folder", "cache"]
"""Where commits were read: a partial or full git fetch, the Hub's API, a plain folder, the Hub's local cache."""


class Observation(Record):
    """Keep a value together with the moment at which it was seen, because later it cannot be seen any more."""

    value: str | int | bool | None
    observed_at: datetime


class ModelObservations(Record):
    """Keep what a Hub shows today and another thing tomorrow. Null means never observed.

    `family` is config.json's `model_type`; `gated` is the Hub's word (`auto`, `manual`) or false.
    """

    created: Observation | None = None
    last_modified: Observation | None = None
    downloads: Observation | None = None
    likes: Observation | None = None
    gated: Observation | None = None
    family: Observation | None = None


class Model(Record):
    """Keep one repository in the graph.

    `key` is `org/name` on huggingface.co and `HUB:org/name` elsewhere. `head` is the commit that was
    collected, None while the model is known by name only; `level` how deep its weights were read then.
    `aliases` are other names that the Hub answered with this model for. `state_note` explains a state
    (missing or private, for one). `level_asked` and `budget` are the wishes by which the weights were read (None: as
    deep as the budget's bytes go) and `collected_by` the version that read them; `budget` is None where something
    could not be read that may be readable later. `history_source` says where the commits were read,
    `history_incomplete` what of them could not be.
    """

    key: str
    hub: str
    id: str
    state: ModelState = "unknown"
    state_note: str | None = None
    publisher: str | None = None
    head: str | None = None
    level: Level | None = None
    level_asked: Level | None = None
    budget: int | None = None
    collected_by: str | None = None
    history_source: HistorySource | None = None
    history_incomplete: str | None = None
    licence: str | None = None
    licence_name: str | None = None
    licence_link: str | None = None
    library_name: str | None = None
    pipeline_tag: str | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    observations: ModelObservations = ModelObservations()
    collected_at: datetime | None = None


class Publisher(Record):
    """Keep the account that a model stands under."""

    key: str
    hub: str
    name: str
