"""Sides of a comparison made of files in memory, as a Hub and its readers give them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint
from lineage.hub.card import read_card
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage.hub.json_text import parse_json_object
from lineage.hub.lfs import git_blob_id
from lineage.versioning.facets.side import NotAtHand, Side
from lineage_schemas.digests import Digests
from lineage_schemas.facet import Facet
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot
from lineage_schemas.weight_group import WeightGroup

Content = bytes | str | Mapping[str, object]
Files = Mapping[str, Content]


def content_of(value: Content) -> bytes:
    """Write a file: an object as JSON."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def side_of(
    files: Files, *, commit: str = "a" * 40, unread: Mapping[str, str] | None = None, partial: str | None = None
) -> Side:
    """Make a side of files; `unread` are texts that are not at hand, with the reason."""
    contents = {path: content_of(value) for path, value in files.items()}
    entries = tuple(
        FileEntry(path=path, size=len(data), blob_id=git_blob_id(data)) for path, data in sorted(contents.items())
    )
    unreadable: dict[str, str] = {}
    card_text = card = config = None
    if "README.md" in contents:
        card_text, card, problem = read_card(contents["README.md"])
        unreadable |= {"README.md": problem} if problem else {}
    if "config.json" in contents:
        config, problem = parse_json_object(contents["config.json"])
        unreadable |= {"config.json": problem} if problem else {}
    texts: dict[str, bytes | NotAtHand] = {path: _text(data) for path, data in contents.items()}
    texts |= {path: NotAtHand(reason) for path, reason in (unread or {}).items()}
    snapshot = Snapshot(
        model="lab/model", commit=commit, files=entries, card=card, card_text=card_text, config=config,
        unreadable=unreadable, partial=partial,
    )  # fmt: skip
    groups = tuple(_group(group, entries) for group in weight_groups(entries))
    return Side(snapshot, texts, groups)


def _text(data: bytes) -> bytes | NotAtHand:
    return data if len(data) <= MAX_TEXT_BYTES else NotAtHand(too_long(len(data)), too_long=True)


def _group(group: WeightGroup, entries: tuple[FileEntry, ...]) -> GroupFingerprint:
    """Know a group by the ids of its files."""
    files = tuple(entry for entry in entries if entry.path in group.files)
    return GroupFingerprint(group, files=files, digests=Digests(files=files_digest(entry.identity for entry in files)))


def changes_of(facet: Facet) -> dict[str, tuple[str, str | None, str | None]]:
    """List what changed in a facet: kind, before and after by field."""
    return {each.field: (each.kind, each.before, each.after) for each in facet.changes}
