"""Looking for what must not be in a store: ends that are not there, half-written collections, digests that lie.

Each rule reads its kind once, in constant memory, and looks up what its rows name a few hundred at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.progress import SILENT, Progress
from lineage.store.promoted import FILE_KEY
from lineage_schemas.ids import model_key, ref_key, revision_key

if TYPE_CHECKING:
    from lineage.store.interface import EdgeKind, NodeKind, NodeRow, StoreView

CHUNK = 500


class Fault(NamedTuple):
    """Tell one thing that is wrong.

    `rule` says so, `about` is the key or edge in question, `message` the fault in words.
    """

    rule: str
    about: str
    message: str


Rule = Callable[["StoreView"], Iterator[Fault]]


def check_store(view: StoreView, progress: Progress = SILENT) -> Iterator[Fault]:
    """Run every rule over a store."""
    with progress.task("checking the store", len(RULES), "rules") as task:
        for rule in RULES:
            yield from rule(view)
            task.advance()


def _models(view: StoreView) -> Iterator[Fault]:
    """Check that a model's key is its Hub and id, and that its head is there."""
    for rows in _chunks(view, "Model"):
        heads = {row.key: revision_key(row.key, row.properties["head"]) for row in rows if row.properties.get("head")}
        known = _known(view, "Revision", heads.values())
        for row in rows:
            key = model_key(row.properties.get("hub") or "", row.properties.get("id") or "")
            if key != row.key:
                yield Fault("model-key", row.key, f"its Hub and id make the key {key}")
            if row.key in heads and heads[row.key] not in known:
                yield Fault("head-without-revision", row.key, f"its head {heads[row.key]} is not in the store")
        yield from _unjoined(view, "PUBLISHED_BY", {row.key: _publisher(row) for row in rows})


def _publisher(row: NodeRow) -> str | None:
    publisher = row.properties.get("publisher")
    return model_key(row.properties.get("hub") or "", publisher.rpartition(":")[2]) if publisher else None


def _revisions(view: StoreView) -> Iterator[Fault]:
    """Check that a revision has its model and its parents."""
    for rows in _chunks(view, "Revision"):
        yield from _owned(view, rows, "revision-without-model", "HAS_REVISION")
        parents = {row.key: _parents(row) for row in rows}
        known = _known(view, "Revision", {parent for each in parents.values() for parent in each})
        joined = set(view.neighbours("HAS_PARENT", list(parents), "out"))
        for key, wanted in parents.items():
            for parent in wanted:
                if parent not in known:
                    yield Fault("dangling-edge", key, f"its parent {parent} is not in the store")
                elif (key, parent) not in joined:
                    yield Fault("missing-edge", key, f"no HAS_PARENT leads to {parent}")


def _parents(row: NodeRow) -> list[str]:
    return [revision_key(row.properties.get("model") or "", parent) for parent in row.properties.get("parents") or ()]


def _refs(view: StoreView) -> Iterator[Fault]:
    """Check that a ref has its model and points at a revision that is there."""
    for rows in _chunks(view, "Ref"):
        models = _known(view, "Model", {row.properties.get("model") or "" for row in rows})
        targets = {
            row.key: ref_key(row.properties.get("model") or "", row.properties.get("target") or "") for row in rows
        }
        known = _known(view, "Revision", targets.values())
        for row in rows:
            if row.properties.get("model") not in models:
                yield Fault(
                    "ref-without-model", row.key, f"its model {row.properties.get('model')} is not in the store"
                )
            if targets[row.key] not in known:
                yield Fault("dangling-edge", row.key, f"it points at {targets[row.key]}, which is not in the store")
        yield from _unjoined(view, "POINTS_TO", {key: target for key, target in targets.items() if target in known})


def _changes(view: StoreView) -> Iterator[Fault]:
    """Check that a change has its model, and that all its commits are there."""
    for rows in _chunks(view, "Change"):
        yield from _owned(view, rows, "change-without-model", "HAS_CHANGE")
        named = {row.key: _commits(row) for row in rows}
        known = _known(view, "Revision", {commit for each in named.values() for commit in each})
        for key, commits in named.items():
            for commit in commits:
                if commit not in known:
                    yield Fault("change-of-unknown-revision", key, f"its commit {commit} is not in the store")


def _commits(row: NodeRow) -> list[str]:
    commits = [*(row.properties.get("revisions") or ()), row.properties.get("base")]
    return [revision_key(row.properties.get("model") or "", commit) for commit in commits if commit]


def _derivations(view: StoreView) -> Iterator[Fault]:
    """Check that the evidence of an edge of descent is there and about its child."""
    for edges in _cut(view.all_edges("DERIVED_FROM")):
        named = {key for edge in edges for key in edge.properties.get("evidence") or ()}
        evidence = view.nodes("Evidence", named)
        for edge in edges:
            about = f"{edge.source} → {edge.target}"
            for key in edge.properties.get("evidence") or ():
                if key not in evidence:
                    yield Fault("derivation-of-unknown-evidence", about, f"its evidence {key} is not in the store")
                elif evidence[key].get("child") != edge.source:
                    yield Fault("derivation-of-foreign-evidence", about, f"its evidence {key} is about another child")


