"""Texts along a line: cards and changelogs at each commit that wrote them, and what is new in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lineage.errors import HubError, TextTooLongError
from lineage.versioning.line import Line
from lineage_schemas.unchecked import Unchecked

ReadText = Callable[[str, str, int | None], bytes]
"""Read a whole text at a commit: `(commit, path, size) -> bytes`, with the size that the commit gives it, if known.

Raises TextTooLongError where it is too long to be read, and another HubError where it cannot be read at all.
"""

CARD = "README.md"

CHANGELOG_NAME = re.compile(
    r"^(?:changelog|changes|history|release[-_ ]?notes?|releases|news)(?:\.\w+)?$", re.IGNORECASE
)

CHANGELOG_HEADING = re.compile(
    r"^#+\s.*\b(?:change ?log|changes|release notes?|releases|version history|history|what'?s new|news|updates?|"
    r"versions?)\b",
    re.IGNORECASE,
)

HEADING = re.compile(r"^#+\s")


def is_changelog(path: str) -> bool:
    """Return whether a path is that of a changelog at the repository's root or in a folder of documents."""
    parts = path.split("/")
    return len(parts) <= 2 and bool(CHANGELOG_NAME.match(parts[-1]))


def is_text(path: str) -> bool:
    """Return whether a path holds a text in which publishers announce versions."""
    return path == CARD or is_changelog(path)


@dataclass(frozen=True)
class NewLine:
    """Hold one line of a text that was not there before, and whether it is in a changelog."""

    text: str
    in_changelog: bool


@dataclass
class Texts:
    """Read the announcing texts of a line, each version once.

    What cannot be read is kept in `unreadable`, by commit and path, and counts as unknown, never as silence. Those of
    them that are at hand, and are only too much to read, are in `too_long`.
    """

    line: Line
    read: ReadText
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    too_long: set[tuple[str, str]] = field(default_factory=set)
    _known: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def written(self, first: int, last: int) -> Iterator[tuple[int, str]]:
        """Give position and path of each announcing text that commits of a stretch of the line wrote."""
        for position in range(first, last + 1):
            for change in self.line.commits[position].changes or ():
                if is_text(change.path) and change.new is not None:
                    yield position, change.path

    def before(self, position: int, path: str) -> str | None:
        """Return a text as it was before a position: empty where it was not there, None where unreadable."""
        earlier = self._writer_before(position, path)
        return "" if earlier is None else self.at(earlier, path)

    def _writer_before(self, position: int, path: str) -> int | None:
        """Find the commit whose version of a path stood before a position; None where the path was not there."""
        for earlier in range(position - 1, -1, -1):
            for change in self.line.commits[earlier].changes or ():
                if change.path == path:
                    return earlier if change.new is not None else None
        return None

    def at(self, position: int, path: str) -> str | None:
        """Give a text as a commit of the line wrote it; None where it cannot be read."""
        key = (self.line.commits[position].id, path)
        if key not in self._known:
            self._known[key] = self._read(*key, self._size(position, path))
        return self._known[key]

    def _size(self, position: int, path: str) -> int | None:
        """Return the size of a text that its commit gives."""
        changes = self.line.commits[position].changes or ()
        return next((change.new.size for change in changes if change.path == path and change.new), None)

    def _read(self, commit: str, path: str, size: int | None) -> str | None:
        try:
            return self.read(commit, path, size).decode("utf-8", "replace")
        except TextTooLongError as error:
            self.give_up(commit, path, error.reason)
        except HubError as error:
            self.unreadable[commit, path] = error.message
        return None

    def give_up(self, commit: str, path: str, reason: str) -> None:
        """Note a text that is at hand and too much to read."""
        self.unreadable[commit, path] = reason
        self.too_long.add((commit, path))

    def unchecked(self, first: int, last: int) -> Iterator[Unchecked]:
        """List the texts of a stretch that could not be read, and so may announce a change that seems silent."""
        for commit, path in self._needed(first, last):
            if (commit, path) in self.unreadable:
                yield Unchecked(what=f"{path} at {commit[:12]}", reason=self.unreadable[commit, path])

    def hides(self, first: int, last: int) -> bool:
        """Say whether a text of a stretch is too much to read: what it announces is there, and not looked at."""
        return any(text in self.too_long for text in self._needed(first, last))

    def _needed(self, first: int, last: int) -> Iterator[tuple[str, str]]:
        """List the texts that a stretch wrote, and those that stood there before, in order of the line."""
        needed = {
            (needed_at, path)
            for position, path in self.written(first, last)
            for needed_at in (position, self._writer_before(position, path))
            if needed_at is not None
        }
        for position, path in sorted(needed):
            yield self.line.commits[position].id, path


def new_lines(before: str, after: str, *, changelog: bool) -> list[NewLine]:
    """List the lines of prose that `after` has and `before` lacks; code, tables and the metadata block left out.

    `changelog` says that the whole text is one; in a card a heading opens a changelog and the next heading of
    another subject closes it, unless that heading is itself a version.
    """
    known = {text.strip() for text in before.splitlines()}
    return [line for line in _prose(after, changelog=changelog) if line.text not in known]


def _prose(text: str, *, changelog: bool) -> Iterator[NewLine]:
    fenced, inside = False, changelog
    for raw in _body(text).splitlines():
        stripped = raw.strip()
        if stripped.startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and stripped and not stripped.startswith("|"):
            if HEADING.match(stripped) and not changelog:
                inside = bool(CHANGELOG_HEADING.match(stripped)) or (inside and any(c.isdigit() for c in stripped))
            yield NewLine(stripped, inside)


def _body(text: str) -> str:
    """Cut a card's metadata block off."""
    match = re.match(r"\s*---\r?\n.*?\n---[ \t]*\r?\n", text, re.DOTALL)
    return text[match.end() :] if match else text
