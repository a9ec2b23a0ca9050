"""`lineage compare`: how two models are related by their weights."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.answers.compared_sides import Compared, read_side
from lineage.answers.declared_between import declared_between
from lineage.answers.project import used_settings
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Finding
from lineage.unexpected import contained
from lineage_schemas.answers.compare import CompareAnswer, CompareCost, ComparedSide, RuleOutcome
from lineage_schemas.change import Unchecked
from lineage_schemas.level import Level
from lineage_schemas.pointer import Pointer

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
        pair = compare_pair(sides[0].side, sides[1].side, [each.side for each in sides[2:]])
        declared = tuple(declared_between(sides[0], sides[1], pair))
        command = " ".join(shlex.quote(part) for part in ("lineage", "compare", a, b, "--level", "full"))
        return CompareAnswer(
            **session.header("compare.v1", _read_at(sides), settings=used_settings(session.project)),
            a=_shown(sides[0]),
            b=_shown(sides[1]),
            others=tuple(_shown(each) for each in sides[2:]),
            verdict=pair.verdict,
            relation=pair.relation,
            method=pair.method,
            direction=pair.direction,
            confidence=pair.confidence,
            rules=tuple(_outcome(found, sides) for found in pair.findings),
            declared=declared,
            cost=_cost(sides, time.monotonic() - began),
            unchecked=tuple(_unchecked(pair, sides, None if level == "full" else command)),
            notes=tuple(dict.fromkeys(note for each in sides for note in each.notes)),
        )


def _read_at(sides: Sequence[Compared]) -> datetime | None:
    return datetime.now(UTC) if any(each.hub is not None for each in sides) else None


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
        sample=sketch.coverage if sketch is not None and sketch.tiles else None,
        method=compared.side.method,
        dtypes=found.dtypes if found else None,
    )


def _outcome(found: Finding, sides: Sequence[Compared]) -> RuleOutcome:
    """Write what one rule found; its pointer is the tensor of the first side that shows it."""
    pointer = None
    if found.place is not None:
        pointer = Pointer(model=sides[0].name, revision=sides[0].revision, tensor=sides[0].stored_name(found.place))
    return RuleOutcome(id=found.rule, outcome=found.outcome, value=found.value, pointer=pointer, detail=found.detail)


def _cost(sides: Sequence[Compared], seconds: float) -> CompareCost:
    costs = [cost for each in sides for cost in each.costs]
    return CompareCost(
        bytes=sum(cost.bytes_read for cost in costs),
        requests=sum(cost.requests for cost in costs),
        seconds=round(seconds, 3),
    )


def _unchecked(pair: Pair, sides: Sequence[Compared], command: str | None) -> Iterator[Unchecked]:
    """List what could not be compared and matters for the verdict."""
    for each in sides:
        yield from each.unchecked
        if each.problem is not None:
            yield Unchecked(what=f"values of {each.name}", reason=each.problem, decide_with=command)
    if pair.verdict == "unclear":
        yield Unchecked(what="whether they are related", reason=pair.reason, decide_with=command)
    if pair.verdict == "not_comparable":
        yield Unchecked(what="whether they are related", reason=pair.reason)
