"""What a product's source tree names: references, and what could not be read of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.sources import search_sources
from lineage_schemas.answers.audit import AuditUnchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage_schemas.left_out import LeftOut, LeftOutReason
    from lineage_schemas.reference import Reference


class FoundReferences(NamedTuple):
    """Hold the references of a product, the weights in its tree, what was not read of it, and what was not searched."""

    references: tuple[Reference, ...]
    weights: tuple[str, ...]
    unchecked: tuple[AuditUnchecked, ...]
    left_out: tuple[LeftOut, ...] = ()
    counts: Mapping[LeftOutReason, int] = MappingProxyType({})


def find_references(
    session: Session, root: Path, exclude: Sequence[str], baseline: Path | None = None
) -> FoundReferences:
    """Read a source tree and the list of the project file. Raises InputError if the root is not a folder.

    The lock file and the baseline are left out: they repeat what the sources name.
    """
    found = search_sources(session, root, exclude, _inside(root, baseline))
    unchecked = tuple(AuditUnchecked(what=each.file, reason=f"it was not read: {each.reason}") for each in found.unread)
    return FoundReferences(
        found.references, tuple(each.path for each in found.weights), unchecked, found.left_out, found.counts
    )


def _inside(root: Path, file: Path | None) -> tuple[str, ...]:
    """Return the pattern that means one file of the tree; none for a file elsewhere."""
    if file is None or not file.resolve().is_relative_to(root.resolve()):
        return ()
    path = file.resolve().relative_to(root.resolve()).as_posix()
    return ("/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path),)
