"""Files that may declare where a model comes from, and are not at hand: what they say is unknown, and not nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.fingerprint.groups import is_weight_file
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage_schemas.snapshot import Snapshot

CARD = "README.md"

DECLARING = (CARD, "config.json", "adapter_config.json", "mergekit_config.yml")
"""Files that name a parent or a licence, the most telling first."""

UNKNOWN = "unknown: "


def unknown_files(snapshot: Snapshot) -> str | None:
    """Say which declaring files are not at hand, and why; None where all that exist could be read.

    The answer to a question about this model holds it until the model is read whole.
    """
    unknown = [path for path in DECLARING if path in snapshot.without_bytes or snapshot.may_have(path)]
    if not unknown:
        return None
    reason = snapshot.partial or snapshot.without_bytes[unknown[0]]
    return f"{UNKNOWN}{', '.join(unknown)}: {reason}"


def decides(note: str, *, has_parent: bool) -> bool:
    """Say whether unknown files leave open where a model comes from: without its card, or where nothing names a parent.

    `note` is what `unknown_files` gave. A declared parent stays one, whatever a config adds.
    """
    return not has_parent or note.startswith(f"{UNKNOWN}{CARD}")


def with_known_files(snapshot: Snapshot) -> Snapshot:
    """Leave out small files without bytes, which would else be evidence of something unreadable for ever."""
    absent = {path for path in snapshot.without_bytes if not is_weight_file(path)}
    unlisted = {path for path in (CARD, "config.json") if snapshot.may_have(path)}
    files = tuple(entry for entry in snapshot.files if entry.path not in absent)
    unreadable = {path: why for path, why in snapshot.unreadable.items() if path not in absent | unlisted}
    return snapshot.model_copy(update={"files": files, "unreadable": unreadable})


def named_files(snapshot: Snapshot) -> tuple[FileEntry, ...]:
    """List the files of a snapshot and the weights that are there by name only: links to nowhere, files without access.

    Files that a partial list may lack are not there by name.
    """
    named = [path for path in snapshot.unreadable if is_weight_file(path) and not snapshot.has(path)]
    return (*snapshot.files, *(FileEntry(path=path) for path in named))
