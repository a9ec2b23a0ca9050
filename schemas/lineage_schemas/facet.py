"""Facets: what one aspect of a model is on two sides, and what of it changed."""

from __future__ import annotations

from typing import Literal, get_args

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

FacetName = Literal[
    "weights",
    "formats",
    "architecture",
    "context_length",
    "tokenizer",
    "chat_template",
    "generation",
    "custom_code",
    "task",
    "base_model",
    "licence",
    "datasets",
    "evaluation",
    "library",
    "documentation",
    "other",
]

FACETS: tuple[FacetName, ...] = get_args(FacetName)
"""All facets, in the order of answers. `other` has the files and settings that no other facet reads."""

FacetState = Literal["same", "changed", "unjudged"]

FacetChangeKind = Literal[
    "added",
    "removed",
    "changed",
    "appended",
    "replaced",
    "grown",
    "shrunk",
    "narrower",
    "wider",
    "reserialised",
    "renamed",
    "partial",
    "retrained",
    "reshaped",
    "cast",
    "requantised",
]


class FacetChange(Record):
    """One thing that changed in a facet.

    `field` says what: a field of a file, such as `hidden_size`, else a path or a name such as `vocabulary`. The pointer
    names the later side, or the earlier one for what is gone. `before` and `after` are JSON text, null if absent; a
    text longer than 2,000 characters is cut there and ends in `…`, and then the SHA-256 is that of the whole text.

    `appended` keeps everything that was there and adds more at the end; `replaced` means other bytes that were not
    compared. `grown` and `shrunk` compare numbers, `narrower` and `wider` terms of licences. The kinds of weights are
    those of `weights.kind` in `lineage diff`.
    """

    kind: FacetChangeKind
    field: str
    before: str | None = None
    after: str | None = None
    before_sha256: str | None = None
    after_sha256: str | None = None
    note: str | None = None
    pointer: Pointer


class Unjudged(Record):
    """A file, or a field of one, that could not be compared, on the side that the pointer names, and why."""

    pointer: Pointer
    reason: str


class Facet(Record):
    """What is known of one facet on two sides.

    `changed` means that at least one change is known, `unjudged` that none is known and something could not be
    compared. A changed facet may have `unjudged` parts too: more of it may have changed. `before` and `after` are JSON
    objects that map the changed fields to their values, cut like those of a change, and null unless the facet changed.
    At most 50 changes are listed; `more_changes` counts the others. Of more than 50 unjudged entries, the last one
    counts the rest.
    """

    name: FacetName
    state: FacetState
    before: str | None = None
    after: str | None = None
    before_sha256: str | None = None
    after_sha256: str | None = None
    changes: tuple[FacetChange, ...] = ()
    more_changes: int = 0
    unjudged: tuple[Unjudged, ...] = ()
