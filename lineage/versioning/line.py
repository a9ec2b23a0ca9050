"""Lines and pushes: a branch's first-parent line, cut where the dates show that another upload began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lineage.errors import RevisionNotFoundError
from lineage.fingerprint.weight_files import is_weight_file
from lineage_schemas.file import FileVersion
from lineage_schemas.history import Commit, History
from lineage_schemas.push import Push

PUSH_GAP = timedelta(hours=1)
"""Our choice: sharded uploads come as one commit a shard, minutes apart; other uploads come hours apart."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far a date may fall behind the latest date within one push: clocks of two machines differ by so much.

The publisher chooses the dates. A commit that is dated earlier than this before the latest commit of the push begins a
push of its own, so that a backdated replacement cannot be counted into the upload before it, also not in small steps.
"""

UNDATED = datetime.fromtimestamp(0, UTC)
"""Used where a record needs a date and the commit has none."""


@dataclass(frozen=True)
class Line:
    """Hold one branch's first-parent line.

    `commits` are oldest first. `arrived[i]` are the commits that become reachable with `commits[i]`, itself
    included: merged work arrives with its merge. `cut` is the reason why the line ends before a root, or None.
    """

    model: str
    branch: str
    commits: tuple[Commit, ...]
    arrived: tuple[tuple[Commit, ...], ...]
    cut: str | None = None

    def position(self, commit: str) -> int | None:
        """Find the position of a commit on the line, or None."""
        return next((i for i, c in enumerate(self.commits) if c.id == commit), None)


@dataclass(frozen=True)
class PushTrees:
    """Hold a push with the trees before and after it.

    `first` and `last` are positions on the line. `before` and `after` map the watched paths to file versions,
    `written` counts how many times the push gave each path a new content.
    """

    push: Push
    first: int
    last: int
    before: Mapping[str, FileVersion]
    after: Mapping[str, FileVersion]
    written: Mapping[str, int]


def first_parent_line(history: History, branch: str, head: str) -> Line:
    """Follow first parents from `head` back to a root.

    A parent that the history does not hold ends the line and is named in `cut`. Raises RevisionNotFoundError
    where `head` itself is not there.
    """
    by_id = {commit.id: commit for commit in history.commits}
    if head not in by_id:
        raise RevisionNotFoundError(f"{history.model} has no commit {head[:12]}", model=history.model)
    line, seen, cut, at = [], set(), None, head
    while at not in seen:
        seen.add(at)
        line.append(by_id[at])
        parent = by_id[at].parents[:1]
        if parent and parent[0] not in by_id:
            cut = f"the history ends at {at[:12]}: its parent {parent[0][:12]} could not be read"
        if not parent or cut:
            break
        at = parent[0]
    line.reverse()
    return Line(history.model, branch, tuple(line), tuple(_arrivals(line, by_id)), cut)


def _arrivals(line: list[Commit], by_id: Mapping[str, Commit]) -> Iterator[tuple[Commit, ...]]:
    """Give for each commit of the line what became reachable with it."""
    known: set[str] = set()
    for commit in line:
        fresh: list[Commit] = []
        waiting = [commit.id]
        while waiting:
            at = waiting.pop()
            if at in known or at not in by_id:
                continue
            known.add(at)
            fresh.append(by_id[at])
            waiting.extend(by_id[at].parents)
        yield tuple(sorted(fresh, key=lambda c: (c.date or UNDATED, c.id != commit.id, c.id)))


_MADE_FIRST = frozenset({"refs/heads/main", "refs/heads/master"})
"""Names of the branch that a repository begins with: it was not made from another, whatever the default is now."""


def first_own(line: Line, default: Line) -> int | None:
    """Find the first commit of a branch's own after those that it shares with the default branch, by position.

    None for the default branch, for `main` and `master`, and for a branch that shares nothing or has no own commit.
    None too where the commits do not show which branch was made from which, so that changes count rather than pass for
    a first upload: the default branch has another name than `main` or `master` (it may have been made later and set as
    default), or it ends where the branch leaves it after weights were replaced (it may have been moved forward along
    the branch).
    """
    if line.branch == default.branch or line.branch in _MADE_FIRST or default.branch not in _MADE_FIRST:
        return None
    shared = {commit.id for commit in default.commits}
    own = 1 + max((i for i, commit in enumerate(line.commits) if commit.id in shared), default=-1)
    if not 0 < own < len(line.commits):
        return None
    ends_there = line.commits[own - 1].id == default.commits[-1].id
    return None if ends_there and _replaces_weights(line.commits[:own]) else own


def _replaces_weights(commits: Iterable[Commit]) -> bool:
    """Return whether a commit replaces or removes a weight file."""
    changes = (change for commit in commits for change in commit.changes or ())
    return any(change.old is not None and is_weight_file(change.path) for change in changes)


def last_before(line: Line, late: Callable[[datetime], bool]) -> int:
    """Find the last position before the first commit whose date is late, -1 where the line begins with such a commit.

    Dates may run backwards: an early date further up the line does not make the commits before it early.
    """
    dated = enumerate(commit.date for commit in line.commits)
    return next((i for i, date in dated if date is not None and late(date)), len(line.commits)) - 1


def pushes(line: Line, watched: Callable[[str], bool], cuts: Collection[int] = ()) -> list[PushTrees]:
    """Cut a line into pushes and keep the watched part of the tree before and after each.

    `cuts` are positions at which a push begins whatever the dates are.
    """
    tree: dict[str, FileVersion] = {}
    cut: list[PushTrees] = []
    for first, last in _runs(line.commits, cuts):
        before = dict(tree)
        written: Counter[str] = Counter()
        for commit in line.commits[first : last + 1]:
            written.update(_apply(commit, tree, watched))
        commits = line.commits[first : last + 1]
        dates = [commit.date or UNDATED for commit in commits]
        push = Push(
            model=line.model,
            branch=line.branch,
            base=line.commits[first - 1].id if first else None,
            revisions=tuple(commit.id for commit in commits),
            start=min(dates),
            end=max(dates),
        )
        cut.append(PushTrees(push, first, last, before, dict(tree), dict(written)))
    return cut


def _runs(commits: tuple[Commit, ...], cuts: Collection[int]) -> Iterator[tuple[int, int]]:
    """Give first and last position of each push."""
    first, latest = 0, commits[0].date if commits else None
    for i in range(1, len(commits) + 1):
        if i == len(commits) or i in cuts or not _continues_push(latest, commits[i - 1], commits[i]):
            yield first, i - 1
            first, latest = i, None
        if i < len(commits) and (date := commits[i].date):
            latest = max(latest or date, date)


def _continues_push(latest: datetime | None, before: Commit, commit: Commit) -> bool:
    """Return whether a commit belongs to the push of the one before it, whose latest date is given.

    Without dates it does not. The date may fall behind the latest one, not behind the last: many small steps back are
    one long one.
    """
    if latest is None or before.date is None or commit.date is None:
        return False
    return commit.date >= latest - CLOCK_SKEW and commit.date - before.date < PUSH_GAP


def _apply(commit: Commit, tree: dict[str, FileVersion], watched: Callable[[str], bool]) -> Iterator[str]:
    """Bring the tree from a commit's first parent to the commit; give the paths that got a content."""
    for change in commit.changes or ():
        if not watched(change.path):
            continue
        if change.new is None:
            tree.pop(change.path, None)
        else:
            tree[change.path] = change.new
            yield change.path
