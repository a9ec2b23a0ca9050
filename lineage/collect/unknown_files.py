"""Files that may declare where a model comes from and are not available: what they declare is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.fingerprint.groups import is_weight_file
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage_schemas.snapshot import Snapshot

CARD = "README.md"

DECLARING = (CARD, "config.json", "adapter_config.json", "mergekit_config.yml")
"""Files that name a parent or a licence, the most informative first."""

UNKNOWN = "unknown: "


def unknown_files(snapshot: Snapshot) -> str | None:
    """Report which declaring files are not available, and why; None if all that exist could be read.

    Answers about this model repeat the report until the model is read completely.
    """
    unknown = [path for path in DECLARING if path in snapshot.without_bytes or snapshot.may_have(path)]
    if not unknown:
        return None
    reason = snapshot.partial or snapshot.without_bytes[unknown[0]]
    return f"{UNKNOWN}{', '.join(unknown)}: {reason}"


def decides(note: str, *, has_parent: bool) -> bool:
    """Return whether unknown files leave open where a model comes from: its card is unknown, or no parent is named.

    `note` is the report of `unknown_files`. A declared parent stays one, whatever a config adds.
    """
    return not has_parent or note.startswith(f"{UNKNOWN}{CARD}")


def with_known_files(snapshot: Snapshot) -> Snapshot:
    """Leave out small files without bytes, which would otherwise be kept as evidence of unreadable files."""
    absent = {path for path in snapshot.without_bytes if not is_weight_file(path)}
    unlisted = {path for path in (CARD, "config.json") if snapshot.may_have(path)}
    files = tuple(entry for entry in snapshot.files if entry.path not in absent)
    unreadable = {path: why for path, why in snapshot.unreadable.items() if path not in absent | unlisted}
    return snapshot.model_copy(update={"files": files, "unreadable": unreadable})


def named_files(snapshot: Snapshot) -> tuple[FileEntry, ...]:
    """List the files of a snapshot and the weights known by name only: broken links, files without access.

    Files that a partial list may lack are not among them.
    """
    named = [path for path in snapshot.unreadable if is_weight_file(path) and not snapshot.has(path)]
    return (*snapshot.files, *(FileEntry(path=path) for path in named))
