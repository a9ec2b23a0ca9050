"""Release notes that a publisher did not write: what each push changed for a user, and its version."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from lineage.answers.line_states import LineStates
from lineage.answers.lines import weight_change
from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.announced import announced_versions
from lineage.versioning.behaviour import behaviour_facets, differing
from lineage.versioning.facets.side import CARD
from lineage.versioning.facets.weights import Decided
from lineage.versioning.line import UNDATED, PushTrees, pushes
from lineage.versioning.named_versions import Cards, card_identities
from lineage.versioning.reconstructed import Step, versions_of
from lineage.versioning.signals import tags_by_commit
from lineage.versioning.suggest.level import suggest
from lineage.versioning.tags import first_targets, with_first_targets
from lineage_schemas.answers.diff import WeightsDiffKind
from lineage_schemas.answers.history import HistoryRow, NotedFacet
from lineage_schemas.change import ChangeKind
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_level import VERSION_LEVELS, VersionLevel

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage.versioning.announced import Announced
    from lineage.versioning.suggest.fired import Between, Suggestion
    from lineage_schemas.change import Change
    from lineage_schemas.facet import Facet

MAX_JUDGED = 100
"""Pushes of a line whose files are compared, the newest: `lineage diff` compares the others."""

SHOWN_CHANGES = 5
"""Changes of one facet in a row; the others are counted."""

BREAKING_KINDS = frozenset({"reshaped", "removed"})
"""Kinds of weight changes after which code that loads the model may fail, unless only a variant was removed."""

Levels = Mapping[str, VersionLevel]

_DECIDED = frozenset(get_args(WeightsDiffKind))


@dataclass(frozen=True)
class _Noted:
    """Hold a push that is a row, with what was judged of it."""

    push: PushTrees
    change: Change | None
    kind: ChangeKind | Literal["behaviour", "unjudged"]
    between: Between | None = None
    unjudged: tuple[Unchecked, ...] = ()
    suggestion: Suggestion | None = None

    @property
    def is_first(self) -> bool:
        """Return whether the push brought the first weights."""
        return self.kind == "first_upload"

    @property
    def facets(self) -> tuple[Facet, ...]:
        """Return the facets, as far as they were judged."""
        return self.between.facets if self.between else ()

    @property
    def level(self) -> VersionLevel | None:
        """Return the level that is known: that of the rules, at least minor for weights that count."""
        known = self.suggestion.level if self.suggestion else None
        if self.change is None or not self.change.counts:
            return known
        fired = {each.rule for each in self.suggestion.fired} if self.suggestion else set()
        is_variant = self.change.kind == "removed" and "other-format-removed" in fired
        least: VersionLevel = "major" if self.change.kind in BREAKING_KINDS and not is_variant else "minor"
        return max(least, known or least, key=VERSION_LEVELS.index)

    @property
    def at_least(self) -> bool:
        """Return whether the level may be higher, because something was not judged."""
        if self.suggestion is None:
            return bool(self.unjudged)
        most = self.suggestion.at_most
        return most is not None and (
            self.level is None or VERSION_LEVELS.index(most) > VERSION_LEVELS.index(self.level)
        )


def rows_of(
    hub: Hub, recorded: RecordedLine, announced: Sequence[Announced], moved: Levels | None = None
) -> tuple[HistoryRow, ...]:
    """List the pushes of a line after which a user gets something different, oldest first.

    These are first uploads, changes of weights that count, and pushes in which files that change behaviour differ. What
    changed in these is read as far as the older texts are on this machine; else the row is unjudged. `moved` are the
    levels to which a project moves rules.
    """
    cuts = () if recorded.own_from is None else (recorded.own_from,)
    cut = pushes(recorded.line, _every_path, cuts)
    by_start = {change.revisions[0]: change for change in recorded.changes}
    chosen = [(push, by_start.get(push.push.revisions[0])) for push in cut]
    chosen = [(push, change) for push, change in chosen if _is_row(push, change)]
    judged = [push for push, change in chosen if push.push.base and not (change and change.kind == "first_upload")]
    newest = {push.first for push in judged[-MAX_JUDGED:]}
    wanted = {commit for push in judged if push.first in newest for commit in _ends(push)}
    states = LineStates(hub, recorded.line, wanted)
    noted = [_noted(states, push, change, moved, is_read=push.first in newest) for push, change in chosen]
    kept = [each for each in noted if each is not None]
    steps = [Step(each.push.first, _dated(each.push.push.end), each.level, each.is_first) for each in kept]
    tags = tags_by_commit(recorded.history)
    versions = versions_of(steps, announced)
    return tuple(_row(recorded, each, version, tags) for each, version in zip(kept, versions, strict=True))


def stored_cards(view: StoreView, recorded: RecordedLine) -> dict[str, str]:
    """Return the cards along a line that the store has, by identity."""
    identities = dict.fromkeys(each for each in card_identities(recorded.line) if each is not None)
    kept = {identity: view.attachment("text", identity) for identity in identities}
    return {identity: data.decode("utf-8", "replace") for identity, data in kept.items() if data is not None}


def announced_on(recorded: RecordedLine, cards: Cards) -> list[Announced]:
    """List the versions that were announced on a line, by tags where they were first recorded and by cards."""
    tags = tags_by_commit(with_first_targets(recorded.history, first_targets(recorded.tags)))
    return announced_versions(recorded.line, tags, cards, recorded.changes)


def _every_path(path: str) -> bool:
    return True


def _is_row(push: PushTrees, change: Change | None) -> bool:
    """Return whether a push may be a row: it has weights that count, or changes other files of a model with weights."""
    if change is not None and (change.counts or change.kind in ("first_upload", "unknown")):
        return True
    return any(is_weight_file(path) for path in push.before) and any(True for _ in differing(push.before, push.after))


def _ends(push: PushTrees) -> tuple[str, str]:
    assert push.push.base is not None, "only pushes with a commit before them are judged"
    return push.push.base, push.push.revisions[-1]


def _noted(
    states: LineStates, push: PushTrees, change: Change | None, moved: Levels | None, *, is_read: bool
) -> _Noted | None:
    """Judge a push; None if it changes no behaviour after all, such as a new layout of a config."""
    counts = change is not None and (change.counts or change.kind in ("first_upload", "unknown"))
    if change is not None and (change.kind == "first_upload" or push.push.base is None):
        return _Noted(push, change, change.kind)
    before, after = _ends(push)
    differ = list(differing(push.before, push.after))
    if not is_read or not (states.has(before) and states.has(after)):
        reason = states.unknown if is_read else f"only the newest {MAX_JUDGED} pushes with such files are compared"
        unread = tuple(unjudged_file(push.push.model, path, before, after, reason) for path in differ[:1])
        return _Noted(push, change, change.kind if change and counts else "unjudged", None, unread)
    between = states.between(before, after, _decided(change))
    behaviour = behaviour_facets(between.facets)
    unjudged = tuple(unjudged_files(push.push.model, behaviour, before, after))
    if change is not None and counts:
        return _Noted(push, change, change.kind, between, unjudged, suggest(between, moved=moved))
    if any(facet.state == "changed" for facet in behaviour):
        return _Noted(push, None, "behaviour", between, unjudged, suggest(between, moved=moved))
    return _Noted(push, None, "unjudged", between, unjudged, suggest(between, moved=moved)) if unjudged else None


def _decided(change: Change | None) -> Decided | None:
    """Pass the recorded comparison of the weights on to the facets."""
    if change is None or change.kind not in _DECIDED:
        return None
    return Decided(change.kind, reason="their values were not compared")  # type: ignore[arg-type] # checked above


def unjudged_files(model: str, facets: Iterable[Facet], before: str, after: str) -> Iterator[Unchecked]:
    """List each file of some facets that could not be compared, once; the card is not one that a loader reads."""
    files = {(each.pointer.file or facet.name): each.reason for facet in facets for each in facet.unjudged}
    for file, reason in files.items():
        if file == CARD:
            continue
        yield unjudged_file(model, file, before, after, reason)


def unjudged_file(model: str, file: str, before: str, after: str, reason: str) -> Unchecked:
    """Name a file that could not be compared between two commits, with the command that reads it."""
    command = f"lineage diff {shlex.quote(f'{model}@{before[:12]}')} {shlex.quote(f'{model}@{after[:12]}')}"
    return Unchecked(what=f"{file} from {before[:12]} to {after[:12]}", reason=reason, decide_with=command)


def noted_facets(facets: Iterable[Facet]) -> tuple[NotedFacet, ...]:
    """Write the facets that changed, other than the weights, with their first changes."""
    return tuple(
        NotedFacet(
            name=facet.name,
            changes=facet.changes[:SHOWN_CHANGES],
            more_changes=facet.more_changes + max(0, len(facet.changes) - SHOWN_CHANGES),
        )
        for facet in facets
        if facet.state == "changed" and facet.name not in ("weights", "documentation")
    )


def _row(
    recorded: RecordedLine, noted: _Noted, version: tuple[str | None, bool], tags: dict[str, list[str]]
) -> HistoryRow:
    push, change = noted.push, noted.change
    commits = recorded.line.commits[push.first : push.last + 1]
    arrived = [each for group in recorded.line.arrived[push.first : push.last + 1] for each in group]
    weights = weight_change(change) if change else None
    return HistoryRow(
        kind=noted.kind,
        base=push.push.base,
        revision=push.push.revisions[-1],
        start=_dated(push.push.start),
        end=_dated(push.push.end),
        title=next((commit.title for commit in commits if commit.title.strip()), ""),
        tags=tuple(tag for commit in arrived for tag in tags.get(commit.id, ())),
        version=version[0],
        announced=version[1],
        level=noted.level,
        at_least=noted.at_least,
        verdict=change.verdict if change else None,
        groups=weights.groups if weights else (),
        signals=weights.signals if weights else (),
        changed=noted_facets(noted.facets),
        unjudged=noted.unjudged,
    )


def strongest(changes: Iterable[Change]) -> ChangeKind | None:
    """Return the strongest kind of some changes."""
    order = get_args(ChangeKind)
    return min((change.kind for change in changes), key=order.index, default=None)


def _dated(moment: datetime) -> datetime | None:
    return None if moment == UNDATED else moment
