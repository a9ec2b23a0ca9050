"""Reading the two sides of a comparison: the small texts that differ, each once, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lineage.collect.unknown_files import named_files
from lineage.errors import HubError, TextTooLongError
from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint
from lineage.versioning.facets.files import LEFT_OUT, texts_to_read
from lineage.versioning.facets.side import NotAtHand, Side, same_bytes
from lineage_schemas.digests import Digests

if TYPE_CHECKING:
    from lineage_schemas.snapshot import Snapshot


class TextSource(Protocol):
    """Read texts of a model at a commit, as a Hub does."""

    def read_text(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a whole text. Raises HubError if it is not at hand."""


class Listed(NamedTuple):
    """Hold where one side is read, what it lists, and its weight groups as far as they were measured."""

    hub: TextSource
    snapshot: Snapshot
    measured: tuple[GroupFingerprint, ...] = ()


def read_sides(before: Listed, after: Listed) -> tuple[Side, Side]:
    """Read the texts that the facets need; a text with the same id on both sides is read once.

    What cannot be read is kept with the reason, and no error is raised. Weight groups that were not measured are known
    by the ids of their files.
    """
    wanted = texts_to_read(before.snapshot, after.snapshot)
    left_out = dict.fromkeys(wanted.left_out, NotAtHand(LEFT_OUT))
    old = left_out | _texts(before, wanted.before, {})
    listed = {entry.path: entry for entry in before.snapshot.files}
    shared = {
        entry.path: text
        for entry in after.snapshot.files
        if isinstance(text := old.get(entry.path), bytes) and same_bytes(listed[entry.path], entry)
    }
    new = left_out | _texts(after, wanted.after, shared)
    return Side(before.snapshot, old, _groups(before)), Side(after.snapshot, new, _groups(after))


def _texts(side: Listed, paths: Iterable[str], known: dict[str, bytes]) -> dict[str, bytes | NotAtHand]:
    """Read some texts of one side."""
    sizes = {entry.path: entry.size for entry in side.snapshot.files}
    found: dict[str, bytes | NotAtHand] = {}
    for path in paths:
        found[path] = known[path] if path in known else _text(side, path, sizes.get(path))
    return found


def _text(side: Listed, path: str, size: int | None) -> bytes | NotAtHand:
    """Read one text, or return the reason why it is not at hand."""
    try:
        return side.hub.read_text(side.snapshot.model, side.snapshot.commit, path, size)
    except TextTooLongError as error:
        return NotAtHand(error.reason, too_long=True)
    except HubError as error:
        return NotAtHand(error.message)


def _groups(side: Listed) -> tuple[GroupFingerprint, ...]:
    """Return all weight groups: the measured ones, and the others by the ids of their files."""
    files = {entry.path: entry for entry in named_files(side.snapshot)}
    taken = {path for each in side.measured for path in each.group.files}
    others = []
    for group in weight_groups(files.values()):
        if taken.isdisjoint(group.files):
            entries = tuple(files[path] for path in group.files)
            plain = group.model_copy(update={"main": group.main and not side.measured})
            digests = Digests(files=files_digest(entry.identity for entry in entries))
            others.append(GroupFingerprint(plain, files=entries, digests=digests))
    return (*side.measured, *others)
