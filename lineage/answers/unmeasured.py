"""Edges of which the weights say nothing so far: why, and the command that decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from lineage.fingerprint.values.coverage import unread_by
from lineage.query.relatives import main_groups
from lineage_schemas.answers.trace import Unmeasured
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView

MAX_LISTED = 100
"""Edges that an answer lists: the reason is the same for most of a model's edges."""


def unmeasured(
    view: StoreView, root: str, rows: Sequence[EdgeRow], nodes: Mapping[str, Mapping[str, Any]], hub: str
) -> tuple[Unmeasured, ...]:
    """List declared edges whose weights were not compared, and a root whose undeclared parents were not sought.

    Models that were not read at all are left out: an answer lists them as incomplete. `nodes` are the models by key,
    `hub` is the Hub whose ids are shown without a prefix.
    """
    declared = [row for row in rows if row.properties.get("status", "declared") == "declared"]
    read = {root, *(end for row in declared for end in (row.source, row.target))}
    read = {key for key in read if nodes.get(key, {}).get("head")}
    lacks, partly = _without_values(view, read)
    found = [*_undeclared(root, lacks, hub), *_edges(declared, read, lacks, partly, hub)]
    return tuple(islice(found, MAX_LISTED))


def _undeclared(root: str, lacks: Mapping[str, str], hub: str) -> Iterator[Unmeasured]:
    """Say of a root without sampled values that a parent which nothing declares would not have been found."""
    if root in lacks:
        child = shown_id(root, hub)
        reason = f"{lacks[root].format(model=child)}, so that parents which nothing declares were not sought"
        yield Unmeasured(child=child, parent=None, reason=reason, command=f"lineage collect {child} --refresh")


def _edges(
    rows: Iterable[EdgeRow], read: set[str], lacks: Mapping[str, str], partly: Mapping[str, int], hub: str
) -> Iterator[Unmeasured]:
    for row in sorted(rows, key=lambda each: (each.source, each.target)):
        if not {row.source, row.target} <= read:
            continue
        child, parent = (shown_id(key, hub) for key in (row.source, row.target))
        without = next((key for key in (row.target, row.source) if key in lacks), None)
        ends = [key for key in (row.target, row.source) if key in partly]
        parts = [f"; {partly[key]:,} tensors of {shown_id(key, hub)} have no values" for key in ends]
        reason = f"the sampled weights do not decide{''.join(parts)}"
        if without is not None:
            reason = lacks[without].format(model=shown_id(without, hub))
        yield Unmeasured(child=child, parent=parent, reason=reason, command=f"lineage compare {child} {parent}")


def _without_values(view: StoreView, models: set[str]) -> tuple[dict[str, str], dict[str, int]]:
    """Say of models without sampled values what is missing, with `{model}` for the model.

    The second value counts the matrices or tensors of codes without values of models that have others.
    """
    groups = main_groups(view, sorted(models))
    weights = view.nodes("Weights", sorted({digest for _, digest in groups.values()}))
    found = {}
    partly = {}
    for key in models:
        sketch = weights.get(groups[key][1], {}).get("sketch") if key in groups else None
        if key not in groups:
            found[key] = "no weight file of {model} is known"
        elif not sketch:
            found[key] = "no values of {model} were sampled"
        elif (unread := unread_by(sketch)) > 0:
            partly[key] = unread
    return found, partly
