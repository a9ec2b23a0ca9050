"""What happened to a used model since the revision that the product names: the check of its recorded line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.checking import CheckOptions, check_recorded
from lineage.answers.findings import FailOn
from lineage.answers.looked_up import Asked as LookedUp
from lineage.audit.policy.facts import Problem, places_of
from lineage.collect.pipeline import Target
from lineage.store.records import record_of
from lineage_schemas.ids import shown_id, split_model_key
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.audit.used import UsedModel
    from lineage.answers.session import Session
    from lineage.audit.policy.facts import Asked
    from lineage.collect.options import CollectOptions
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.check import CheckAnswer, WeightChange
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.reference import Place

KEPT = frozenset({"rewritten-history", "moved-tag", "version-removed", "understated-version"})
"""Findings of a check that an audit reports as they are; others are about ranges that the product does not load."""

MOVED_TAGS = frozenset({"moved-tag", "version-removed"})
"""Findings about tags: a product that pins commits does not load what a tag names."""


FOLDER = "folder:"
"""How the revision of a plain folder begins."""


class PlacedFinding(NamedTuple):
    """Hold a finding of a check with the places of the revision that was checked."""

    finding: Finding
    places: tuple[Place, ...]


class PlacedUnchecked(NamedTuple):
    """Hold what a check left unchecked, with the places of the revision that was checked."""

    unchecked: Unchecked
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Past:
    """Hold what the history of one used model shows."""

    findings: tuple[PlacedFinding, ...] = ()
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[PlacedUnchecked, ...] = ()
    changes: int = 0
    silent: int = 0


def past_of(
    session: Session, view: StoreView, key: str, hub: Hub, asked: Iterable[Asked], options: CollectOptions
) -> Past:
    """Check the default branch since each pinned revision, and as a whole for a product that follows a branch."""
    findings: list[PlacedFinding] = []
    problems: list[Problem] = []
    unchecked: list[PlacedUnchecked] = []
    changes = silent = 0
    for each in asked:
        if each.commit is None or (each.kind == "none" and each.commit.startswith(FOLDER)):
            continue  # a plain folder has no history, and a product that pins nothing in it asks for none
        pinned = each.kind in ("commit", "tag", "short")
        answer = _checked(session, view, key, hub, each, options, pinned=pinned)
        places = places_of(each.references)
        left_out = MOVED_TAGS if each.kind in ("none", "branch", "commit") else frozenset()
        findings += [PlacedFinding(one, places) for one in answer.findings if one.id in KEPT - left_out]
        if pinned:
            problems += _changed(answer, each, places)
            unchecked += [PlacedUnchecked(item, places) for item in answer.unchecked]
        else:
            changes, silent = max(changes, answer.counts.after_first_upload), max(silent, answer.counts.silent)
            old = _of_changes(view, key)
            unchecked += [PlacedUnchecked(item, places) for item in answer.unchecked if item not in old]
    return Past(tuple(findings), tuple(problems), tuple(unchecked), changes, silent)


class Since(NamedTuple):
    """Hold the changes of weights that count after a commit, and how many of them nothing announced.

    `is_lost` means that the line does not have the commit.
    """

    changes: tuple[WeightChange, ...]
    silent: int
    is_lost: bool = False

    @property
    def files(self) -> frozenset[str]:
        """The weight files that these changes touched."""
        return frozenset(file for change in self.changes for group in change.groups for file in group.files)

    @property
    def words(self) -> str:
        """Say how often the weights changed, how that was announced, and when it was last."""
        number, last = len(self.changes), self.changes[-1]
        times = "once" if number == 1 else f"{number} times"
        how = "announced"
        if self.silent:
            how = "without a version or a note" if self.silent == number else f"{self.silent} of them silently"
        return f"its weights changed {times} ({how}), last on {last.start:%Y-%m-%d} ({last.kind})"


def changes_since(session: Session, view: StoreView, used: UsedModel, commit: str, options: CollectOptions) -> Since:
    """List the changes of weights after a commit of the line that the product follows."""
    branch = next((each.revision for each in used.asked if each.kind in ("branch", "ref")), None)
    target = Target(split_model_key(used.key)[1], branch, hub=None if used.hub is session.hub else used.hub)
    looked_up = LookedUp(target, used.key, shown_id(used.key, session.hub.name), None)
    answer = check_recorded(session, view, looked_up, CheckOptions(commit, FailOn(), options))
    changes = tuple(change for change in answer.weight_changes if change.counts)
    silent = sum(change.verdict not in ("versioned", "documented") for change in changes)
    lost = answer.since_revision is None
    return Since(changes, silent, lost)


def _checked(
    session: Session, view: StoreView, key: str, hub: Hub, each: Asked, options: CollectOptions, *, pinned: bool
) -> CheckAnswer:
    """Check the line that the product follows: since a pin on the default branch, else the whole of its branch."""
    model = split_model_key(key)[1]
    branch = each.revision if each.kind in ("branch", "ref") else None
    target = Target(model, branch, hub=None if hub is session.hub else hub)
    looked_up = LookedUp(target, key, shown_id(key, session.hub.name), None)
    since = None
    if pinned:
        since = each.revision if each.kind == "tag" else each.commit
    return check_recorded(session, view, looked_up, CheckOptions(since, FailOn(), options))


def _changed(answer: CheckAnswer, each: Asked, places: tuple[Place, ...]) -> Iterator[Problem]:
    """Report the changes of weights after a pinned revision, all of them in one problem."""
    changes: list[WeightChange] = [change for change in answer.weight_changes if change.counts]
    if not changes:
        return
    silent = [change for change in changes if change.verdict not in ("versioned", "documented")]
    times = "once" if len(changes) == 1 else f"{len(changes)} times"
    how = "announced" if not silent else "without a version or a note" if len(silent) == len(changes) else (
        f"{len(silent)} of them without a version or a note")  # fmt: skip
    last = changes[-1]
    message = (
        f"the weights of {answer.model} changed {times} after the pinned {each.revision} ({how}), last on "
        f"{last.start:%Y-%m-%d} in {last.revisions[-1]} ({last.kind})"
    )
    pointer = Pointer(model=answer.model, revision=last.revisions[-1])
    yield Problem("weights-changed-since-pin", message, pointer, None if silent else "info", places)


def _of_changes(view: StoreView, key: str) -> frozenset[Unchecked]:
    """Collect what was left unchecked of single changes in the past: they do not touch what is loaded now."""
    rows = view.find("Change", {"model": key})
    return frozenset(item for row in rows for item in record_of("Change", row).unchecked)
