"""Facets that consist of fields of configs: architecture, context length, generation defaults, task, code, library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lineage.versioning.facets.comparison import Comparison, Place, top_level, values_of
from lineage.versioning.facets.config_fields import facet_of, fields_of
from lineage.versioning.facets.files import (
    CODE,
    MODULES,
    PROCESSORS,
    REQUIREMENTS,
    SCHEDULER,
    SENTENCE_CONFIGS,
    TOKENIZER_CONFIG,
    config_paths,
    tokenizer_part,
)
from lineage.versioning.facets.side import CARD, CONFIG, NotAtHand, Side

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet

GENERATION_CONFIG = "generation_config.json"
_ABOUT_THE_FILE = frozenset({"transformers_version", "_from_model_config"})
_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*(\[[^\]]*\])?")


def architecture(before: Side, after: Side) -> Facet:
    """Compare the fields of configs that shape the network, those of nested configs and of components too."""
    found = Comparison("architecture", before, after)
    compare_configs(found)
    found.by_hash([MODULES] if _listed(found, MODULES) else [])
    return found.facet()


def context_length(before: Side, after: Side) -> Facet:
    """Compare how many tokens a model takes, and how positions are computed; numbers grow or shrink."""
    found = Comparison("context_length", before, after)
    for path in config_paths(before.paths | after.paths):
        _grown_or_shrunk(found, path)
    for path in (*_settings(found, TOKENIZER_CONFIG), *(path for path in SENTENCE_CONFIGS if _listed(found, path))):
        _grown_or_shrunk(found, path)
    return found.facet()


def generation(before: Side, after: Side) -> Facet:
    """Compare the defaults of generation: generation_config.json, such fields of configs, a pipeline's scheduler."""
    found = Comparison("generation", before, after)
    found.fields(GENERATION_CONFIG, lambda key: key not in _ABOUT_THE_FILE)
    compare_configs(found)
    for path in sorted(path for path in before.paths | after.paths if SCHEDULER.fullmatch(path)):
        found.fields(path, lambda key: facet_of(key) != "library", prefix=_prefix(path))
    return found.facet()


def custom_code(before: Side, after: Side) -> Facet:
    """Compare the code that a loader runs: `auto_map` of configs, and files of code by their bytes."""
    found = Comparison("custom_code", before, after)
    compare_configs(found)
    for path in _settings(found, TOKENIZER_CONFIG, *PROCESSORS):
        found.fields(path, fields_of("custom_code"), prefix=_prefix(path))
    found.by_hash(path for path in before.paths | after.paths if CODE.search(path))
    for side in (before, after):
        if side.snapshot.partial and "auto_map" in side.object(CONFIG).fields:
            found.unjudged(side, f"files of code may be missing from the list: {side.snapshot.partial}")
    return found.facet()


def library(before: Side, after: Side) -> Facet:
    """Compare the library that a model is for and the versions that its files name."""
    found = Comparison("library", before, after)
    found.fields(CARD, top_level("library_name"))
    compare_configs(found)
    schedulers = sorted(path for path in before.paths | after.paths if SCHEDULER.fullmatch(path))
    for path in (GENERATION_CONFIG, *schedulers, *_settings(found, TOKENIZER_CONFIG, *PROCESSORS)):
        found.fields(path, fields_of("library"), prefix=_prefix(path))
    if _listed(found, SENTENCE_CONFIGS[1]):
        found.fields(SENTENCE_CONFIGS[1], lambda key: key.startswith("__version__"))
    if _listed(found, REQUIREMENTS) and found.differs(REQUIREMENTS) is not False:
        _requirements(found)
    return found.facet()


def task(before: Side, after: Side) -> Facet:
    """Compare the task that the card names, and the labels that a classifier returns."""
    found = Comparison("task", before, after)
    found.fields(CARD, top_level("pipeline_tag"))
    for path in config_paths(before.paths | after.paths):
        _labels(found, path)
    return found.facet()


def compare_configs(found: Comparison) -> None:
    """Compare the fields of all configs that belong to a facet."""
    for path in config_paths(found.before.paths | found.after.paths):
        found.fields(path, fields_of(found.name), prefix=_prefix(path))


def _settings(found: Comparison, *names: str) -> list[str]:
    """List the settings of tokenizers and processors of those names, in all folders."""
    listed = found.before.paths | found.after.paths
    may_be = [name for name in names if name == TOKENIZER_CONFIG and name not in listed and _listed(found, name)]
    return [*may_be, *sorted(path for path in listed if tokenizer_part(path) in names)]


def _prefix(path: str) -> str:
    """Name the config in front of its fields, except for config.json itself."""
    return "" if path == CONFIG else path.removesuffix("/config.json").removesuffix(".json") + "."


def _listed(found: Comparison, path: str) -> bool:
    """Return whether a side has a file, or may have it."""
    return any(path in side.files or side.may_have(path) for side in (found.before, found.after))


def _grown_or_shrunk(found: Comparison, path: str) -> None:
    """Compare the context fields of a config; of two numbers one is larger."""
    sides = found.objects_of(path, fields_of("context_length"))
    if sides is None:
        return
    old, new = sides
    for key in sorted(old.keys() | new.keys()):
        values = values_of(old, new, key)
        place = Place(path, key)
        name = _prefix(path) + key
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            if values[0] != values[1]:
                found.change(name, values, place, kind="grown" if values[0] < values[1] else "shrunk")
        else:
            found.value(name, values, place)


def _labels(found: Comparison, path: str) -> None:
    """Compare the task fields of a config, labels by their numbers."""
    sides = found.objects_of(path, fields_of("task"))
    if sides is None:
        return
    old, new = sides
    for key in sorted(old.keys() | new.keys()):
        values = values_of(old, new, key)
        if all(isinstance(value, dict) for value in values) and values[0] != values[1]:
            appended = values[0].items() <= values[1].items() if _are_plain(*values) else False
            removed = values[1].items() <= values[0].items() if _are_plain(*values) else False
            kind: Any = "appended" if appended else "removed" if removed else "changed"
            found.change(_prefix(path) + key, values, Place(path, key), kind=kind)
        else:
            found.value(_prefix(path) + key, values, Place(path, key))


def _are_plain(*labels: dict[str, Any]) -> bool:
    """Return whether all labels are texts or numbers."""
    return all(
        isinstance(value, str | int) and not isinstance(value, bool) for each in labels for value in each.values()
    )


def _requirements(found: Comparison) -> None:
    """Compare the packages that requirements.txt names, each with its version."""
    sides = [_packages(side) for side in (found.before, found.after)]
    for side, read in zip((found.before, found.after), sides, strict=True):
        if isinstance(read, NotAtHand):
            found.unjudged(side, read.reason, REQUIREMENTS)
    old, new = sides
    if isinstance(old, NotAtHand) or isinstance(new, NotAtHand):
        return
    for name in sorted(old.keys() | new.keys()):
        found.value(name, values_of(old, new, name), Place(REQUIREMENTS, name))


def _packages(side: Side) -> dict[str, str] | NotAtHand:
    """Read the lines of requirements.txt: package to version; a line of another form is its own name."""
    if REQUIREMENTS not in side.files:
        return {}
    content = side.text(REQUIREMENTS)
    if isinstance(content, NotAtHand):
        return content
    found: dict[str, str] = {}
    for raw in content.decode("utf-8", "replace").splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        match = _PACKAGE.match(line)
        name = match[0] if match else line
        if name:
            rest = line[len(name) :].strip()
            found[name] = f"{found[name]}\n{rest}" if name in found else rest
    return found
