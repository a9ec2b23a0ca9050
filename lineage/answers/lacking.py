"""Which weights of a model a local folder lacks, though a loader takes them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lineage.fingerprint.main_group import missing_groups
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.collect.measuring import Measured


def groups_lacking(path: str, local: Measured, had: Collection[str], listed: Measured) -> Iterator[Unchecked]:
    """Report the groups that a loader takes from a model and that the local folder at `path` lacks.

    `had` names the groups of the model that have a counterpart in the folder. A single file is compared with the file
    that it is, and lacks none. A group whose files are gone from a work tree is reported there, with that reason.
    """
    snapshot, hub = listed.snapshot, listed.hub
    if local.hub is None or snapshot is None or hub is None:
        return
    fetch = f"hf download {snapshot.model} --revision {snapshot.commit} --local-dir {shlex.quote(path)}"
    groups = [each.group for each in listed.groups]
    for group in missing_groups(groups, [entry.path for entry in snapshot.files], had):
        if not any(file in local.gone for file in group.files):
            yield Unchecked(
                what=f"{group.name} of {snapshot.model}",
                reason=f"a loader takes these weights from the model, and {path} does not have them",
                decide_with=None if hub.is_local else fetch,
            )
