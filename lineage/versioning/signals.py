"""Version signals of a change: what is new between its push's start and the next change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from lineage.hub.bounds import BoundError
from lineage.versioning.card_fields import card_metadata_of, version_fields
from lineage.versioning.line import UNDATED, Line
from lineage.versioning.tags import BRANCHES, is_release_branch
from lineage.versioning.texts import CARD, Texts, is_changelog, new_lines
from lineage.versioning.words import announced_version, describes_change, describes_weights
from lineage_schemas.history import Commit, History
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_signal import VersionSignal

DOCUMENTED_WITHIN = timedelta(hours=24)
"""A text about weights counts for a push at most this long after it."""

HUB_DOI = re.compile(r"\b10\.57967/hf/\d+\b")
"""The Hub's own DOI prefix: other DOIs in a card cite papers."""

MAX_LINE = 300
"""Longer lines of a card are paragraphs of description, not entries."""


NEW_VERSION = "new_version"
"""The field of a card that names the repository of the next version."""


class RefsByCommit(NamedTuple):
    """Hold the tags, and the branches whose names are versions, by commit."""

    tags: Mapping[str, list[str]]
    branches: Mapping[str, list[str]]


@dataclass(frozen=True)
class Window:
    """Hold the stretch of a line in which signals count for a change: positions, and the end of its push."""

    first: int
    last: int
    push_end: datetime

    def is_near(self, commit: Commit) -> bool:
        """Return whether a commit is near enough to the push for its texts to belong to it."""
        return (commit.date or UNDATED) - self.push_end <= DOCUMENTED_WITHIN  # a sum ends with the year 9999


def tags_by_commit(history: History) -> dict[str, list[str]]:
    """List the tags on each commit by short name, in order."""
    tags: dict[str, list[str]] = {}
    for ref in sorted(history.refs, key=lambda r: r.name):
        if ref.kind == "tag":
            tags.setdefault(ref.target, []).append(ref.name.removeprefix("refs/tags/"))
    return tags


def branches_by_commit(history: History, own: str) -> dict[str, list[str]]:
    """List the branches whose names are versions on each commit by short name, in order.

    The default branch is not among them, and neither is the branch `own`, which goes on with each of its commits.
    """
    branches: dict[str, list[str]] = {}
    for ref in sorted(history.refs, key=lambda r: r.name):
        if is_release_branch(ref) and ref.name not in (own, history.default_branch):
            branches.setdefault(ref.target, []).append(ref.name.removeprefix(BRANCHES))
    return branches


def signals(
    line: Line, window: Window, texts: Texts, refs: RefsByCommit, announced: Mapping[str, int]
) -> tuple[VersionSignal, ...]:
    """Gather the signals of one window, versions first, then other texts; each once, in order of the line.

    `announced` is the position on the line where each version was named first: naming it again announces nothing.
    """
    tags, branches = refs
    commits = [c for arrived in line.arrived[window.first : window.last + 1] for c in arrived]
    known = {version for version, position in announced.items() if position < window.first}
    found = [
        *(VersionSignal(kind="tag", value=tag, revision=c.id) for c in commits for tag in tags.get(c.id, ())),
        *(_branch(line, name, c.id) for c in commits for name in branches.get(c.id, ())),
        *_titles(commits, known),
        *_texts(line, window, texts, known),
        *_messages(commits, window),
    ]
    return tuple({(s.kind, s.value): s for s in reversed(found)}.values())[::-1]


def _branch(line: Line, name: str, commit: str) -> VersionSignal:
    """Make the signal of a branch."""
    pointer = Pointer(model=line.model, revision=commit, field=f"{BRANCHES}{name}")
    return VersionSignal(kind="branch", value=name, revision=commit, pointer=pointer)


