"""Weight groups: the files that together hold one copy of a component's parameters."""

from __future__ import annotations

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record


class WeightGroup(Record):
    """List the files of one copy of the parameters of one component in one format and variant.

    `name` does not change when shards become one file: it is the component's folder and the stem without
    shard numbers, such as `model.safetensors` or `text_encoder/model.fp16.safetensors`. `files` are paths in
    order. `declared_shards` is N of `-of-N` (or of the index), `complete` whether all of them exist;
    None if no number is declared. `main` marks the group that the standard loader loads; at most one.
    `index` is the path of the index file that lists the shards, if there is one.
    """

    name: str
    format: str
    component: str = ""
    variant: str | None = None
    files: tuple[str, ...]
    declared_shards: Count | None = None
    complete: bool | None = None
    index: str | None = None
    main: bool = False
