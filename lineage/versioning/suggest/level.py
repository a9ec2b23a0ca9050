"""The level of a change: all rules over all facets, and the flip rate where results of evaluations are given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lineage.versioning.facets.side import same_bytes
from lineage.versioning.suggest import configs, declared, inputs, weights
from lineage.versioning.suggest.fired import Between, Fired, Found, Judge, Open, Suggestion
from lineage_schemas.version_level import VERSION_LEVELS

if TYPE_CHECKING:
    from lineage_schemas.facet import FacetName
    from lineage_schemas.pointer import Pointer
    from lineage_schemas.version_level import VersionLevel

JUDGES: Mapping[FacetName, Judge] = {
    "weights": weights.weights,
    "formats": weights.formats,
    "architecture": configs.architecture,
    "context_length": configs.context_length,
    "tokenizer": inputs.tokenizer,
    "chat_template": inputs.chat_template,
    "generation": configs.generation,
    "custom_code": configs.custom_code,
    "task": configs.task,
    "base_model": configs.base_model,
    "licence": declared.licence,
    "datasets": declared.metadata,
    "evaluation": declared.metadata,
    "library": declared.metadata,
    "documentation": declared.documentation,
    "other": configs.other,
}
"""The rules of each facet."""

OTHER_BYTES = "the files differ, and nothing that they say does"

NOT_MEASURED = "how many answers turned from right to wrong is not known without results of evaluations"


class Flips(NamedTuple):
    """Hold what per-instance results show: a rate above the limit, or why that is not known.

    `above` is None if it could not be judged; `text` has the rate with its interval, or the reason.
    """

    above: bool | None
    pointer: Pointer
    text: str
    task: str | None = None


def suggest(
    between: Between, *, moved: Mapping[str, VersionLevel] | None = None, flips: tuple[Flips, ...] = ()
) -> Suggestion:
    """Fire every rule that a change between two sides meets, the highest level first.

    What a facet could not compare is `unjudged`, with the highest level that it could have. A change without a rule of
    its own is metadata, so that a facet that differs never has the level none. Without `flips` the flip rate is open
    where answers may differ, and decides nothing.
    """
    found = [each for facet in between.facets for each in _of_facet(between, facet.name)]
    found += weights.removed_formats(between)
    found += _of_flips(between, found, flips)
    found += () if any(isinstance(each, Fired) or each.most for each in found) else _of_bytes(between)
    fired = [each for each in found if isinstance(each, Fired)]
    result = Suggestion(
        tuple(_once(fired)), tuple(dict.fromkeys(each for each in found if isinstance(each, Open))), moved or {}
    )
    ordered = sorted(result.fired, key=lambda each: -VERSION_LEVELS.index(result.level_of(each)))
    return Suggestion(tuple(ordered), result.unjudged, result.moved)


def _of_facet(between: Between, name: FacetName) -> Iterator[Found]:
    """Fire the rules of one facet; one that changed has at least one rule."""
    facet = between.facet(name)
    found = list(JUDGES[name](between, facet))
    yield from found
    if facet.state == "changed" and not found:
        change = facet.changes[0]
        yield Fired("metadata-change", change.pointer, change.field, change.before, change.after)


def _of_bytes(between: Between) -> Iterator[Fired]:
    """Fire for files with other bytes in which no facet found a change: written again, or moved to another file."""
    files = [{entry.path: entry for entry in side.snapshot.files} for side in (between.before, between.after)]
    for path in sorted(files[0].keys() | files[1].keys()):
        old, new = (each.get(path) for each in files)
        if old is None or new is None or same_bytes(old, new) is False:
            was, now = (json.dumps(each.identity) if each and each.identity else None for each in (old, new))
            side = between.after if new else between.before
            yield Fired("metadata-change", side.pointer(path), path, was, now, OTHER_BYTES)


def _of_flips(between: Between, found: list[Found], flips: tuple[Flips, ...]) -> Iterator[Found]:
    """Fire for rates above the limit; say what is not known."""
    for each in flips:
        if each.above:
            yield Fired("flip-rate-above-limit", each.pointer, each.task or "flip rate", None, None, each.text)
        elif each.above is None:
            yield Open(None, each.pointer, each.text, "major", "flip-rate-above-limit")
    answers_differ = any(isinstance(each, Fired) and each.rule in _CHANGES_ANSWERS for each in found)
    if not flips and answers_differ:
        yield Open(None, between.after.pointer(), NOT_MEASURED, None, "flip-rate-above-limit")


_CHANGES_ANSWERS = frozenset({
    "weights-retrained", "weights-replaced", "tensor-shape-change", "lossy-precision", "token-mapping-change",
    "chat-template-change", "architecture-change",
})  # fmt: skip
"""Rules of changes after which a model may give other answers."""


def _once(fired: list[Fired]) -> Iterator[Fired]:
    """Leave out a rule that fired twice for the same field."""
    seen = set()
    for each in fired:
        key = (each.rule, each.pointer.file, each.field)
        if key not in seen:
            seen.add(key)
            yield each
