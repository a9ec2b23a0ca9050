"""Models: repositories of type model, and what was observed of them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from lineage_schemas.bounded import Count, Integer
from lineage_schemas.history import HistorySource
from lineage_schemas.level import Level
from lineage_schemas.record import Record

ModelState = Literal["present", "gated", "missing", "unknown"]
"""Present: readable. Gated: it exists, but we have no access to its files. Missing: not on the Hub, or private.
Unknown: the Hub could not be asked."""


class Observation(Record):
    """Keep a value together with the time at which it was observed, because a Hub keeps no old values."""

    value: str | Integer | bool | None
    observed_at: AwareDatetime


class ModelObservations(Record):
    """Keep values that change on a Hub. Null means not observed.

    `family` is config.json's `model_type`; `gated` is the Hub's value (`auto`, `manual`) or false.
    """

    created: Observation | None = None
    last_modified: Observation | None = None
    downloads: Observation | None = None
    likes: Observation | None = None
    gated: Observation | None = None
    family: Observation | None = None


class FirstFacts(Record):
    """Keep what tells one repository from another one under the same name, as it was first observed.

    `created` is the Hub's creation date, `owner` the publisher's name, `root_commit` the first commit of the default
    branch's first-parent line. Null means not observed. `observed_at` is the date of the earliest of these readings.
    """

    created: AwareDatetime | None = None
    owner: str | None = None
    root_commit: str | None = None
    observed_at: AwareDatetime | None = None


class HubScan(Record):
    """Keep what the Hub's scanners said of a commit when they were asked: files with issues, each with its level.

    `done` is null if the Hub does not say whether all scans are finished; without files it said nothing at all.
    """

    commit: str
    done: bool | None
    files: tuple[tuple[str, str], ...]
    asked_at: AwareDatetime


class HubVerified(Record):
    """Keep whether the Hub had verified a model's publisher when it was asked; null if it did not say."""

    value: bool | None
    asked_at: AwareDatetime


class HubTrust(Record):
    """Keep what the Hub says of a model beside its files; null is what was not asked for."""

    scan: HubScan | None = None
    verified: HubVerified | None = None


class Model(Record):
    """Keep one repository in the graph.

    `key` is `org/name` on huggingface.co and `HUB:org/name` elsewhere. `head` is the commit that was
    collected, None while the model is known by name only; `level` is how deep its weights were read then.
    `aliases` are other names for which the Hub returned this model. `state_note` explains a state (why a
    model is missing, which files of a present one are unknown). `level_asked` and `budget` are the options with which
    the weights were read (no level: as deep as the budget allows), and `collected_by` is the version that read them;
    `budget` is None if something could not be read that may be readable later. `history_source` is where the commits
    were read, `history_incomplete` describes which of them could not be.

    `first` is what was first observed under this name: later readings fill what is null and change nothing else, so
    that a name which another repository took over is seen. `former_identities` are the repositories that had the name
    before the present one, each as it was first observed. `single_folder` says whether the model is one folder that
    was named by its path, and not a model of a Hub of several; null if that was not recorded (a store of schema 1, a
    model known by name only). `declarations` are the ids of the evidence that the last reading of its files found:
    other evidence of the same rules is older and does not count; null if that was not recorded. `trust` is what the Hub
    said of the model when a product was audited.
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
    budget: Count | None = None
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
    collected_at: AwareDatetime | None = None
    first: FirstFacts | None = None
    former_identities: tuple[FirstFacts, ...] = ()
    single_folder: bool | None = None
    declarations: tuple[str, ...] | None = None
    trust: HubTrust | None = None


class Publisher(Record):
    """Keep the account that a model belongs to."""

    key: str
    hub: str
    name: str
