"""Which recorded revisions of models on a Hub have the given weights; local folders do not count as an origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lineage.fingerprint.places import same_places
from lineage_schemas.answers.verify import Match
from lineage_schemas.ids import shown_id
from lineage_schemas.weight_group import WeightGroup

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView

By = Literal["files", "weights", "content"]

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
    return [_match(revision, name, by, hub) for revision, name, by in found if _is_of_a_folder(revision) == of_folders]


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
    for edge in view.edges("HAS_WEIGHTS", keys, "in"):
        if not _is_of_a_folder(edge.source):
            first.setdefault(edge.target, _match(edge.source, edge.name, "files", hub))
    return list(first.values())


def nothing_to_compare_with(view: StoreView) -> bool:
    """Return whether the store holds no weights of any model on a Hub."""
    return all(_is_of_a_folder(edge.source) for edge in view.all_edges("HAS_WEIGHTS"))


def _is_of_a_folder(revision: str) -> bool:
    """Return whether a key is that of a revision of a single local folder."""
    from lineage.hub.local.folder import is_single_folder

    return is_single_folder(revision.rpartition("@")[0])


def _match(revision: str, group: str, by: By, hub: str) -> Match:
    """Make the record of a match."""
    model, _, commit = revision.rpartition("@")
    return Match(model=shown_id(model, hub), revision=commit, group=group, by=by)