def first_announced(line: Line, refs: RefsByCommit) -> dict[str, int]:
    """Find at which position of a line each version was named first, by a title, a tag or a branch.

    Once a line and not once a change: a history of 5,000 changes has 12 million earlier titles.
    """
    first: dict[str, int] = {}
    for position, arrived in enumerate(line.arrived):
        named = ((commit.title, *refs.tags.get(commit.id, ()), *refs.branches.get(commit.id, ())) for commit in arrived)
        for text in (text for texts in named for text in texts):
            if version := announced_version(text):
                first.setdefault(version, position)
    return first


def unread_messages(line: Line, window: Window) -> Iterator[Unchecked]:
    """List the commits of a window whose title and message were not read, and so may announce a change."""
    for commit in (c for arrived in line.arrived[window.first : window.last + 1] for c in arrived):
        if commit.unread_message:
            yield Unchecked(what=f"the message of {commit.id[:12]}", reason=commit.unread_message)


def _titles(commits: Iterable[Commit], known: set[str]) -> Iterator[VersionSignal]:
    for commit in commits:
        if (version := announced_version(commit.title)) and version not in known:
            yield VersionSignal(kind="commit_title", value=commit.title[:MAX_LINE], revision=commit.id)


def _messages(commits: Iterable[Commit], window: Window) -> Iterator[VersionSignal]:
    """Find the first line of each message that describes weights; every line is searched, equal ones once."""
    for commit in commits:
        if not window.is_near(commit):
            continue
        for sentence in dict.fromkeys((commit.title, *commit.message.splitlines())):
            if describes_weights(sentence):
                yield VersionSignal(kind="commit_message", value=sentence[:MAX_LINE], revision=commit.id)
                break


def _texts(line: Line, window: Window, texts: Texts, known: set[str]) -> Iterator[VersionSignal]:
    """Compare each announcing text that the window wrote with the text before it."""
    for position, path in texts.written(window.first, window.last):
        before, after = texts.before(position, path), texts.at(position, path)
        if after is None or before is None:
            continue
        commit = line.commits[position]
        if path == CARD:
            try:
                yield from _card_fields(before, after, commit.id)
                yield from _successor(before, after, line.model, commit.id)
            except BoundError as error:
                texts.give_up(commit.id, path, f"its metadata cannot be read: {error}")
        yield from _new_texts(before, after, commit, window, known, changelog=is_changelog(path))


def _card_fields(before: str, after: str, revision: str) -> Iterator[VersionSignal]:
    had = set(HUB_DOI.findall(before))
    for doi in dict.fromkeys(HUB_DOI.findall(after)):
        if doi not in had:
            yield VersionSignal(kind="doi", value=doi, revision=revision)
    old = version_fields(before)
    for name, text in version_fields(after).items():
        if text != old.get(name):
            yield VersionSignal(kind="card_field", value=f"{name}: {text}"[:MAX_LINE], revision=revision)


def _successor(before: str, after: str, model: str, revision: str) -> Iterator[VersionSignal]:
    """Find a repository that the card newly names as the next version."""
    if NEW_VERSION not in after:
        return
    named, had = ((card_metadata_of(text) or {}).get(NEW_VERSION) for text in (after, before))
    if isinstance(named, str) and named.strip() and named != had:
        pointer = Pointer(model=model, revision=revision, file=CARD, field=NEW_VERSION)
        value = f"{NEW_VERSION}: {named}"[:MAX_LINE]
        yield VersionSignal(kind="new_version", value=value, revision=revision, pointer=pointer)


def _new_texts(
    before: str, after: str, commit: Commit, window: Window, known: set[str], *, changelog: bool
) -> Iterator[VersionSignal]:
    for new in new_lines(before, after, changelog=changelog):
        if len(new.text) > MAX_LINE:
            continue
        version = announced_version(new.text) if new.in_changelog else None
        if version and version not in known:
            yield VersionSignal(kind="changelog", value=new.text, revision=commit.id)
        elif window.is_near(commit) and describes_change(new.text):
            kind = "changelog_text" if new.in_changelog else "card_text"
            yield VersionSignal(kind=kind, value=new.text, revision=commit.id)
