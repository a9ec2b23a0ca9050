"""Options of a collection."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage.side_by_side import usable_cores
from lineage_schemas.level import Level

DEFAULT_MAX_MODELS = 100
"""Models that one run reads at most: a popular base has more descendants than can be read in an acceptable time."""

REMOTE_JOBS = 8
"""Models that are read from a remote Hub at a time: most of the time of each passes waiting for answers."""


def default_jobs(*, is_local: bool) -> int:
    """Return how many models are read at a time unless the user says otherwise: on a local Hub one for each core."""
    return usable_cores() if is_local else REMOTE_JOBS


@dataclass(frozen=True)
class CollectOptions:
    """Hold the limits and options of one run.

    `refresh` reads unchanged models again. `by_refs` requests a remote model's refs first, in one request, and uses the
    record if no ref moved and it was read with the same options. `level` None means by budget: a local Hub in full, a
    remote one by headers, and in full up to `max_bytes` for each model. `depth` is the number of generations to follow
    from the targets, None for all; `parents` and `children` are the directions to follow. With `pull_requests`
    every model is read again, because pull requests may change while branches and tags do not. `samples` reads a sample
    of the values of a model's weights too, and models again that were read without. `jobs` models are read at a time.
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
    samples: bool = False
    jobs: int = 1
