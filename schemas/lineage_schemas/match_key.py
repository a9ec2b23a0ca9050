"""Match keys: what weights have in common with related weights, so that relatives are found without comparing all."""

from __future__ import annotations

from lineage_schemas.record import Record

KeyFamily = str
"""Which kind of content a key is made of: `tensor` (the digest of one tensor), `band` (a band of a sketch), `arch` (an
architecture signature), `norm` (a normalisation vector). Later versions may add families."""


class MatchKey(Record):
    """Keep one key by which weights are found. `key` is `FAMILY:` and the content (`lineage_schemas.ids.match_key`).

    Keys are made of content alone: they are never out of date, and equal on every Hub.
    """

    key: str
    family: KeyFamily


class WeightsKeys(Record):
    """List match keys of one content, by its files digest: what `HAS_KEY` edges are made of."""

    weights: str
    keys: tuple[MatchKey, ...]
