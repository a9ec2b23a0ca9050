"""Weights: what one weight group holds, as digests."""

from __future__ import annotations

from lineage_schemas.bounded import Count
from lineage_schemas.level import Level
from lineage_schemas.record import Record
from lineage_schemas.weight_group import WeightGroup


class Weights(Record):
    """Keep the content of a weight group in the graph, keyed by its files digest.

    Filled in as deeper levels are read: a null never overwrites a known value. `dtypes` counts tensors by dtype.
    `arch` is the architecture signature. `sketch` is the format of the stored sample of values (attachment `sketch`)
    with what it covers (`unread=` and `readers=` where matrices or codes have no values in it), null if there is none;
    having one does not depend on `level`. `calls` are the names that the group's pickles would call beyond those of
    plain checkpoints; null if that was not read.
    """

    key: str
    level: Level = "metadata"
    weights: str | None = None
    content: str | None = None
    layout: str | None = None
    format: str | None = None
    tensor_count: Count | None = None
    parameter_count: Count | None = None
    byte_size: Count | None = None
    dtypes: dict[str, Count] | None = None
    arch: str | None = None
    sketch: str | None = None
    calls: tuple[str, ...] | None = None


class GroupWeights(Record):
    """Join a revision to the weights of one of its groups: what `HAS_WEIGHTS` edges are made of."""

    revision: str
    group: WeightGroup
    weights: str
