"""What a person may ask of a collection."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.settings import DEFAULT_MAX_BYTES
from lineage_schemas.level import Level

DEFAULT_MAX_MODELS = 100
"""Models that one run reads at most: a popular base has more descendants than anybody waits for."""


@dataclass(frozen=True)
class CollectOptions:
    """Hold the limits and wishes of one run.

    `refresh` reads what has not moved too. `by_refs` asks for a remote model's refs first, one request, and takes the
    record where none of them moved and it was read by the same wishes. `level` None means by budget: a local Hub in
    full, a remote one by headers, and in full what stays under `max_bytes` a model. `depth` counts generations
    followed from the targets, None all of them; `parents` and `children` say in which direction. With `pull_requests`
    every model is read again, because pull requests may change while branches and tags do not.
    """

    refresh: bool = False
    by_refs: bool = False
    level: Level | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    max_models: int = DEFAULT_MAX_MODELS
    depth: int | None = None
    parents: bool = True
    children: bool = False
    pull_requests: bool = False
