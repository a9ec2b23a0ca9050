"""Rules on configs: architecture, context, task, base model, code and generation defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lineage.hub.declared.declaration import read_name
from lineage.hub.legacy_names import legacy_name
from lineage.versioning.facets.config_fields import facet_of, is_known_without_effect
from lineage.versioning.facets.files import MODULES, may_name_code
from lineage.versioning.facets.side import CONFIG, NotAtHand, Side
from lineage.versioning.suggest.files import ENDPOINT, may_be_loaded
from lineage.versioning.suggest.fired import (
    Between,
    Fired,
    Found,
    Open,
    fire,
    is_off,
    last_name,
    same_members,
    still_open,
    value_of,
)  # fmt: skip

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChange

LENGTHS = re.compile(
    r"(^|_)(max_position_embeddings|max_source_positions|max_target_positions|max_seq_len|max_seq_length"
    r"|max_sequence_length|max_context_length|context_length|model_max_length|n_ctx|n_positions|seq_len|seq_length"
    r"|sliding_window|sliding_window_size|attention_window|attention_chunk_size)$"
)
"""Fields that hold how many tokens the model takes; the others of the facet say how positions are counted."""

WRITTEN_DEFAULTS = {
    "position_embedding_type": ("absolute", None),
    "rope_theta": (10_000, frozenset({"gemma", "llama", "mistral", "olmo", "phi", "phi3", "qwen2", "stablelm"})),
}
"""Defaults of transformers that newer versions write, with the types of models that have them; None for all types."""

CODE_FIELDS = ("auto_map", "custom_pipelines", "custom_generate")
"""Fields of configs that name code of the repository."""

FOREIGN_MODULE = re.compile(rb'"type"\s*:\s*"(?!sentence_transformers\.)')
"""A module of sentence-transformers that is not one of its own."""

UNSET = 10**29
"""Tokenizers write a number above this for a context length that is not known."""


def architecture(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for fields that shape the network; a vocabulary that grows is judged by its tokens and rows."""
    for change in facet.changes:
        if last_name(change) == "vocab_size" and _numbers(change) and _grows(change):
            yield fire("vocabulary-appended", change)
        elif is_off(change) or same_members(change) or _is_default(between, change):
            yield fire("metadata-change", change)
        else:
            yield fire("architecture-change", change)
    yield from still_open(facet, "major")


