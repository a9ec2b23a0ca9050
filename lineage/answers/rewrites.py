"""Findings about a rewritten history: recorded weights that no commit of the branch has any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lineage.answers.findings import finding
from lineage.versioning.tags import TAGS
from lineage_schemas.ids import revision_key
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.store.interface import StoreView
    from lineage.versioning.since import Since
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.change import Change

MAX_LISTED = 10
"""Lost states that an answer lists; the last finding says how many more there are."""

UNRELATED = -1
"""The fork of a lost commit that shares no commit with the line, as before a squash of the whole history."""


@dataclass(frozen=True)
class RewrittenLine:
    """Find the recorded weights that a rewrite of one line lost.

    `since` is the range as the user wrote it, `start` its start on the line as it is now.
    """

    view: StoreView
    key: str
    shown: str
    recorded: RecordedLine
    since: str | None
    start: Since

    def findings(self) -> Iterator[Finding]:
        """Give one finding for each lost change: every one counts, because a push chooses the dates of its commits."""
        lost = [change for change in self._lost() if self._is_asked_for(change) and not self._is_accepted(change)]
        more = len(lost) - MAX_LISTED
        for number, change in enumerate(lost[-MAX_LISTED:], start=1):
            last = change.revisions[-1]
            rest = f"; the same is true of {more} more recorded changes" if more > 0 and number == MAX_LISTED else ""
            yield finding(
                "rewritten-history",
                f"the history of {self.recorded.line.branch} was rewritten: the weights recorded at {last[:12]} "
                f"are no longer on any commit of the branch{rest}",
                Pointer(model=self.shown, revision=last),
            )

    def _lost(self) -> list[Change]:
        """List the lost changes, unless the branch merely forgot them: a squash keeps the state of the last one.

        A rewrite that keeps the last state and has weights before it that no lost commit had is not a squash: it puts
        others in the place of recorded ones.
        """
        vanished = self.recorded.vanished
        if not vanished:
            return []
        line = [revision_key(self.key, commit) for commit in self._positions]
        present = self._weights(list(self._positions))
        kept = set().union(*present.values())
        weights = self._weights([change.revisions[-1] for change in vanished])
        held = {change.key: weights.get(revision_key(self.key, change.revisions[-1]), set()) for change in vanished}
        lost = [change for change in vanished if held[change.key] - kept]
        last = [held[change.key] for change in self._tips(vanished)]
        if any(each - kept for each in last):
            return lost
        recorded = set().union(*held.values())
        ends = max((i for i, key in enumerate(line) for each in last if each & present.get(key, set())), default=0)
        inside = set().union(*(present.get(key, set()) for key in line[self._newest_fork(vanished) + 1 : ends]))
        return lost if inside - recorded else []

    def _tips(self, vanished: Sequence[Change]) -> list[Change]:
        """Select the lost changes that no other one builds on; a push chooses the dates, so they do not decide."""
        below: set[str] = set()
        for change in vanished:
            below |= self._ancestors(change.revisions[-1])
        return [change for change in vanished if change.revisions[-1] not in below] or list(vanished[-1:])

    def _ancestors(self, commit: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self._parents.get(commit, ()))
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting += self._parents.get(at, ())
        return found

    def _newest_fork(self, vanished: Sequence[Change]) -> int:
        forks = (self._fork(change.revisions[-1]) for change in vanished)
        return max((fork for fork in forks if fork is not None), default=UNRELATED)

    def _weights(self, commits: Sequence[str]) -> dict[str, set[str]]:
        """Return the weights of commits by the keys of their revisions."""
        found: dict[str, set[str]] = {}
        for edge in self.view.edges("HAS_WEIGHTS", [revision_key(self.key, commit) for commit in commits], "out"):
            found.setdefault(edge.source, set()).add(edge.target)
        return found

    def _is_asked_for(self, change: Change) -> bool:
        """Return whether the line goes on after the commit where a lost change forked off.

        `MODEL@COMMIT` ends at a commit. If A, B became A, C, then C replaced B, and A is what it was before B.
        """
        fork = self._fork(change.revisions[-1])
        return self.recorded.whole is None or fork is None or fork < len(self.recorded.line.commits) - 1

    def _is_accepted(self, change: Change) -> bool:
        """Return whether the user pinned the new history: a commit of it after the one where the lost ones forked off.

        A date, a branch and the last check do not show that, because nothing records when the history was rewritten.
        """
        if not self._names_a_commit:
            return False
        fork = self._fork(change.revisions[-1])
        return fork is not None and self.start.position > fork

    @cached_property
    def _names_a_commit(self) -> bool:
        """Return whether the range starts at a commit or tag that the user named and that is on the line."""
        if self.since in (None, "last") or self.start.by_date or self.start.commit is None:
            return False
        tags = {name for tag in self.recorded.tags for name in (tag.name, tag.name.removeprefix(TAGS))}
        return self.since in tags or self.start.commit.startswith(self.since.lower())

    def _fork(self, lost: str) -> int | None:
        """Return the position of the newest ancestor of a lost commit that is on the line; None if it is not known."""
        found = UNRELATED
        seen, waiting = {lost}, [lost]
        while waiting:
            commit = waiting.pop()
            if commit in self._positions:
                found = max(found, self._positions[commit])
                continue
            if commit not in self._parents:
                return None
            new = [parent for parent in self._parents[commit] if parent not in seen]
            seen.update(new)
            waiting += new
        is_whole = self.recorded.history.incomplete is None and self.recorded.line.cut is None
        return found if found != UNRELATED or is_whole else None

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Map the commits of the whole branch to their positions: weights that came back later are not lost."""
        line = self.recorded.whole or self.recorded.line
        return {commit.id: position for position, commit in enumerate(line.commits)}

    @cached_property
    def _parents(self) -> dict[str, Sequence[str]]:
        """Map every recorded commit, lost ones too, to its parents."""
        rows = self.view.find("Revision", {"model": self.key})
        return {row.properties["commit"]: row.properties["parents"] for row in rows}
