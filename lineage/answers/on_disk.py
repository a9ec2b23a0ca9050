"""How the weights of a clone on disk differ from its HEAD commit, for questions that commits answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.errors import HubError, InputError
from lineage.fingerprint.onnx_data import may_hold_data
from lineage.unexpected import contained
from lineage.versioning.indexes import LOADER_FILES, is_watched
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.pipeline import Target

MAX_NAMED = 3
"""Files that the reason names; the others are counted."""


def differs_on_disk(session: Session, target: Target) -> Unchecked | None:
    """Report weights on disk that are not those of HEAD: no commit has them, so the history says nothing about them.

    None for a target that is not the folder of a clone, and where the weights on disk and the indexes of their shards
    are those of HEAD, or pointers to them.
    """
    from lineage.hub.local.folder import FolderHub

    hub = target.hub
    if not isinstance(hub, FolderHub) or not hub.folder.is_dir():
        return None
    what = f"the files on disk in {hub.folder}"
    try:
        with contained(str(hub.folder)):
            on_disk, model = session.files_on_disk(hub.folder)
            snapshot = on_disk.snapshot(on_disk.resolve(model))
    except (HubError, InputError) as error:
        return Unchecked(what=what, reason=f"they could not be compared with HEAD: {error.in_one_line}")
    changed = snapshot.changed_on_disk
    holds_onnx = any(path.lower().endswith(".onnx") for path in (*changed, *(entry.path for entry in snapshot.files)))
    differences = [
        f"{path} {how}" for path, how in changed.items() if _matters(path, how) or (holds_onnx and may_hold_data(path))
    ]
    if not differences:
        return None
    more = f" and {len(differences) - MAX_NAMED} more" if len(differences) > MAX_NAMED else ""
    named = "; ".join(differences[:MAX_NAMED])
    return Unchecked(
        what=what,
        reason=f"{named}{more}: only commits were checked, and no commit has these files; commit them and check again",
    )


def _matters(path: str, how: str) -> bool:
    """Return whether a loader takes other weights because of a file; of a config only the presence decides that."""
    return is_watched(path) and not (path.rpartition("/")[2] in LOADER_FILES and how.startswith("on disk differs"))
