"""The range that a person asks for: everything on a line after a revision, a tag or a date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lineage.errors import RevisionNotFoundError
from lineage.hub.revisions import Meaning, is_default, meaning_of
from lineage.versioning.indexes import is_watched
from lineage.versioning.line import CLOCK_SKEW, Line, last_before
from lineage_schemas.change import Change
from lineage_schemas.history import Commit, History

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?$")

_AGO = re.compile(r"(?:yesterday|(?P<days>[0-9]{1,6})(?P<unit>[dw]))$")


@dataclass(frozen=True)
class Since:
    """Hold the start of a range: the position of the last commit that is out of it, -1 for the whole line.

    `doubtful` are commits before a start that a date gave which touched weights and may be later than that date: they
    have no date, or one that is earlier than that of a commit before them. `by_date` is set where no commit was named.
    """

    position: int
    commit: str | None
    doubtful: tuple[str, ...] = ()
    by_date: bool = False


def parse_date(text: str, now: datetime | None = None) -> datetime | None:
    """Read `2024-09-06`, an ISO date and time, `yesterday`, `7d` or `3w`; None for anything else.

    Dates are UTC unless they have a zone. Of days ago the whole day is meant: a job that runs every day a little
    earlier or later misses nothing.
    """
    if ago := _AGO.match(text):
        days = 1 if ago["days"] is None else int(ago["days"]) * (7 if ago["unit"] == "w" else 1)
        today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=min(days, today.toordinal() - 1))
    if not _DATE.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def commits_meant(history: History, text: str) -> Meaning:
    """Find the commits of a history that a text means; `HEAD` is the end of the default branch."""
    named = history.default_branch if is_default(text) and history.default_branch else text
    return meaning_of(named, history.refs, (commit.id for commit in history.commits))


def find_since(line: Line, history: History, asked: str) -> Since:
    """Find the position of a revision, tag, branch or date on a line.

    A name wins over a date that is written like it. A commit that was merged in has the position of its merge. Raises
    RevisionNotFoundError where the line has no such commit, or more than one.
    """
    wanted = commits_meant(history, asked).commits
    moment = None if wanted else parse_date(asked)
    if moment:
        return _since_date(line, moment)
    found = [
        (position, commit.id)
        for position, arrived in enumerate(line.arrived)
        for commit in arrived
        if commit.id in wanted
    ]
    if len(found) != 1:
        which = "is not" if not found else "is ambiguous: it means more than one commit"
        raise RevisionNotFoundError(
            f"{asked} {which} on {line.branch} of {line.model}",
            model=line.model,
            hint=_hint(asked, wanted),
        )
    return Since(*found[0])


def _since_date(line: Line, moment: datetime) -> Since:
    """Start before the first commit that is not older than a date, whatever the dates of later commits are."""
    position = last_before(line, lambda date: date >= moment)
    outside = line.commits[: position + 1]
    return Since(position, outside[-1].id if outside else None, tuple(_doubtful(outside)), by_date=True)


def _doubtful(commits: Iterable[Commit]) -> Iterator[str]:
    """Give the commits that touched weights and whose own date does not show when they came to the line."""
    latest: datetime | None = None
    for commit in commits:
        late = commit.date is None or (latest is not None and commit.date < latest - CLOCK_SKEW)
        if late and any(is_watched(change.path) for change in commit.changes or ()):
            yield commit.id
        if commit.date is not None:
            latest = commit.date if latest is None else max(latest, commit.date)


def _hint(asked: str, wanted: Set[str]) -> str:
    if wanted and parse_date(asked):
        return "a branch or tag has this name; write the date with a time, as 2024-09-06T00:00"
    return "give a commit, tag or date of that line, or `last`"


def in_range(line: Line, changes: Iterable[Change], since: Since) -> list[Change]:
    """Give the changes whose push begins after the start of the range; a push is cut there before it is compared."""
    after = {commit.id for commit in line.commits[since.position + 1 :]}
    return [change for change in changes if change.revisions[0] in after]
