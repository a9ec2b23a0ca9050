"""Everything that no other facet reads, so that no change is lost: settings without a known effect, other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.hub.declared.recipe import RECIPES
from lineage.versioning.facets.comparison import Comparison
from lineage.versioning.facets.config_fields import facet_of
from lineage.versioning.facets.configs import GENERATION_CONFIG, compare_configs
from lineage.versioning.facets.documentation import is_document
from lineage.versioning.facets.files import (
    CODE,
    CONFIGS,
    EVALUATION,
    LICENCE_TEXT,
    MODULES,
    MORE_TEMPLATES,
    OLD_TEMPLATE,
    REQUIREMENTS,
    SCHEDULER,
    SENTENCE_CONFIGS,
    TEMPLATE,
    TOKENIZER_CONFIG,
    config_paths,
    tokenizer_part,
)
from lineage.versioning.facets.side import CARD, CONFIG, Side
from lineage.versioning.facets.tokenizer import FILE_NAMES

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet

_NAMED = frozenset({CARD, CONFIG, *CONFIGS, *SENTENCE_CONFIGS, *RECIPES, MODULES, OLD_TEMPLATE, REQUIREMENTS, TEMPLATE})
_PATTERNS = (EVALUATION, LICENCE_TEXT, MORE_TEMPLATES, SCHEDULER)


def other(before: Side, after: Side) -> Facet:
    """Compare the settings of configs that no facet claims, and all other files by their bytes."""
    found = Comparison("other", before, after)
    listed = before.paths | after.paths
    compare_configs(found)
    for path in SENTENCE_CONFIGS:
        if path in before.files or path in after.files:
            found.fields(path, _is_other_setting, prefix=f"{path[:-5]}.")
    for path in sorted(path for path in listed if tokenizer_part(path) == TOKENIZER_CONFIG):
        found.fields(path, lambda key: key in FILE_NAMES, prefix=f"{path[:-5]}.")
    found.fields(GENERATION_CONFIG, lambda key: key == "_from_model_config", prefix="generation_config.")
    configs = config_paths(listed)
    weights = {
        path for side in (before, after) for each in side.groups for path in (*each.group.files, each.group.index)
    }
    found.by_hash(path for path in listed if path not in weights and path not in configs and not is_claimed(path))
    for side in (before, after):
        if side.snapshot.partial:
            found.unjudged(side, f"files may be missing from the list: {side.snapshot.partial}")
    return found.facet()


def _is_other_setting(key: str) -> bool:
    return facet_of(key) != "context_length" and not key.startswith("__version__")


def is_claimed(path: str) -> bool:
    """Return whether another facet than weights reads a file."""
    if path in _NAMED or tokenizer_part(path) is not None or is_document(path) or CODE.search(path):
        return True
    return any(pattern.fullmatch(path) for pattern in _PATTERNS)
