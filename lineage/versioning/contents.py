"""Files that git keeps as a blob on one side of a push and git LFS on the other: the same bytes under two ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from lineage.versioning.groups import Pairing, PlacedGroup
from lineage_schemas.file import FileVersion
from lineage_schemas.unchecked import Unchecked


class FileHash(NamedTuple):
    """Hold the SHA-256 of a file, or the reason why it is not known and the command that finds it out."""

    sha256: str | None
    reason: str | None = None
    decide_with: str | None = None


class Hasher(Protocol):
    """Hash files that are kept in git itself, as far as the budget reaches."""

    def sha256(self, commit: str, path: str, size: int) -> FileHash:
        """Hash a file that is at most `size` bytes long; never raises for what cannot be read."""


@dataclass
class Contents:
    """Hash git blobs that may be what git LFS holds on the other side of a push, each once.

    `aliases` maps the ids of blobs to the SHA-256 of LFS files with the same bytes, `unread` to why a blob that may be
    one was not read.
    """

    hasher: Hasher
    aliases: dict[str, str] = field(default_factory=dict)
    unread: dict[str, FileHash] = field(default_factory=dict)
    _known: dict[str, str | None] = field(default_factory=dict)

    def with_aliases(
        self, before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup]
    ) -> tuple[Mapping[str, PlacedGroup], Mapping[str, PlacedGroup]]:
        """Give the groups on both sides of a push, with the blobs known that LFS holds on the other side."""
        for one, other in ((before, after), (after, before)):
            self._hash_moved(one, other)
        if not self.aliases:
            return before, after
        return self._renamed(before), self._renamed(after)

    def _renamed(self, groups: Mapping[str, PlacedGroup]) -> Mapping[str, PlacedGroup]:
        return {name: replace(placed, aliases=self.aliases) for name, placed in groups.items()}

    def _hash_moved(self, plain: Mapping[str, PlacedGroup], stored: Mapping[str, PlacedGroup]) -> None:
        """Hash the blobs of one side that are gone from the other where an LFS file of their size is there instead."""
        kept = {version.blob_id for _, _, version in _files(stored)}
        had = {version.sha256 for _, _, version in _files(plain)}
        fresh = {v.sha256: v.size for _, _, v in _files(stored) if v.sha256 and v.sha256 not in had}
        for commit, path, version in _files(plain):
            blob = version.blob_id
            if not blob or version.sha256 or blob in kept:
                continue
            sizes = [size for size in fresh.values() if size is not None and version.size in (None, size)]
            if sizes and self._sha256(blob, commit, path, max(sizes)) in fresh:
                self.aliases[blob] = self._known[blob] or ""

    def _sha256(self, blob: str, commit: str, path: str, size: int) -> str | None:
        if blob not in self._known:
            found = self.hasher.sha256(commit, path, size)
            self._known[blob] = found.sha256
            if found.reason is not None:
                self.unread[blob] = found
        return self._known[blob]

    def unchecked(self, pair: Pairing) -> Iterator[Unchecked]:
        """List the blobs of two groups that were not read although LFS may hold the same bytes on the other side."""
        for placed in (pair.before, pair.after):
            for path, version in placed.files.items() if placed else ():
                if placed and version.blob_id in self.unread and not version.sha256:
                    found = self.unread[version.blob_id]
                    yield Unchecked(
                        what=f"whether {path} at {placed.commit[:12]} moved between git and git LFS unchanged",
                        reason=found.reason or "",
                        decide_with=found.decide_with,
                    )


def _files(groups: Mapping[str, PlacedGroup]) -> Iterator[tuple[str, str, FileVersion]]:
    for placed in groups.values():
        for path, version in placed.files.items():
            yield placed.commit, path, version
