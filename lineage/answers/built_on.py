"""Which revision of a parent a model was built on, and how the parent's weights changed after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lineage.answers.descent_findings import UNKNOWN, WRONG_CLOCK, BuiltOn, Weighed
from lineage.rules.measured import is_measured
from lineage.store.records import record_of
from lineage.versioning.line import UNDATED
from lineage_schemas.ids import revision_key

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change

Node = Mapping[str, Any]


class WeightDates:
    """Read when the weights of some models came and changed, with one query per kind of node for all of them."""

    def __init__(self, view: StoreView, keys: Collection[str], nodes: Mapping[str, Node]) -> None:
        self._view = view
        self._nodes = {key: nodes.get(key, {}) for key in sorted(keys)}
        self._lines: dict[str, RecordedLine | None] = {}

    @cached_property
    def of(self) -> dict[str, Weighed]:
        """What is known of each model's weights over time."""
        return {key: self._weighed(key) for key in self._nodes}

    @cached_property
    def _default(self) -> dict[str, str]:
        """The name of each model's default branch."""
        rows = self._view.find_any("Ref", "model", sorted(self._nodes))
        return {row.properties["model"]: row.properties["name"] for row in rows if row.properties.get("is_default")}

    @cached_property
    def _changes(self) -> dict[str, list[Change]]:
        """The changes of each model's default branch, oldest first, those that a rewrite removed included."""
        found: dict[str, list[Change]] = {}
        for row in self._view.find_any("Change", "model", sorted(self._nodes)):
            if row.properties["branch"] == self._default.get(row.properties["model"]):
                found.setdefault(row.properties["model"], []).append(record_of("Change", row))
        return {key: sorted(own, key=lambda change: (change.start, change.key)) for key, own in found.items()}

    @cached_property
    def _begun(self) -> dict[str, datetime]:
        """The date of the root commit of each model, as far as it is recorded."""
        roots = {
            revision_key(key, root): key
            for key, node in self._nodes.items()
            if (root := (node.get("first") or {}).get("root_commit"))
        }
        found = self._view.nodes("Revision", sorted(roots))
        return {roots[each]: datetime.fromisoformat(node["date"]) for each, node in found.items() if node.get("date")}

    def _weighed(self, key: str) -> Weighed:
        """Return when a model's first weights came, and the changes after that which count."""
        changes = self._changes.get(key, [])
        counting = tuple(change for change in changes if change.counts and not change.vanished)
        return Weighed(None if self._begins_later(key) else _first(changes), counting)

    def _begins_later(self, key: str) -> bool:
        """Return whether the history does not reach back to the creation of the repository, or is not whole.

        A rewritten history begins with new dates: it does not tell when the first weights came.
        """
        node = self._nodes.get(key, {})
        created = (node.get("first") or {}).get("created")
        begun = self._begun.get(key)
        if node.get("history_incomplete") or node.get("history_source") == "folder":
            return True
        return bool(created and begun and begun > datetime.fromisoformat(created) + WRONG_CLOCK)

    def line(self, key: str) -> RecordedLine | None:
        """Return the line of a model's default branch."""
        if key not in self._lines:
            from lineage.answers.lines import recorded_lines  # it needs the records of `check`, most traces do not

            lines = recorded_lines(self._view, key)
            self._lines[key] = next((each for each in lines if each.is_default), None)
        return self._lines[key]

    def built_on(self, edge: EdgeRow, declared: str | None) -> BuiltOn:
        """Return what the child of an edge was built on: what is declared, else what the dates of its weights allow.

        A revision that is not on the parent's default branch is reported, and no change is after it.
        """
        line = self.line(edge.target)
        if declared is not None:
            return BuiltOn(declared, "declared", _after(line, line.line.position(declared) if line else None))
        return self._inferred(edge, line)

    def _inferred(self, edge: EdgeRow, line: RecordedLine | None) -> BuiltOn:
        """Infer the last revision of the parent before the first weights of the child."""
        first = self.of[edge.source].first
        if line is None or first is None or line.line.cut is not None:
            return UNKNOWN
        dated = [(i, commit) for i, commit in enumerate(line.line.commits) if commit.date and commit.date <= first]
        if not dated:
            return UNKNOWN
        position, commit = dated[-1]
        return BuiltOn(commit.id, "inferred", _after(line, position))


def declared_revisions(rows: Iterable[EdgeRow], evidence: Mapping[str, Node]) -> dict[tuple[str, str], str]:
    """Return the revision of the parent that the publisher of each child names, by child and parent.

    Where several are named, none of them is known to be the one.
    """
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        named = {
            node["parent_revision"]
            for key in row.properties.get("evidence") or ()
            if (node := evidence.get(key)) and node.get("parent_revision") and not is_measured(node["rule"])
        }
        if len(named) == 1:
            found[row.source, row.target] = named.pop()
    return found


def _after(line: RecordedLine | None, position: int | None) -> tuple[Change, ...]:
    """Select the changes that count and that are not finished at a position of a line."""
    if line is None or position is None:
        return ()
    at = {commit.id: i for i, commit in enumerate(line.line.commits)}
    return tuple(
        change
        for change in line.changes
        if change.counts and max((at.get(commit, -1) for commit in change.revisions), default=-1) > position
    )


def _first(changes: Collection[Change]) -> datetime | None:
    """Return the date of the first weights; None without one, or with a date that no clock gives."""
    dates = [change.start for change in changes if change.start > UNDATED + timedelta(days=1)]
    return min(dates, default=None) if any(change.kind == "first_upload" for change in changes) else None
