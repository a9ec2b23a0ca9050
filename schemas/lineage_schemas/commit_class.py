"""What a commit changes, in the categories of the study of commits, and the phase of CRISP-DM that it belongs to."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.facet import FacetName
from lineage_schemas.record import Record

CommitCategory = Literal[
    "Input Data", "Pre-processing", "Parameter Tuning", "Model Structure", "Training Infrastructure",
    "Validation Infrastructure", "Output Data", "Sharing", "Project Metadata", "External Documentation",
    "Dependency Management", "Code and Deployment", "Unknown",
]  # fmt: skip
"""Names of the studies verbatim, and one of ours; `lineage.versioning.commit_taxonomy` says which is which."""

Phase = Literal["Data Preparation", "Modeling", "Evaluation", "Deployment"]
"""Phases of CRISP-DM that commits of a model repository belong to."""

WeightEffect = Literal["none", "first_upload", "format_added", "added", "replaced", "renamed", "removed", "unknown"]
"""What a commit does to files of weights; `replaced` includes casts, whose types are in the note."""


class CommitClass(Record):
    """Hold what a commit changes.

    `phase` is null for `Unknown`. `reason` names the files, or the words of the title, that decided. `weights` is what
    happens to files of weights, `note` its details (`float32→float16`, `1 of 4 shards`). `facets` are the other aspects
    of the model that are known to change.
    """

    category: CommitCategory
    phase: Phase | None
    reason: str
    weights: WeightEffect
    facets: tuple[FacetName, ...] = ()
    note: str | None = None
