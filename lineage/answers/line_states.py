"""The states of a model along a line: what its facets are between two commits, without a request for older texts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from lineage.answers.sides import Listed, read_sides
from lineage.collect.trees import trees_of_line
from lineage.errors import HubError
from lineage.hub.card import read_card
from lineage.hub.json_text import parse_json_object
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.side import CARD, CONFIG, Side
from lineage.versioning.facets.weights import Decided
from lineage.versioning.licence import licence_diff
from lineage.versioning.suggest.fired import Between
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage.versioning.line import Line
    from lineage_schemas.facet import Facet
    from lineage_schemas.file import FileEntry

MAX_BYTES = 50_000_000
"""Texts of one line that are kept while it is judged; later ones are read again."""


class TextsHere:
    """Read texts of old revisions as far as they are on this machine, equal ones once."""

    def __init__(self, hub: Hub, identities: dict[tuple[str, str], str | None]) -> None:
        self._hub, self._identities = hub, identities
        self._kept: dict[str, bytes] = {}
        self._room = MAX_BYTES

    def read_text(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a whole text. Raises HubError if it is not at hand."""
        identity = self._identities.get((commit, path))
        if identity in self._kept:
            return self._kept[identity]
        data = self._hub.read_text_here(model, commit, path, size)
        if identity is not None and len(data) <= self._room:
            self._kept[identity] = data
            self._room -= len(data)
        return data


class LineStates:
    """Hold the files at some commits of a line, and judge the facets between them.

    `unknown` says why nothing is known of a commit: the history does not list what was changed before it.
    """

    def __init__(self, hub: Hub, line: Line, wanted: Collection[str]) -> None:
        self._model = line.model
        trees = trees_of_line(line, line.model, set(wanted))
        self._files: dict[str, tuple[FileEntry, ...]] = {
            tree.revision.rpartition("@")[2]: tree.entries for tree in trees
        }
        identities = {(commit, entry.path): entry.identity for commit, files in self._files.items() for entry in files}
        self._texts = TextsHere(hub, identities)
        self._snapshots: dict[str, Snapshot] = {}
        self.unknown = line.cut or "the source of the history does not list the files that earlier commits changed"

    def has(self, commit: str) -> bool:
        """Return whether the files at a commit are known."""
        return commit in self._files

    def facets(self, before: str, after: str, decided: Decided | None = None) -> tuple[Facet, ...]:
        """Judge all facets between two commits whose files are known; `decided` is what is known of the weights."""
        sides = read_sides(*(self.listed(commit) for commit in (before, after)))
        return judge(*sides, decided=decided)

    def between(self, before: str, after: str, decided: Decided | None = None) -> Between:
        """Judge all facets, and keep the sides for the rules of levels."""
        one, other = (self.snapshot(commit) for commit in (before, after))
        sides = read_sides(*(self.listed(commit) for commit in (before, after)))
        licences = licence_diff((_resolved(one), one), (_resolved(other), other))
        relation = licences.relation if licences else None
        return Between(*sides, judge(*sides, decided=decided, relation=relation), relation)

    def side(self, commit: str) -> Side:
        """Return the state at a commit, with its weight groups by the ids of their files."""
        listed = self.listed(commit)
        return read_sides(listed, listed)[0]

    def listed(self, commit: str) -> Listed:
        """List the files at a commit, with what reads their texts."""
        return Listed(self._texts, self.snapshot(commit))

    def snapshot(self, commit: str) -> Snapshot:
        """List the files of a commit with its card and config, each as far as it is at hand."""
        if commit not in self._snapshots:
            self._snapshots[commit] = self._snapshot(commit)
        return self._snapshots[commit]

    def _snapshot(self, commit: str) -> Snapshot:
        files = {entry.path: entry for entry in self._files[commit]}
        unreadable: dict[str, str] = {}
        found: dict[str, Any] = {}
        for path in (CARD, CONFIG):
            if path not in files:
                continue
            try:
                data = self._texts.read_text(self._model, commit, path, files[path].size)
            except HubError as error:
                unreadable[path] = error.message
                continue
            if path == CARD:
                found["card_text"], found["card"], problem = read_card(data)
            else:
                found["config"], problem = parse_json_object(data)
            if problem is not None:
                unreadable[path] = problem
        return Snapshot(model=self._model, commit=commit, files=tuple(files.values()), unreadable=unreadable, **found)


def _resolved(snapshot: Snapshot) -> ResolvedRevision:
    return ResolvedRevision(model=snapshot.model, commit=snapshot.commit, asked=snapshot.model)
