"""Whether a negative flip rate is above the limit that a project sets.

`compat --max-nfr` and a rule of the version suggestion use the same functions, so that both judge alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from lineage.versioning.compat.intervals import CONFIDENCE, RESAMPLES, SEED, Interval, draw_counts, share_interval

Judgement = Literal["within", "above", "unjudged"]

DEFAULT_LIMIT = 0.02
"""The limit of the version suggestion where a project sets none. It is our choice: the papers name none."""


def judge(found: Interval | None, limit: float | None) -> Judgement:
    """Judge one rate by the lower bound of its interval: above the limit only if chance does not explain it.

    Without a limit, or without a rate, it is unjudged.
    """
    if found is None or limit is None:
        return "unjudged"
    return "above" if found.low > limit else "within"


def missing_decide(
    lost: int,
    n: int,
    missing: int,
    limit: float,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> bool:
    """Return whether the rate could be above the limit if all `missing` instances were negative flips.

    `lost` of `n` paired instances flipped. `missing` are instances of the old version that were not paired: a new
    version that fails on them would look compatible without this.
    """
    if not missing:
        return False
    counts = (lost + missing, n - lost)
    draws = draw_counts(counts, resamples=resamples, seed=seed)
    return judge(share_interval(counts, (0,), draws=draws, confidence=confidence), limit) == "above"


def overall(judgements: Iterable[Judgement]) -> Judgement:
    """Combine judgements: one above is above; else one unjudged, or none at all, is unjudged."""
    found = set(judgements)
    if "above" in found:
        return "above"
    return "within" if found == {"within"} else "unjudged"
