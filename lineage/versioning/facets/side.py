"""One side of a comparison: what a snapshot lists, the small texts, and the weights as far as they were read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.hub.json_text import parse_json_object
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage_schemas.file import FileEntry, FileVersion
    from lineage_schemas.snapshot import Snapshot

CARD, CONFIG = "README.md", "config.json"
"""Files whose content the snapshot has already."""


class NotAtHand(NamedTuple):
    """Say why a text was not read; `too_long` if it exists and is more than is read of a text."""

    reason: str
    too_long: bool = False


class Object(NamedTuple):
    """Hold the fields of a JSON object or of a card's metadata, and in `problem` why some or all are unknown.

    With a problem, `fields` has those that are known all the same; a field that it lacks may exist.
    """

    fields: Mapping[str, Any]
    problem: str | None = None


@dataclass(frozen=True)
class Side:
    """Hold what is known of a model at one commit.

    `texts` has the content of small files by path, or the reason why it was not read; a listed file that is in neither
    was not asked for. `groups` has every weight group, measured as deep as it was read: at least by its files' hashes.
    """

    snapshot: Snapshot
    texts: Mapping[str, bytes | NotAtHand] = field(default_factory=dict)
    groups: tuple[GroupFingerprint, ...] = ()
    _parsed: dict[str, Object] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def files(self) -> dict[str, FileEntry]:
        """Map the listed paths to their files."""
        return {entry.path: entry for entry in self.snapshot.files}

    @cached_property
    def main(self) -> GroupFingerprint | None:
        """Return the group that the standard loader loads."""
        return next((each for each in self.groups if each.group.main), None)

    @cached_property
    def paths(self) -> frozenset[str]:
        """Return the paths of all listed files, and of those that exist and could not be read at all: broken links."""
        return frozenset(self.files) | frozenset(self.snapshot.unreadable)

    def may_have(self, path: str) -> bool:
        """Return whether a file that is not listed may exist: it could not be read, or the list is partial."""
        snapshot = self.snapshot
        if path in self.files:
            return False
        return path in snapshot.unreadable or (snapshot.partial is not None and path not in snapshot.known_absent)

    def why_not_listed(self, path: str) -> str:
        """Return why a file that may exist is not listed."""
        return self.snapshot.unreadable.get(path, self.snapshot.partial or "it is not listed")

    def pointer(self, path: str | None = None, field: str | None = None, tensor: str | None = None) -> Pointer:
        """Point to a place on this side."""
        snapshot = self.snapshot
        return Pointer(model=snapshot.model, revision=snapshot.commit, file=path, field=field, tensor=tensor)

    def text(self, path: str) -> bytes | NotAtHand:
        """Return the content of a listed file, or why it was not read."""
        return self.texts.get(path, NotAtHand(self.snapshot.without_bytes.get(path, "it was not read")))

    def object(self, path: str) -> Object:
        """Read the fields of the card or of a JSON file; without a problem and without fields if there is no file."""
        if path not in self._parsed:
            self._parsed[path] = self._read_object(path)
        return self._parsed[path]

    def _read_object(self, path: str) -> Object:
        snapshot = self.snapshot
        if path not in self.files:
            return Object({}, self.why_not_listed(path) if self.may_have(path) else None)
        if path == CARD:
            known = snapshot.card or snapshot.card_text is not None
            return Object(snapshot.card or {}, snapshot.unreadable.get(CARD, None if known else "it was not read"))
        if path == CONFIG and (snapshot.config is not None or CONFIG in snapshot.unreadable):
            return Object(snapshot.config or {}, snapshot.unreadable.get(CONFIG))
        content = self.text(path)
        if isinstance(content, NotAtHand):
            return Object({}, content.reason)
        value, problem = parse_json_object(content)
        return Object(value or {}, problem or (None if value is not None else "it is empty"))


def same_bytes(before: FileVersion, after: FileVersion) -> bool | None:
    """Return whether two files have the same bytes; None if their ids do not show it.

    A file in git LFS has the id of its pointer in git, and often no SHA-256 is known of a file in git itself: two ids
    of different kinds prove nothing.
    """
    if before.sha256 and after.sha256:
        return before.sha256 == after.sha256
    if before.blob_id and before.blob_id == after.blob_id:
        return True
    if before.size is not None and after.size is not None and before.size != after.size:
        return False
    one_kind = before.blob_id and after.blob_id and not (before.sha256 or after.sha256)
    return False if one_kind else None


def json_text(value: object) -> str:
    """Write a value as JSON text, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
