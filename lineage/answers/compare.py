"""`lineage compare`: how two models are related by their weights."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from types import EllipsisType
from typing import TYPE_CHECKING

from lineage.answers.compared_sides import Compared, read_side
from lineage.answers.declared_between import declared_between
from lineage.answers.deeper_sides import compare_deeper
from lineage.answers.looked_up import read_date
from lineage.answers.project import used_settings
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Finding, Side
from lineage.errors import few
from lineage.fingerprint.measure import cost_since
from lineage.unexpected import contained
from lineage_schemas.answers.compare import CompareAnswer, CompareCost, ComparedSide, RuleOutcome
from lineage_schemas.digests import Digests
from lineage_schemas.level import Level
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session


def compare(
    session: Session,
    a: str,
    b: str,
    *,
    others: Sequence[str] = (),
    level: Level | None = None,
    max_bytes: int | None = None,
) -> CompareAnswer:
    """Compare two models, revisions, folders or weight files by their weights.

    `others` are further parents of `a`, or the adapter that was merged into it. Local weights are read in full; of a
    model on a remote Hub headers and a sample are read, and in full what stays within `max_bytes` or with `level` full.
    What the store has is not read again. Raises HubError or FormatError if a side cannot be read at all.
    """
    began = time.monotonic()
    with contained(f"{a} and {b}"):
        sides = [read_side(session, text, level=level, max_bytes=max_bytes) for text in (a, b, *others)]
        sides, repeated = _each_once(sides)
        pair = compare_pair(sides[0].side, sides[1].side, [each.side for each in sides[2:]])
        sides, pair = compare_deeper(session, sides, pair, level, max_bytes)
        declared = tuple(declared_between(sides[0], sides[1], pair))
        return CompareAnswer(
            **session.header(
                "compare.v1", _read_at(session, sides), hub=_hub(sides), settings=used_settings(session.project)
            ),
            a=_shown(sides[0]),
            b=_shown(sides[1]),
            others=tuple(_shown(each) for each in sides[2:]),
            verdict=pair.verdict,
            relation=pair.relation,
            method=pair.method,
            direction=pair.direction,
            confidence=_rounded(pair.confidence),
            rules=tuple(_outcome(found, sides) for found in pair.findings),
            declared=declared,
            cost=_cost(sides, time.monotonic() - began),
            unchecked=tuple(_unchecked(pair, sides, level)),
            notes=tuple(
                dict.fromkeys([*(n for each in sides for n in each.notes), *repeated, *_beside_weights(sides, pair)])
            ),
        )


def _each_once(sides: Sequence[Compared]) -> tuple[list[Compared], list[str]]:
    """Leave out each further model with the weights of an earlier one: the two shares could be divided in any way.

    Returns the sides that are left, and what was left out in words.
    """
    kept, notes = list(sides[:2]), []
    for each in sides[2:]:
        twin = next((other for other in kept if _have_equal_digests(each.side.digests, other.side.digests)), None)
        if twin is None:
            kept.append(each)
        else:
            kept[kept.index(twin)] = replace(twin, costs=(*twin.costs, *each.costs))
            notes.append(f"{each.name} (--with) has the weights of {twin.name}, and is left out")
    return kept, notes


def _have_equal_digests(a: Digests, b: Digests) -> bool:
    if a.weights and b.weights:
        return a.weights == b.weights
    return a.files is not None and a.files == b.files


def _hub(sides: Sequence[Compared]) -> str | EllipsisType | None:
    """Return the session's Hub if a side was found there, else the folder that was read, None for single files."""
    if any(not each.is_path for each in sides):
        return ...
    return next((each.hub.name for each in sides if each.hub is not None), None)


def _read_at(session: Session, sides: Sequence[Compared]) -> datetime | None:
    """Return the date of the newest reading: now, or for what the store replaces its date there."""
    dates = [
        read_date(session, each.hub, each.snapshot.model)
        for each in sides
        if each.hub is not None and each.snapshot is not None
    ]
    return max((date for date in dates if date is not None), default=None)


def _shown(compared: Compared) -> ComparedSide:
    """Write one side as the answer shows it."""
    found, sketch = compared.found, compared.side.sketch
    return ComparedSide(
        model=compared.name,
        revision=compared.revision,
        group=found.group.name if found else None,
        format=found.group.format if found else None,
        level=found.level if found else None,
        digests=found.digests if found else None,
        sample=(compared.coverage or sketch.coverage) if sketch is not None and sketch.tiles else None,
        method=compared.side.method,
        dtypes=found.dtypes if found else None,
    )


