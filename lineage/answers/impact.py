"""`lineage impact`: who stands on a model and is hit by changes of its weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.answers.announced_findings import AnnouncedLine, understated_counts
from lineage.answers.built_on import WeightDates, declared_revisions
from lineage.answers.collect import as_target
from lineage.answers.descent_findings import UNKNOWN, BuiltOn
from lineage.answers.findings import DEFAULT_FAIL_ON, FailOn
from lineage.answers.lines import weight_change, why_no_line
from lineage.answers.looked_up import look_up, read_at
from lineage.answers.project import settled, used_settings
from lineage.collect.options import DEFAULT_MAX_MODELS, CollectOptions
from lineage.query.walk import NO_RELATION, descendants, status_of
from lineage.unexpected import contained
from lineage.versioning.since import find_since
from lineage_schemas.answers.impact import BuiltOnRevision, HitModel, ImpactAnswer, ProductUse
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.answers.session import Session
    from lineage.query.walk import Walk
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change

ORDER = ("adapter", "quantized", "merge", "finetune", None)
"""Relations in the order in which a change of the base breaks them; an adapter adds to weights that are gone."""

ADVICE = {
    "adapter": "pin the base's revision, or train the adapter again and test it",
    "quantized": "it has the old weights; quantise the new ones again",
    "merge": "it has the old weights; merge again if the change matters",
    "finetune": "it has the old weights; read the change, and train again if it mends an error",
    None: "it has the old weights; copy or convert the new ones",
}


@dataclass(frozen=True)
class _Changes:
    """Hold the changes that count, with the keys of those that nothing or an understated version announced."""

    all: tuple[Change, ...] = ()
    silent: frozenset[str] = frozenset()
    understated: frozenset[str] = frozenset()


def impact(
    session: Session, target: str, *, since: str | None = None, max_models: int = DEFAULT_MAX_MODELS,
    fail_on: str = DEFAULT_FAIL_ON,
) -> ImpactAnswer:  # fmt: skip
    """List the stored descendants of a model that were built before a change of its weights that counts.

    The model's refs and history are read again unless the session is offline. A contradicted edge hits nothing. A model
    of which it is not known what it was built on is listed: it may be hit. Versions after `since` that announce less
    than what changed are findings; `fail_on` says whether they count, as in `check`. Raises RevisionNotFoundError for a
    `since` that the default branch does not have.
    """
    with contained(target):
        counting_ones = FailOn.of(fail_on)
        asked = look_up(session, as_target(session, target), CollectOptions(refresh=True, by_refs=True, parents=False))
        with session.store.reading() as view:
            walk = descendants(view, asked.key)
            dates = WeightDates(view, walk.depths, view.nodes("Model", walk.depths))
            line = dates.line(asked.key)
            incomplete = [Incomplete(model=asked.shown, reason="error", detail=asked.not_looked_up.reason)] if (
                asked.not_looked_up) else []  # fmt: skip
            changes, versions = _Changes(), None
            if line is None:
                detail = why_no_line(view, asked.key)
                incomplete.append(Incomplete(model=asked.shown, reason="error", detail=detail))
            else:
                start = find_since(line.line, line.history, since).position if since is not None else -1
                versions = AnnouncedLine(session, view, asked, line, start)
                changes = _changes(line, start, versions.understated())
            findings = settled(session.project, versions.misfits("understated") if versions else ())
            is_open = versions is not None and understated_counts(session.project, asked.shown, counting_ones)
            hit = _hit(view, session.hub.name, asked.key, walk, dates, changes)
            if len(hit) > max_models:
                detail = f"{len(hit) - max_models} more are hit; a higher --max-models shows them"
                incomplete.append(Incomplete(model=asked.shown, reason="limit", detail=detail))
            return ImpactAnswer(
                **session.header(
                    "impact.v1", read_at(view, asked.key), settings=used_settings(session.project, findings)
                ),
                model=asked.shown,
                since=since,
                changes=tuple(weight_change(change) for change in changes.all),
                hit=tuple(hit[:max_models]),
                counts=dict(sorted(Counter(each.relation or NO_RELATION for each in hit).items())),
                incomplete=tuple(incomplete),
                products=tuple(_products(view, session.hub.name, walk)),
                findings=tuple(findings),
                fail_on=counting_ones.severity,
                fail_on_rules=tuple(sorted(counting_ones.rules)),
                unchecked=tuple(versions.unjudged()) if versions and is_open else (),
            )


def _changes(line: RecordedLine, start: int, understated: Collection[str]) -> _Changes:
    """Select the changes that count behind a position of a line; `understated` are commits."""
    at = {commit.id: place for place, commit in enumerate(line.line.commits)}
    found = tuple(c for c in line.changes if c.counts and at.get(c.revisions[-1], -1) > start)
    return _Changes(
        found,
        frozenset(change.key for change in found if change.verdict == "silent"),
        frozenset(change.key for change in found if change.revisions[-1] in understated),
    )


def _hit(view: StoreView, hub: str, root: str, walk: Walk, dates: WeightDates, changes: _Changes) -> list[HitModel]:
    """Follow edges from the changed model to all that stands on it, nearest first."""
    if not changes.all:
        return []
    rows = [row for row in walk.edges if status_of(row) != "contradicted"]
    evidence: Mapping[str, Mapping[str, Any]] = view.nodes(
        "Evidence", {key for row in rows if row.target == root for key in row.properties.get("evidence") or ()}
    )
    declared = declared_revisions([row for row in rows if row.target == root], evidence)
    keys = {change.key for change in changes.all}
    reached: dict[str, tuple[BuiltOn, EdgeRow]] = {}
    for row in sorted(rows, key=lambda row: (walk.depths[row.source], _order(row), row.target)):
        if row.source == root or row.source in reached:
            continue
        if row.target == root:
            base = dates.built_on(row, declared.get((row.source, root)))
            on_line = base.revision is not None and (line := dates.line(root)) is not None
            if on_line and line.line.position(base.revision or "") is None:  # type: ignore[union-attr]
                base = UNKNOWN
            if base.how != "unknown" and keys.isdisjoint(change.key for change in base.changes):
                continue
            reached[row.source] = (base, row)
        elif row.target in reached:
            reached[row.source] = (reached[row.target][0], row)
    found = [
        HitModel(
            model=shown_id(key, hub),
            relation=row.properties.get("relation"),
            method=row.properties.get("method") or "unknown",
            depth=walk.depths[key],
            built_on=BuiltOnRevision(revision=base.revision, how=base.how),
            silent=_may_hit(base, changes.silent),
            status=status_of(row),
            advice=_advice(row, walk.depths[key], shown_id(row.target, hub)),
            understated=_may_hit(base, changes.understated),
        )
        for key, (base, row) in reached.items()
    ]
    return sorted(found, key=lambda each: (ORDER.index(each.relation), each.depth, each.model))


def _products(view: StoreView, hub: str, walk: Walk) -> Iterator[ProductUse]:
    """List where recorded products use a model or one that descends from it, by product and place."""
    rows = [row for row in view.edges("USES", list(walk.depths), "in") if row.properties.get("grade") != "possible"]
    products = view.nodes("Product", {row.source for row in rows})
    for row in sorted(rows, key=lambda row: (row.source, walk.depths[row.target], row.target, row.name)):
        use = row.properties
        yield ProductUse(
            product=row.source,
            model=shown_id(row.target, hub),
            depth=walk.depths[row.target],
            revision=use.get("revision"),
            pinned=bool(use.get("pinned")),
            selector=use.get("selector"),
            file=use.get("file"),
            line=use.get("line"),
            recorded_at=products[row.source]["recorded_at"],
        )


def _may_hit(base: BuiltOn, keys: Collection[str]) -> bool:
    """Return whether one of some changes hits what was built on a revision, or may do so where that is not known."""
    return bool(keys) and (base.how == "unknown" or any(each.key in keys for each in base.changes))


def _order(row: EdgeRow) -> int:
    return ORDER.index(row.properties.get("relation"))


def _advice(row: EdgeRow, depth: int, parent: str) -> str:
    """Say what to do about a descendant; what descends through another model follows that one."""
    advice = ADVICE[row.properties.get("relation")]
    return advice if depth == 1 else f"wait for {parent}, which is hit first; then {advice}"
