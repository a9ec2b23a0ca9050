"""Which recorded revisions of models on a Hub have the given weights; local folders do not count as an origin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from lineage.fingerprint.places import same_places
from lineage.store.rows import chunks
from lineage_schemas.answers.verify import Match
from lineage_schemas.ids import shown_id
from lineage_schemas.weight_group import WeightGroup

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView

By = Literal["files", "weights", "content"]

CHUNK = 500
"""Edges that are looked at together."""

BY: tuple[By, ...] = ("files", "weights", "content")
"""The digests by which weights can be equal, the strongest first."""


def matches(view: StoreView, group: GroupFingerprint, hub: str, *, of_folders: bool = False) -> list[Match]:
    """Find recorded groups with the same files, parameters or values, each once, by the strongest of these.

    Records of single folders are left out, or with `of_folders` the others: reading a folder once does not tell where
    its weights come from.
    """
    keys: dict[str, By] = {}
    for by in BY:
        digest = getattr(group.digests, by)
        if digest is None:
            continue
        rows = [digest] if by == "files" else [row.key for row in view.find("Weights", {by: digest})]
        for key in rows:
            keys.setdefault(key, by)
    found = [
        (edge.source, edge.name, by)
        for key, by in keys.items()
        for edge in view.edges("HAS_WEIGHTS", [key], "in")
        if by != "files" or _in_the_same_places(view, group, edge)
    ]
    if not found and len(group.files) == 1 and group.files[0].sha256 is not None:
        files = view.edges("CONTAINS", [f"sha256:{group.files[0].sha256}"], "in")
        found = [(edge.source, edge.name, "files") for edge in files]
    folders = _of_folders(view, (revision for revision, _, _ in found))
    return [_match(revision, name, by, hub) for revision, name, by in found if (revision in folders) == of_folders]


def _in_the_same_places(view: StoreView, group: GroupFingerprint, recorded: EdgeRow) -> bool:
    """Return whether no file of a group is in the place of another one of the recorded group with the same files."""
    paths = set(recorded.properties.get("files") or ())
    if len(paths) < 2:
        return True
    theirs = {edge.name: edge.target for edge in view.edges("CONTAINS", [recorded.source], "out") if edge.name in paths}
    known = set(theirs.values())
    mine = {
        entry.path: next((key for key in (entry.identity, f"gitblob:{entry.blob_id}") if key in known), "")
        for entry in group.files
    }
    them = WeightGroup.model_validate(recorded.properties)
    return same_places((group.group, mine), (them, theirs))


def undecided(view: StoreView, group: GroupFingerprint, hub: str) -> list[Match]:
    """Find recorded weights that may be those of a group: of the same layout, but with only their headers read.

    One revision for each content, the first in order of key.
    """
    layout = group.digests.layout
    if layout is None:
        return []
    keys = [row.key for row in view.find("Weights", {"layout": layout}) if row.properties.get("weights") is None]
    first: dict[str, Match] = {}
    edges = list(view.edges("HAS_WEIGHTS", keys, "in"))
    folders = _of_folders(view, (edge.source for edge in edges))
    for edge in edges:
        if edge.source not in folders:
            first.setdefault(edge.target, _match(edge.source, edge.name, "files", hub))
    return list(first.values())


def nothing_to_compare_with(view: StoreView) -> bool:
    """Return whether the store holds no weights of any model on a Hub."""
    for edges in chunks(view.all_edges("HAS_WEIGHTS"), CHUNK):
        revisions = {edge.source for edge in edges}
        if revisions - _of_folders(view, revisions):
            return False
    return True


def _of_folders(view: StoreView, revisions: Iterable[str]) -> set[str]:
    """Return those of some revisions whose model is a single local folder.

    A store of schema 1 does not have this fact: there the form of the key decides.
    """
    from lineage.hub.local.folder import looks_like_a_single_folder

    owners = {revision: revision.rpartition("@")[0] for revision in revisions}
    recorded = {key: node.get("single_folder") for key, node in view.nodes("Model", set(owners.values())).items()}

    def is_folder(model: str) -> bool:
        known = recorded.get(model)
        return looks_like_a_single_folder(model) if known is None else known

    return {revision for revision, model in owners.items() if is_folder(model)}


def _match(revision: str, group: str, by: By, hub: str) -> Match:
    """Make the record of a match."""
    model, _, commit = revision.rpartition("@")
    return Match(model=shown_id(model, hub), revision=commit, group=group, by=by)
