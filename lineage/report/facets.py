"""Words for facets, shared by the text formats: what each is called, and its changes in a few words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.phrases import shortened
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChange, FacetState

NAMES = {
    "weights": "weights",
    "formats": "formats",
    "architecture": "architecture",
    "context_length": "context length",
    "tokenizer": "tokenizer",
    "chat_template": "chat template",
    "generation": "generation defaults",
    "custom_code": "custom code",
    "task": "task and labels",
    "base_model": "base model",
    "licence": "licence",
    "datasets": "datasets",
    "evaluation": "evaluation results",
    "library": "library",
    "documentation": "documentation",
    "other": "other",
}
"""What each facet is called."""

SHOWN_VALUE = 40
"""Characters of a value beside its field; a longer one is left out."""

SHOWN_FILES = 2
"""Files that the note of a facet names before it counts the others."""

_ID = re.compile(r'"[a-z0-9]+(\.v[0-9]+)?:[0-9a-f]{32}')
"""The hash of a file or of weights, which a reader cannot use."""

_STATES: tuple[tuple[FacetState, str], ...] = (
    ("changed", "changed"),
    ("unjudged", "not judged"),
    ("same", "the same"),
)


def counts(facets: Sequence[Facet]) -> str:
    """Count the facets by their state: `Facets: 2 changed, 1 not judged, 13 the same`."""
    found = Counter(each.state for each in facets)
    return f"Facets: {', '.join(f'{found[state]} {words}' for state, words in _STATES if found[state])}"


def change(each: FacetChange) -> str:
    """Write one change in a few words: `hidden_size 64 → 128`, `vocabulary appended 32000 → 32005`."""
    if each.before is None or each.after is None:
        value = each.before if each.after is None else each.after
        is_name = value is None or _ID.match(value) or value.strip('"') in each.field
        return f"{each.field} {each.kind}" + ("" if is_name else f": {cut(value or '', SHOWN_VALUE)}")
    verb = "" if each.kind == "changed" else f" {each.kind}"
    if max(len(each.before), len(each.after)) > SHOWN_VALUE:
        return f"{each.field}{verb or ' changed'}"
    return f"{each.field}{verb} {each.before} → {each.after}"


def unjudged(facet: Facet) -> str:
    """Write what of a facet was not judged, with the first reason."""
    names = list(dict.fromkeys(each.pointer.file for each in facet.unjudged if each.pointer.file))
    rest = len(names) - SHOWN_FILES
    files = ", ".join(names[:SHOWN_FILES]) + (f" and {rest:,} more" if rest > 0 else "")
    reason = shortened(facet.unjudged[0].reason)
    return f"not judged: {files}: {reason}" if files else f"not judged: {reason}"
