"""The share of a quantised tile's codes that return when a candidate's values are quantised again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.fingerprint.values.sketch import SampledTile
    from lineage.fingerprint.values.tensor import Floats


def share_of_codes(child: SampledTile, candidate: Floats) -> float | None:
    """Return the share of the codes of a tile that a candidate's values give; None where that cannot be told."""
    from lineage.fingerprint.values.requantise import requantise
    from lineage.fingerprint.values.requantise_gguf import returning_codes

    if child.method is None or child.values.shape != candidate.shape:
        return None
    if child.method[0].isupper():
        return returning_codes(child.method, child.values, candidate)
    found = requantise(child, candidate)
    return None if found is None or not found.compared else found.best / found.compared
