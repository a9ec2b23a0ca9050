"""Which files and facets change what a model does without a change of its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.versioning.facets.files import (
    CODE,
    COMPONENT_CONFIG,
    CONFIGS,
    MORE_TEMPLATES,
    OLD_TEMPLATE,
    SCHEDULER,
    SENTENCE_CONFIGS,
    TEMPLATE,
    tokenizer_part,
)
from lineage.versioning.facets.side import CONFIG
from lineage_schemas.facet import Facet, FacetName
from lineage_schemas.file import FileVersion

BEHAVIOUR: tuple[FacetName, ...] = (
    "architecture", "context_length", "tokenizer", "chat_template", "generation", "custom_code", "task",
)  # fmt: skip
"""Facets after whose change the same weights answer differently. Special tokens belong to the tokenizer."""

_FILES = frozenset({CONFIG, *CONFIGS, TEMPLATE, OLD_TEMPLATE, *SENTENCE_CONFIGS})


def may_change_behaviour(path: str) -> bool:
    """Return whether a loader reads a file that is not weights: its change may change what the model does."""
    patterns = (CODE, COMPONENT_CONFIG, MORE_TEMPLATES, SCHEDULER)
    return path in _FILES or tokenizer_part(path) is not None or any(each.search(path) for each in patterns)


def differing(before: Mapping[str, FileVersion], after: Mapping[str, FileVersion]) -> Iterable[str]:
    """Yield the files that may change behaviour and are not the same in two trees, in order."""
    return (
        path
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) and may_change_behaviour(path)
    )


def behaviour_facets(facets: Iterable[Facet]) -> list[Facet]:
    """Select the facets that concern behaviour."""
    return [facet for facet in facets if facet.name in BEHAVIOUR]
