"""Changes of a line: pushes that moved weights, each with its kind, its signals and its verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.versioning.contents import Contents
from lineage.versioning.groups import HeadersOfLine, PlacedGroup
from lineage.versioning.indexes import Indexes, watched_on
from lineage.versioning.kinds import WeightPush, weight_pushes
from lineage.versioning.line import Line, PushTrees, pushes
from lineage.versioning.measured import Measurer, measured
from lineage.versioning.signals import (
    NEW_VERSION,
    RefsByCommit,
    Window,
    branches_by_commit,
    first_announced,
    signals,
    tags_by_commit,
    unread_messages,
)
from lineage.versioning.texts import ReadText, Texts
from lineage.versioning.training import with_checkpoints
from lineage.versioning.words import name_version
from lineage_schemas.change import Change, Verdict
from lineage_schemas.history import History
from lineage_schemas.ids import change_key
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_signal import VersionSignal

VERSION_KINDS = frozenset({"tag", "branch", "card_field", "name", "commit_title", "changelog", "doi"})
"""Signals that make a change versioned; the others make it documented, but for the name of a successor."""


@dataclass(frozen=True)
class LineReport:
    """Hold a line's pushes, all of them, and the changes that some of them made, both oldest first.

    `placed` are the weight groups after each push that made a change. `aliases` maps the ids of git blobs to the
    SHA-256 of the same bytes in git LFS.
    """

    line: Line
    pushes: tuple[PushTrees, ...]
    changes: tuple[Change, ...]
    placed: tuple[PlacedGroup, ...]
    aliases: Mapping[str, str]


def line_changes(
    history: History,
    line: Line,
    key: str,
    read: ReadText,
    measurer: Measurer,
    headers: HeadersOfLine | None = None,
    *,
    own_from: int | None = None,
    cuts: Collection[int] = (),
) -> LineReport:
    """Work out what each push of a line did to the weights, and whether it was announced.

    `key` is the model's key in the graph, `own_from` the position from which a branch is its own, `cuts` are positions
    where a push begins whatever the dates are. Texts and weights that cannot be read are in each change's `unchecked`.
    Without `headers` names decide which files are weights.
    A text or commit message that is at hand and too long to be read may hold the announcement: a change that would be
    silent without it has no verdict.
    """
    cut = pushes(line, watched_on(line), cuts if own_from is None else {*cuts, own_from})
    contents = Contents(measurer)
    compared = list(measured(weight_pushes(cut, Indexes(read, headers), contents, own_from), measurer))
    weighty = with_checkpoints(line, [push for push, _ in compared])
    texts, refs = Texts(line, read), RefsByCommit(tags_by_commit(history), branches_by_commit(history, line.branch))
    announced = first_announced(line, refs)
    changes = []
    for i, push in enumerate(weighty):
        window = Window(push.trees.first, _window_end(weighty, i, len(line.commits)), push.trees.push.end)
        found = signals(line, window, texts, refs, announced) if push.counts else _name_signal(push, line)
        messages = tuple(unread_messages(line, window)) if push.counts else ()
        unread = (*messages, *texts.unchecked(window.first, window.last)) if push.counts else ()
        verdict = verdict_of(found) if push.counts else None
        if verdict == "silent" and (messages or texts.hides(window.first, window.last)):
            verdict = None
        changes.append(_change(key, push, found, (*compared[i][1], *unread), verdict))
    placed = tuple(group for push in weighty for group in push.after.values())
    return LineReport(line, tuple(cut), tuple(changes), placed, contents.aliases)


def _window_end(weighty: Sequence[WeightPush], i: int, length: int) -> int:
    """Find the last position before the next change that counts: until then a signal belongs to this one."""
    following = (push.trees.first for push in weighty[i + 1 :] if push.counts)
    return next(following, length) - 1


def _name_signal(push: WeightPush, line: Line) -> tuple[VersionSignal, ...]:
    """Take a version in the repository's name as a signal of the first upload, and of nothing else."""
    version = name_version(line.model)
    if push.kind != "first_upload" or push.continues or push.on_inherited or not version:
        return ()
    return (VersionSignal(kind="name", value=version, revision=push.trees.push.revisions[0]),)


def verdict_of(found: Iterable[VersionSignal]) -> Verdict:
    """Return the verdict that some signals give to a change that counts."""
    kinds = {signal.kind for signal in found if signal.kind != NEW_VERSION}
    if kinds & VERSION_KINDS:
        return "versioned"
    return "documented" if kinds else "silent"


def _change(
    key: str, push: WeightPush, found: tuple[VersionSignal, ...], unchecked: tuple[Unchecked, ...],
    verdict: Verdict | None,
) -> Change:  # fmt: skip
    made = push.trees.push
    return Change(
        key=change_key(key, made.branch, made.revisions[0]),
        model=key,
        branch=made.branch,
        revisions=made.revisions,
        base=made.base,
        start=made.start,
        end=made.end,
        kind=push.kind,
        verdict=verdict,
        counts=push.counts,
        replacements=push.replacements,
        groups=push.groups,
        signals=found,
        unchecked=unchecked,
    )
