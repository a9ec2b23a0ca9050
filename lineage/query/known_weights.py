"""Which recorded revisions of models on a Hub have the given weights; local folders do not count as an origin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lineage_schemas.answers.verify import Match
from lineage_schemas.ids import shown_id, split_model_key

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.store.interface import StoreView

By = Literal["files", "weights", "content"]

BY: tuple[By, ...] = ("files", "weights", "content")
"""The digests by which weights can be equal, the strongest first."""

_FOLDER_HUB = re.compile(r"dir-(?P<name>.*)-[0-9a-f]{8}", re.DOTALL)

_COMMIT = re.compile(r"[0-9a-f]{40}")


def matches(view: StoreView, group: GroupFingerprint, hub: str) -> list[Match]:
    """Find recorded groups with the same files, parameters or values, each once, by the strongest of these.

    Records of single folders are left out: reading a folder once does not tell where its weights come from.
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
        (edge.source, edge.name, by) for key, by in keys.items() for edge in view.edges("HAS_WEIGHTS", [key], "in")
    ]
    if not found and len(group.files) == 1 and group.files[0].sha256 is not None:
        files = view.edges("CONTAINS", [f"sha256:{group.files[0].sha256}"], "in")
        found = [(edge.source, edge.name, "files") for edge in files]
    return [_match(revision, name, by, hub) for revision, name, by in found if not is_of_a_folder(revision)]


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
        if not is_of_a_folder(edge.source):
            first.setdefault(edge.target, _match(edge.source, edge.name, "files", hub))
    return list(first.values())


def nothing_to_compare_with(view: StoreView) -> bool:
    """Return whether the store holds no weights of any model on a Hub."""
    return all(is_of_a_folder(edge.source) for edge in view.all_edges("HAS_WEIGHTS"))


def is_of_a_folder(revision: str) -> bool:
    """Return whether a key is that of a single local folder, which is recorded as a Hub of one model.

    Such a Hub has the folder's name, and so does its model. The model in a snapshot folder of the Hub client's
    cache is named after a folder above it, which any user can create: there, the Hub's name is a commit.
    """
    from lineage.hub.local.folder import model_id

    hub, model = split_model_key(revision.rpartition("@")[0])
    folder = _FOLDER_HUB.fullmatch(hub)
    if folder is None:
        return False
    return bool(_COMMIT.fullmatch(folder["name"])) or model == model_id(Path("/", folder["name"]))


def _match(revision: str, group: str, by: By, hub: str) -> Match:
    """Make the record of a match."""
    model, _, commit = revision.rpartition("@")
    return Match(model=shown_id(model, hub), revision=commit, group=group, by=by)