def _outcome(found: Finding, sides: Sequence[Compared]) -> RuleOutcome:
    """Write what one rule found; its pointer is the tensor of the first side that shows it."""
    pointer = None
    if found.place is not None:
        pointer = Pointer(model=sides[0].name, revision=sides[0].revision, tensor=sides[0].stored_name(found.place))
    return RuleOutcome(
        id=found.rule, outcome=found.outcome, value=_rounded(found.value), pointer=pointer, detail=found.detail
    )


def _rounded(value: float | None) -> float | None:
    """Round a measured number, so that equal inputs give equal answers on every machine."""
    return None if value is None else round(value, 6)


def _cost(sides: Sequence[Compared], seconds: float) -> CompareCost:
    """Add up the bytes of all sides, and what was asked of each Hub since its first side was read."""
    first: dict[int, Compared] = {}
    for each in sides:
        first.setdefault(id(each.hub), each)
    asked = [cost_since(each.hub, each.before) for each in first.values() if each.hub is not None and each.before]
    return CompareCost(
        bytes=sum(cost.bytes_read for each in sides for cost in each.costs),
        requests=sum(cost.requests for cost in asked),
        ranges=sum(cost.ranges for cost in asked),
        seconds=round(seconds, 3),
    )


def _beside_weights(sides: Sequence[Compared], pair: Pair) -> Iterator[str]:
    """Say in what else two models with the same main weights differ: other groups, and how configs read them."""
    if pair.verdict != "same_weights":
        return
    ours, theirs = (each.side.components for each in sides[:2])
    differ = [
        name
        for name in sorted(ours.keys() & theirs.keys())
        if ours[name].files != theirs[name].files or ours[name].files is None
    ]
    if differ:
        yield f"the main weights were compared; these other weight groups are not shown to be equal: {few(differ)}"
    for each, own, other in ((sides[0], ours, theirs), (sides[1], theirs, ours)):
        if more := sorted(own.keys() - other.keys()):
            yield f"the main weights were compared; only {each.name} has these other weight groups: {few(more)}"
    yield from _read_otherwise(sides[0].side, sides[1].side)


def _read_otherwise(a: Side, b: Side) -> Iterator[str]:
    """Say where the configs of two models give equal bytes other values: another scale, another quantisation."""
    scales = [side.sketch.adapter if side.sketch is not None else None for side in (a, b)]
    if all(scales) and scales[0] != scales[1]:
        words = " and ".join(f"{scale.scale:g}" if scale and scale.scale is not None else "unknown" for scale in scales)
        yield f"the adapters have the same weights and other scales in adapter_config.json: {words}"
    if a.sketch is not None and b.sketch is not None and a.method != b.method:
        words = f"{a.method or 'floats'} and {b.method or 'floats'}"
        yield f"the weights are the same, and read with the configs they are {words}"


def _unchecked(pair: Pair, sides: Sequence[Compared], level: Level | None) -> Iterator[Unchecked]:
    """List what could not be compared and matters for the verdict, with what decides it."""
    names = [each.name for each in sides]
    could_read_more = level != "full" and any(each.hub is not None and not each.hub.is_local for each in sides[:2])
    deeper = _command(names, "--level", "full") if could_read_more else None
    for each in sides:
        yield from each.unchecked
        if each.problem is not None and not each.unchecked and pair.verdict != "same_weights":
            yield Unchecked(what=f"values of {each.name}", reason=each.problem, decide_with=deeper)
    if pair.verdict == "not_comparable" and any(each.side.other_adapter for each in sides[:2]):
        yield Unchecked(what="whether they are related", reason=pair.reason)
    elif pair.verdict == "not_comparable" and pair.relation == "adapter":
        fits = next((found.detail for found in pair.findings if found.rule == "structure.adapter_fits"), "")
        reason = f"an adapter alone does not show its base ({fits}); the model into which it was merged does"
        yield Unchecked(what="whether they are related", reason=reason, decide_with=_command(names, "--with", "MERGED"))
    elif pair.verdict in ("unclear", "not_comparable"):
        reason = f"{pair.reason}; {'all of the weights show more' if deeper else _what_decides(sides)}"
        yield Unchecked(what="whether they are related", reason=reason, decide_with=deeper)


def _what_decides(sides: Sequence[Compared]) -> str:
    """Say what to do where no further reading of the same weights decides."""
    unread = [each.name for each in sides[:2] if each.unchecked or each.problem is not None]
    if unread:
        return f"compare again when the weights of {' and '.join(unread)} can be read"
    traced = next((f" (`lineage trace {shlex.quote(each.name)}`)" for each in sides[:2] if not each.is_path), "")
    return f"a card may declare it{traced}"


def _command(names: Sequence[str], *options: str) -> str:
    """Write the command that compares the same sides with further options."""
    others = [part for name in names[2:] for part in ("--with", name)]
    return " ".join(shlex.quote(part) for part in ("lineage", "compare", *names[:2], *others, *options))
