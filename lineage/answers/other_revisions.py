"""Which other revisions of a model have the weights of a local folder that differs from one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.collect.trees import trees_of_line
from lineage.errors import HubError
from lineage.fingerprint.weight_files import is_weight_file
from lineage.query.known_weights import matches
from lineage.unexpected import contained
from lineage.versioning.line import first_parent_line
from lineage_schemas.answers.verify import Match
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.hub.interface import Hub
    from lineage_schemas.history import History
    from lineage_schemas.snapshot import ResolvedRevision


def other_revisions(
    session: Session, hub: Hub, resolved: ResolvedRevision, groups: Sequence[GroupFingerprint]
) -> tuple[Match, ...]:
    """Find other revisions of a model that have the same files as some local groups, the last of each branch.

    The store is searched first, then the model's history, which lists every file by its hash. A history that cannot be
    read finds nothing: whether the groups differ from the revision in question does not depend on it.
    """
    model = shown_id(hub.key(resolved.model), session.hub.name)
    with session.store.reading() as view:
        found = [match for group in groups for match in matches(view, group, session.hub.name)]
    known = [match for match in found if match.model == model and match.revision != resolved.commit]
    if known or not groups:
        return tuple(known)
    try:
        with contained(resolved.model):
            history = hub.history(resolved.model)
    except HubError:
        return ()
    every = [Match(model=model, revision=commit, group=name, by="files") for commit, name in _having(history, groups)]
    return tuple(dict.fromkeys(match for match in every if match.revision != resolved.commit))


def _having(history: History, groups: Sequence[GroupFingerprint]) -> Iterator[tuple[str, str]]:
    """Find the last commit of each branch whose files include all files of a group, for each group."""
    wanted = {group.group.name: {entry.sha256 for entry in group.files} for group in groups}
    for ref in history.refs:
        if ref.kind != "branch" or not any(commit.id == ref.target for commit in history.commits):
            continue
        line = first_parent_line(history, ref.name, ref.target)
        moved = {c.id for c in line.commits if any(is_weight_file(change.path) for change in c.changes or ())}
        last: dict[str, str] = {}
        for tree in trees_of_line(line, history.model, moved):
            hashes = {entry.sha256 for entry in tree.entries}
            last |= {
                name: tree.revision.rpartition("@")[2]
                for name, files in wanted.items()
                if None not in files and files <= hashes
            }
        yield from ((commit, name) for name, commit in last.items())