def _evidence(view: StoreView) -> Iterator[Fault]:
    """Check that evidence is about a model that is there."""
    for rows in _chunks(view, "Evidence"):
        models = _known(view, "Model", {row.properties.get("child") or "" for row in rows})
        for row in rows:
            if row.properties.get("child") not in models:
                yield Fault(
                    "evidence-without-model", row.key, f"it is about {row.properties.get('child')}, not in the store"
                )


DIGESTS = {name: re.compile(rf"{name}\.v\d+:[0-9a-f]{{64}}") for name in ("files", "weights", "content", "layout")}


def _weights(view: StoreView) -> Iterator[Fault]:
    """Check that digests are in their format, and that a revision has the weights."""
    for rows in _chunks(view, "Weights"):
        held = {target for _, target in view.neighbours("HAS_WEIGHTS", [row.key for row in rows], "in")}
        for row in rows:
            if row.key not in held:
                yield Fault("held-by-nobody", row.key, "no revision has these weights")
            for name, form in DIGESTS.items():
                digest = row.key if name == "files" else row.properties.get(name)
                if digest is not None and not form.fullmatch(digest):
                    yield Fault("digest-format", row.key, f"its {name} digest {digest} is none of ours")


def _files(view: StoreView) -> Iterator[Fault]:
    """Check that files are named by content or place, and that a tree has them."""
    for rows in _chunks(view, "File"):
        held = {target for _, target in view.neighbours("CONTAINS", [row.key for row in rows], "in")}
        for row in rows:
            alias = row.properties.get("alias")
            if not FILE_KEY.fullmatch(row.key):
                yield Fault("digest-format", row.key, "this names no content of a file")
            if alias is not None and not re.fullmatch("[0-9a-f]{40}", alias):
                yield Fault("digest-format", row.key, f"its alias {alias} is no blob id of git")
            if row.key not in held:
                yield Fault("held-by-nobody", row.key, "no revision contains this file")


def _attachments(view: StoreView) -> Iterator[Fault]:
    """Check that texts hash to their key, tables have weights, aliases a model."""
    for rows in _cut(view.all_attachments()):
        aliases = {key: data.decode("utf-8", "replace") for kind, key, data in rows if kind == "alias"}
        tables = [key for kind, key, _ in rows if kind == "tensors"]
        models, weights = _known(view, "Model", aliases.values()), _known(view, "Weights", tables)
        for kind, key, data in rows:
            if kind == "text" and not _hashes_to(key, data):
                yield Fault("attachment-content", key, "the text that is kept under this hash has another one")
            elif kind == "tensors" and key not in weights:
                yield Fault("attachment-of-nothing", key, "the weights that this tensor table belongs to are not there")
            elif kind == "alias" and aliases[key] not in models:
                yield Fault(
                    "alias-to-nothing", key, f"this other name leads to {aliases[key]}, which is not in the store"
                )


def _hashes_to(key: str, data: bytes) -> bool:
    """Hash a text as its key says; a key of another kind cannot be wrong."""
    from hashlib import sha1, sha256

    if key.startswith("sha256:"):
        return sha256(data).hexdigest() == key.removeprefix("sha256:")
    if key.startswith("gitblob:"):
        blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
        return blob.hexdigest() == key.removeprefix("gitblob:")
    return True


def _owned(view: StoreView, rows: list[NodeRow], rule: str, edge: EdgeKind) -> Iterator[Fault]:
    """Find rows whose model is not there, or is not joined to them."""
    models = _known(view, "Model", {row.properties.get("model") or "" for row in rows})
    joined = set(view.neighbours(edge, [row.key for row in rows], "in"))
    for row in rows:
        model = row.properties.get("model")
        if model not in models:
            yield Fault(rule, row.key, f"its model {model} is not in the store")
        elif (model, row.key) not in joined:
            yield Fault("missing-edge", row.key, f"no {edge} leads from {model} to it")


def _unjoined(view: StoreView, edge: EdgeKind, wanted: dict[str, str | None]) -> Iterator[Fault]:
    """Find sources whose edge, which their properties imply, is not there."""
    joined = set(view.neighbours(edge, list(wanted), "out"))
    for source, target in wanted.items():
        if target is not None and (source, target) not in joined:
            yield Fault("missing-edge", source, f"no {edge} leads from it to {target}")


def _known(view: StoreView, kind: NodeKind, keys: Collection[str]) -> set[str]:
    return set(view.nodes(kind, set(keys)))


def _chunks(view: StoreView, kind: NodeKind) -> Iterator[list[NodeRow]]:
    return _cut(view.all_nodes(kind))


def _cut(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


RULES: tuple[Rule, ...] = (
    _models, _revisions, _refs, _changes, _derivations, _evidence, _weights, _files, _attachments,
)  # fmt: skip
"""Every rule; docs/reference/commands.md lists the ids of faults."""
