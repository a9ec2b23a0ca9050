"""Lines of a model as recorded in the store: refs, commits and changes of a branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lineage.collect.recorded import recorded_history, recorded_refs, recorded_tags
from lineage.errors import RevisionNotFoundError
from lineage.hub.revisions import is_default
from lineage.store.records import record_of
from lineage.versioning.indexes import is_watched
from lineage.versioning.line import Line, first_own, first_parent_line, pushes
from lineage.versioning.paper import paper_definition
from lineage.versioning.since import commits_meant
from lineage_schemas.answers.check import ChangeCounts, CheckedGroup, PaperDefinition, WeightChange
from lineage_schemas.history import Commit, History
from lineage_schemas.ids import split_model_key
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change
    from lineage_schemas.ref import Ref


@dataclass(frozen=True)
class RecordedLine:
    """Hold the line of one branch with its changes, and the changes that a rewrite removed, oldest first.

    `own_from` is the position of the first commit that a branch made from the default branch does not share with it.
    `whole` is the line of the branch where `line` ends at a commit before its head, as for `MODEL@COMMIT`, and
    `ends_inside` marks one that ends in the middle of a push. `is_recorded` is False for a line
    whose changes are not in the record and are worked out when they are asked for; `changes` are then those of the
    default branch, with which such a line begins. `tags` are all tags of the model that were ever recorded.
    """

    history: History
    line: Line
    changes: tuple[Change, ...]
    vanished: tuple[Change, ...]
    is_default: bool
    tags: tuple[Ref, ...] = ()
    own_from: int | None = None
    ends_inside: bool = False
    is_recorded: bool = True
    whole: Line | None = None


def recorded_lines(view: StoreView, key: str) -> list[RecordedLine]:
    """Return the line of every recorded branch of a model, the default branch first."""
    history = recorded_history(view, key)
    if history is None:
        return []
    changes = [record_of("Change", row) for row in view.find("Change", {"model": key})]
    tags = tuple(recorded_tags(view, [key]))
    lines: list[RecordedLine] = []
    for ref in recorded_refs(view, key):
        if ref.kind == "branch":
            line = first_parent_line(history, ref.name, ref.target)
            positions = {commit.id: position for position, commit in enumerate(line.commits)}
            own = [change for change in changes if change.branch == ref.name]
            own.sort(key=lambda change, at=positions: (at.get(change.revisions[0], -1), change.key))  # type: ignore[misc]
            present = tuple(change for change in own if not change.vanished)
            gone = tuple(sorted((c for c in own if c.vanished), key=lambda c: (c.end, c.key)))
            own_from = first_own(line, lines[0].line) if lines and lines[0].is_default else None
            lines.append(RecordedLine(history, line, present, gone, ref.is_default, tags, own_from))
    return lines


def pick_line(view: StoreView, key: str, revision: str | None) -> RecordedLine | None:
    """Find the line that `revision` names: the default branch's, a branch's, or one that ends at a tag or commit.

    A pull request that was collected has a line too, which begins with that of the branch that it was made from. None
    if the model has no recorded commit at all. Raises RevisionNotFoundError for any other name, and for one that names
    more than one commit.
    """
    lines = recorded_lines(view, key)
    if revision is None or is_default(revision) or not lines:
        return lines[0] if lines else None
    model = split_model_key(key)[1]
    meaning = commits_meant(lines[0].history, revision)
    meant = meaning.require(model) if meaning.named else None
    found = (_line_to(lines, *meant) or _line_to(_other_lines(view, key, lines[0]), *meant)) if meant else None
    if found is None:
        raise RevisionNotFoundError(
            f"{model} has no branch, tag or recorded commit {revision}",
            model=model,
            hint=_where_to_look(model, revision),
        )
    return found


def _where_to_look(model: str, revision: str) -> str:
    if "pr/" in revision or "pull" in revision:
        return f"`lineage collect {model} --pull-requests` reads pull requests; write one as refs/pr/N"
    return f"`lineage history {model} --all-branches` lists what is recorded"


def _other_lines(view: StoreView, key: str, default: RecordedLine) -> list[RecordedLine]:
    """Return the lines of recorded refs that are neither branches nor tags: pull requests, conversions.

    What such a ref brings replaces what it began with, so that none of its weights is a first upload of its own.
    """
    known = {commit.id for commit in default.history.commits}
    lines = []
    for ref in recorded_refs(view, key):
        if ref.kind not in ("branch", "tag") and ref.target in known:
            line = first_parent_line(default.history, ref.name, ref.target)
            ids = {commit.id for commit in line.commits}
            shared = tuple(change for change in default.changes if ids.issuperset(change.revisions))
            lines.append(
                RecordedLine(default.history, line, shared, (), is_default=False, tags=default.tags, is_recorded=False)
            )
    return lines


def _line_to(lines: Sequence[RecordedLine], commit: str, ref: str | None) -> RecordedLine | None:
    """Find the line of a named branch, or the first line that contains a commit, cut off after that commit."""
    for recorded in lines:
        if ref == recorded.line.branch:
            return recorded
    for recorded in lines:
        for position, one in enumerate(recorded.line.commits):
            if one.id == commit:
                return _cut(recorded, position)
    return None


def _cut(recorded: RecordedLine, position: int) -> RecordedLine:
    line = Line(
        recorded.line.model,
        recorded.line.branch,
        recorded.line.commits[: position + 1],
        recorded.line.arrived[: position + 1],
        recorded.line.cut,
    )
    ids = {commit.id for commit in line.commits}
    kept = tuple(change for change in recorded.changes if ids.intersection(change.revisions))
    own_from = recorded.own_from if recorded.own_from is not None and recorded.own_from <= position else None
    cuts = () if recorded.own_from is None else (recorded.own_from,)
    inside = any(push.first <= position < push.last for push in pushes(recorded.line, is_watched, cuts))
    return replace(
        recorded, line=line, changes=kept, own_from=own_from, ends_inside=inside, whole=recorded.whole or recorded.line
    )


def weight_change(change: Change) -> WeightChange:
    """Write a change as answers show it."""
    return WeightChange(
        revisions=change.revisions,
        start=change.start,
        end=change.end,
        kind=change.kind,
        verdict=change.verdict,
        counts=change.counts,
        replacements=change.replacements,
        groups=tuple(CheckedGroup(group=g.group, kind=g.kind, files=g.files, note=g.note) for g in change.groups),
        signals=change.signals,
    )


def count_changes(changes: Iterable[Change]) -> ChangeCounts:
    """Count the changes that count, by verdict; those without one are unchecked and in no number."""
    verdicts = [change.verdict for change in changes if change.counts and change.verdict]
    return ChangeCounts(
        after_first_upload=len(verdicts),
        versioned=verdicts.count("versioned"),
        documented=verdicts.count("documented"),
        silent=verdicts.count("silent"),
    )


def recount(recorded: RecordedLine, commits: Iterable[Commit]) -> PaperDefinition:
    """Count a range of commits as the study did."""
    first = [commit for c in recorded.changes if c.kind == "first_upload" for commit in c.revisions]
    return paper_definition(recorded.history.model, commits, first)


def unknown_weights(recorded: RecordedLine) -> Iterator[Unchecked]:
    """Report a line without any weight file that is known: a file of another format may hold the weights."""
    if not recorded.changes and (recorded.whole or not recorded.vanished):
        branch = recorded.line.branch.removeprefix("refs/heads/")
        yield Unchecked(
            what=f"the weights of {recorded.history.model}",
            reason=f"no weight file is known on {branch}: no file has a name or a header of a known format",
        )


def unknown_commits(recorded: RecordedLine, start: int = -1) -> Iterator[Unchecked]:
    """List what is not known of the line itself: commits without their files, a truncated history."""
    unknown = [commit for commit in recorded.line.commits[start + 1 :] if commit.changes is None]
    if unknown:
        yield Unchecked(
            what=f"every commit from {unknown[0].id[:12]} on",
            reason="the source of the history does not list the files that they changed",
            decide_with=f"lineage check {recorded.history.model}",
        )
    if recorded.history.incomplete:
        yield Unchecked(what=f"the history of {recorded.history.model}", reason=recorded.history.incomplete)
    if recorded.line.cut:
        yield Unchecked(what=f"the line before {recorded.line.commits[0].id[:12]}", reason=recorded.line.cut)


def why_no_line(view: StoreView, key: str) -> str:
    """Explain why a model has no line."""
    node = view.nodes("Model", [key]).get(key) or {}
    if node.get("history_source") == "folder":
        return "it is a plain folder without commits, so its earlier states are not known"
    return node.get("history_incomplete") or node.get("state_note") or "no commit of it has been read"