def context_length(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for a context that shrinks or grows, also by the factor of a scaling."""
    for change in facet.changes:
        old, new = _lengths(change)
        if old is None and new is None and not LENGTHS.search(change.field):
            without_effect = is_off(change) or _is_default(between, change)
            yield fire("metadata-change" if without_effect else "context-grown", change)
        elif old == new or is_off(change):
            yield fire("metadata-change", change)
        elif new is not None and (old is None if _limits_attention(change) else old is not None and new < old):
            yield fire("context-shrunk", change)
        else:
            yield fire("context-grown", change)
    yield from still_open(facet, "major")


def _is_default(between: Between, change: FacetChange) -> bool:
    """Return whether a field came or went with the value that it has where it is not written."""
    value, types = WRITTEN_DEFAULTS.get(change.field, (None, None))
    if value is None or change.kind not in ("added", "removed"):
        return False
    written = value_of(change.after if change.kind == "added" else change.before)
    models = {side.object(CONFIG).fields.get("model_type") for side in (between.before, between.after)}
    return bool(written == value) and (types is None or models <= types)


def task(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for another task or other labels; a task that is declared for the first time is metadata."""
    for change in facet.changes:
        declared = last_name(change) in ("pipeline_tag", "finetuning_task", "problem_type")
        is_new = declared and change.kind in ("added", "removed")
        yield fire("metadata-change" if is_new or is_off(change) else "task-change", change)
    yield from still_open(facet, "major")


def base_model(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for another base, as the card, an adapter or a recipe names it; a folder of the publisher stays open."""
    for change in facet.changes:
        if change.kind == "replaced":
            pointer, note = change.pointer, "the recipe has other bytes, which were not compared"
            yield Fired("metadata-change", pointer, change.field, change.before, change.after, note)
            continue
        is_other = _is_other_base(between, change)
        yield fire("base-model-change" if is_other else "metadata-change", change)
        if is_other is None:
            reason = f"{change.field} names a folder of the publisher: it is not known whether it is the same base"
            yield Open("base_model", change.pointer, reason, "major", "base-model-change")
    yield from still_open(facet, "major")


def _is_other_base(between: Between, change: FacetChange) -> bool | None:
    """Return whether a change names another base, and not a first one or the model's own name; None if not known."""
    if change.kind in ("added", "removed") or last_name(change) in ("base_model_relation", "parent_library"):
        return False
    if last_name(change) == "revision":
        return True
    old, new = (_bases(text) for text in (change.before, change.after))
    if last_name(change) not in ("_name_or_path", "name_or_path"):
        return None if None in (old, new) else old != new
    if old is None or new is None:
        return False  # training scripts write the folder from which they loaded the model
    owner = between.after.snapshot.model.partition("/")[0].lower()
    if any(each.startswith(f"{owner}/") for each in old | new):
        return False
    return {each.rpartition("/")[2] for each in old} != {each.rpartition("/")[2] for each in new}


def _bases(text: str | None) -> frozenset[str] | None:
    """Return the ids of the repositories that a value names; None if one of them is not a repository.

    Other letter cases, addresses, commits behind the name and names of the time before owners (`gpt2`) are the same.
    """
    value = value_of(text)
    ids = []
    for each in value if isinstance(value, list) else [value]:
        name = read_name(each).name if isinstance(each, str) else None
        legacy = legacy_name(name) if name is not None else None
        if name is None or ("/" not in name and legacy is None):
            return None
        ids.append((legacy.canonical if legacy else name).lower())
    return frozenset(ids)


def custom_code(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for code that loading runs: required from now on, other code, or none any more.

    If a config that may name code was not read, it is not known whether a file of code runs.
    """
    required = [_runs_code(side) for side in (between.before, between.after)]
    for change in facet.changes:
        if change.pointer.field is not None and change.kind == "added" and not required[0] and not is_off(change):
            yield fire("custom-code-required", change)
        elif change.pointer.field is not None or True in required:
            yield fire("custom-code-change", change)
            if change.pointer.field is None and change.kind != "added":
                reason = f"{change.field} differs, and what the code does was not compared"
                yield Open("custom_code", change.pointer, reason, "major", "custom-code-change")
        else:
            yield fire("metadata-change", change)
            if change.pointer.file == ENDPOINT:
                reason = f"hosted endpoints run {ENDPOINT}, and what it does was not compared"
                yield Open("custom_code", change.pointer, reason, "major", "custom-code-change")
            if None in required:
                reason = f"whether loading runs {change.field} is not known: a config that may name it was not read"
                yield Open("custom_code", change.pointer, reason, "major", "custom-code-change")
    yield from still_open(facet, "major")


def _runs_code(side: Side) -> bool | None:
    """Return whether a config names code that a loader runs; None if one of them was not read."""
    configs = [side.object(path) for path in {CONFIG, *(path for path in side.paths if may_name_code(path))}]
    if any(config.fields.get(name) for config in configs for name in CODE_FIELDS):
        return True
    modules = side.text(MODULES) if MODULES in side.paths else b""
    if isinstance(modules, bytes) and FOREIGN_MODULE.search(modules):
        return True
    return None if isinstance(modules, NotAtHand) or any(config.problem for config in configs) else False


def generation(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for other defaults of generation."""
    for change in facet.changes:
        yield fire("metadata-change" if is_off(change) else "generation-defaults-change", change)
    yield from still_open(facet, "minor")


def other(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for everything that no other facet reads; fields and files with an unknown effect stay open."""
    for change in facet.changes:
        yield fire("metadata-change", change)
        name = change.pointer.field
        if name is None and change.pointer.file is not None and may_be_loaded(change.pointer.file):
            what = {"added": "was added", "removed": "is gone"}.get(change.kind, "has other bytes")
            reason = f"{change.field} {what}, and programs may load it: what it changes is not known"
            yield Open("other", change.pointer, reason, "minor" if change.kind == "added" else "major")
        if name is not None and facet_of(name) == "other" and not is_known_without_effect(name) and not is_off(change):
            yield Open("other", change.pointer, f"the effect of the field {change.field} is not known", "minor")
    yield from still_open(facet, "patch")


def _numbers(change: FacetChange) -> bool:
    return all(type(value_of(text)) is int for text in (change.before, change.after))


def _grows(change: FacetChange) -> bool:
    return bool(value_of(change.before) < value_of(change.after))


def _limits_attention(change: FacetChange) -> bool:
    """Return whether a field limits attention where it has a number, and null means no limit."""
    return bool(re.search(r"sliding_window|attention_window|attention_chunk", last_name(change)))


def _lengths(change: FacetChange) -> tuple[float | None, float | None]:
    """Return the lengths of a field, or the factors of a scaling; None for one that is not set."""
    old, new = (_length(value_of(text)) for text in (change.before, change.after))
    if LENGTHS.search(change.field):
        return old, new
    if last_name(change) in ("rope_scaling", "rope_parameters"):
        return old or 1, new or 1
    return None, None


def _length(value: Any) -> float | None:
    """Read a length, or the factor of a scaling."""
    if isinstance(value, dict):
        value = value.get("factor")
    if isinstance(value, bool) or not isinstance(value, int | float) or value >= UNSET:
        return None
    return value
