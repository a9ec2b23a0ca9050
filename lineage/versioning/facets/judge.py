"""All facets of two sides, each judged on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lineage.versioning.facets.chat_template import chat_template
from lineage.versioning.facets.configs import architecture, context_length, custom_code, generation, library, task
from lineage.versioning.facets.declared import base_model, datasets, evaluation, licence
from lineage.versioning.facets.documentation import documentation
from lineage.versioning.facets.formats import formats
from lineage.versioning.facets.other import other
from lineage.versioning.facets.side import Side
from lineage.versioning.facets.tokenizer import tokenizer
from lineage.versioning.facets.weights import Decided, weights
from lineage_schemas.facet import FACETS

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetName
    from lineage_schemas.licence import LicenceRelation

JUDGES: Mapping[FacetName, Callable[[Side, Side], Facet]] = {
    "weights": weights,
    "formats": formats,
    "architecture": architecture,
    "context_length": context_length,
    "tokenizer": tokenizer,
    "chat_template": chat_template,
    "generation": generation,
    "custom_code": custom_code,
    "task": task,
    "base_model": base_model,
    "licence": licence,
    "datasets": datasets,
    "evaluation": evaluation,
    "library": library,
    "documentation": documentation,
    "other": other,
}
"""The function of each facet."""


def judge(
    before: Side, after: Side, *, decided: Decided | None = None, relation: LicenceRelation | None = None
) -> tuple[Facet, ...]:
    """Judge every facet, in the order of answers; a file that cannot be read leaves the others answered.

    `decided` is what else is known of the main weights, `relation` of the licences.
    """
    known = {"weights": weights(before, after, decided), "licence": licence(before, after, relation)}
    return tuple(known[name] if name in known else JUDGES[name](before, after) for name in FACETS)
