"""Rules on configs: architecture, context, task, base model, code and generation defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lineage.versioning.facets.config_fields import facet_of, is_known_without_effect
from lineage.versioning.facets.side import CARD, CONFIG, Side
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

UNSET = 10**29
"""Tokenizers write a number above this for a context length that is not known."""

_ID = re.compile(r"[\w.-]+/[\w.-]+")


def architecture(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for fields that shape the network; a vocabulary that grows is judged by its tokens and rows."""
    for change in facet.changes:
        if last_name(change) == "vocab_size" and _numbers(change) and _grows(change):
            yield fire("vocabulary-appended", change)
        elif is_off(change) or same_members(change):
            yield fire("metadata-change", change)
        else:
            yield fire("architecture-change", change)
    yield from still_open(facet, "major")


def context_length(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for a context that shrinks or grows, also by the factor of a scaling."""
    for change in facet.changes:
        old, new = _lengths(change)
        if old is None and new is None and not LENGTHS.search(change.field):
            yield fire("metadata-change" if is_off(change) else "context-grown", change)
        elif old == new or is_off(change):
            yield fire("metadata-change", change)
        elif new is not None and (old is None if _limits_attention(change) else old is not None and new < old):
            yield fire("context-shrunk", change)
        else:
            yield fire("context-grown", change)
    yield from still_open(facet, "major")


def task(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for another task or other labels; a task that is declared for the first time is metadata."""
    for change in facet.changes:
        declared = last_name(change) in ("pipeline_tag", "finetuning_task", "problem_type")
        is_new = declared and change.kind in ("added", "removed")
        yield fire("metadata-change" if is_new or is_off(change) else "task-change", change)
    yield from still_open(facet, "major")


def base_model(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for another base, as the card, an adapter or a recipe names it."""
    for change in facet.changes:
        if change.kind == "replaced":
            pointer, note = change.pointer, "the recipe has other bytes, which were not compared"
            yield Fired("metadata-change", pointer, change.field, change.before, change.after, note)
        else:
            yield fire("base-model-change" if _is_other_base(between, change) else "metadata-change", change)
    yield from still_open(facet, "major")


def _is_other_base(between: Between, change: FacetChange) -> bool:
    """Return whether a change names another base, and is not a path, a first declaration or the model's own name."""
    if change.kind in ("added", "removed") or last_name(change) in ("base_model_relation", "parent_library"):
        return False
    if same_members(change):
        return False
    if last_name(change) not in ("_name_or_path", "name_or_path") and change.pointer.file in (
        CARD,
        "adapter_config.json",
    ):
        return True
    old, new = (value_of(text) for text in (change.before, change.after))
    owner = between.after.snapshot.model.partition("/")[0]
    ids = [isinstance(each, str) and _ID.fullmatch(each) is not None for each in (old, new)]
    if not all(ids):
        return False
    return str(old).rpartition("/")[2].lower() != str(new).rpartition("/")[2].lower() and all(
        str(each).partition("/")[0] != owner for each in (old, new)
    )


def custom_code(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for code that loading runs: required from now on, other code, or none any more."""
    required = [_runs_code(side) for side in (between.before, between.after)]
    for change in facet.changes:
        if change.pointer.field is not None and change.kind == "added" and not required[0] and not is_off(change):
            yield fire("custom-code-required", change)
        elif change.pointer.field is not None or any(required):
            yield fire("custom-code-change", change)
            if change.kind == "changed" and change.pointer.field is None:
                reason = f"{change.field} differs, and what the code does was not compared"
                yield Open("custom_code", change.pointer, reason, "major", "custom-code-change")
        else:
            yield fire("metadata-change", change)
    yield from still_open(facet, "major")


def _runs_code(side: Side) -> bool:
    """Return whether a config names code that a loader runs."""
    paths = [
        CONFIG,
        *(path for path in side.paths if path.endswith(("tokenizer_config.json", "processor_config.json"))),
    ]
    names = ("auto_map", "custom_pipelines", "custom_generate")
    return any(side.object(path).fields.get(name) for path in paths for name in names)


def generation(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for other defaults of generation."""
    for change in facet.changes:
        yield fire("metadata-change" if is_off(change) else "generation-defaults-change", change)
    yield from still_open(facet, "minor")


def other(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for everything that no other facet reads; fields of configs with an unknown effect stay open."""
    for change in facet.changes:
        yield fire("metadata-change", change)
        name = change.pointer.field
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
