"""Announced versions of a line, judged by what changed between their revisions: without a request for older texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast, get_args

from lineage.answers.line_states import LineStates
from lineage.answers.sides import Listed, read_sides
from lineage.collect.weights import stored_fingerprint
from lineage.fingerprint.groups import weight_groups
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.weights import Decided
from lineage.versioning.licence import licence_diff
from lineage.versioning.suggest.fired import Between, Suggestion
from lineage.versioning.suggest.judged import FIRST, Judged, judge_number
from lineage.versioning.suggest.level import suggest
from lineage_schemas.answers.diff import WeightsDiffKind
from lineage_schemas.answers.suggest import JudgedVersion
from lineage_schemas.snapshot import ResolvedRevision

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.hub.interface import Hub
    from lineage.settings.project_file import Project
    from lineage.store.interface import StoreView
    from lineage.versioning.announced import Announced
    from lineage.versioning.facets.side import Side
    from lineage_schemas.change import GroupChange
    from lineage_schemas.version_level import VersionLevel

MAX_JUDGED = 50
"""Announced versions of a line that are judged, the newest; the others are unjudged."""

_KINDS = frozenset(get_args(WeightsDiffKind)) - {"replaced", "unknown", "equal"}


def moved_levels(project: Project | None) -> dict[str, VersionLevel]:
    """Return the levels to which a project file moves rules, by the names of the rules."""
    from lineage.rules.levels import LEVEL_BY_NAME

    moved = project.moved if project else {}
    return {name: cast("VersionLevel", value) for name, value in moved.items() if name in LEVEL_BY_NAME}


class JudgedLine:
    """Judge the announced versions of one line, each by the version announced before it."""

    def __init__(
        self,
        view: StoreView,
        hub: Hub,
        recorded: RecordedLine,
        announced: Sequence[Announced],
        moved: Mapping[str, VersionLevel],
        *,
        also: Iterable[str] = (),
    ) -> None:
        self._view, self._moved = view, moved
        self._announced = list(announced)
        self._model = recorded.line.model
        newest = self._announced[-MAX_JUDGED - 1 :]
        self._states = LineStates(hub, recorded.line, {*(each.revision for each in newest), *also})
        self._recorded: dict[tuple[str | None, str | None], GroupChange] = {
            (group.before, group.after): group for change in recorded.changes for group in change.groups
        }

    def judged(self, after: int = -1) -> list[tuple[Announced, Judged]]:
        """Judge the versions at positions of the line behind one, in order; the first of the line is the first."""
        found = []
        for number, each in enumerate(self._announced):
            if each.position > after:
                found.append((each, self._judge(number)))
        return found

    def _judge(self, number: int) -> Judged:
        if number == 0:
            return FIRST
        before, after = self._announced[number - 1], self._announced[number]
        if number < len(self._announced) - MAX_JUDGED:
            return Judged(None, None, "unjudged", f"only the newest {MAX_JUDGED} versions of a line are compared")
        for each in (before, after):
            if not self._states.has(each.revision):
                return Judged(None, None, "unjudged", f"the files at {each.revision[:12]} are not known")
        return judge_number(before.number, after.number, self.change(before.revision, after.revision))

    def change(self, before: str, after: str) -> Suggestion:
        """Return the level of what changed between two commits of the line."""
        sides = [self._listed(commit) for commit in (before, after)]
        old, new = read_sides(*sides)
        resolved = [ResolvedRevision(model=self._model, commit=each, asked=self._model) for each in (before, after)]
        licences = licence_diff((resolved[0], old.snapshot), (resolved[1], new.snapshot))
        relation = licences.relation if licences else None
        decided = self._decided(old.main, new.main)
        facets = judge(old, new, decided=decided, relation=relation)
        return suggest(Between(old, new, facets, relation), moved=self._moved)

    def side(self, commit: str) -> Side | None:
        """Return the state at a commit, with what the store knows of its weights; None if its files are not known."""
        if not self._states.has(commit):
            return None
        listed = self._listed(commit)
        return read_sides(listed, listed)[0]

    def _listed(self, commit: str) -> Listed:
        """List the files of a commit, with what the store knows of its weights."""
        listed = self._states.listed(commit)
        files = {entry.path: entry for entry in listed.snapshot.files}
        groups = weight_groups(files.values())
        stored = (stored_fingerprint(self._view, each, {path: files[path] for path in each.files}) for each in groups)
        return listed._replace(measured=tuple(each for each in stored if each is not None))

    def _decided(self, old: GroupFingerprint | None, new: GroupFingerprint | None) -> Decided | None:
        """Take what the record knows of a change between two main groups, such as a cast whose values were compared."""
        known = self._recorded.get((old.digests.files, new.digests.files)) if old and new else None
        if known is None or known.before is None or known.kind not in _KINDS:
            return None
        return Decided(cast("WeightsDiffKind", known.kind), known.note)


def written(judged: Iterable[tuple[Announced, Judged]]) -> tuple[JudgedVersion, ...]:
    """Write judged versions as answers show them."""
    return tuple(
        JudgedVersion(
            version=each.number.shown,
            revision=each.revision,
            by=each.by,
            text=each.source,
            announced_level=found.announced,
            measured_level=found.measured,
            verdict=found.verdict,
            note=found.note,
        )
        for each, found in judged
    )
