"""Check a store for faults: edges without an end, collections that were written in part, wrong hashes.

Each rule reads the nodes of its kind once, in constant memory, and looks up the keys in them a few hundred at a time.

Not a fault: a commit whose parent was never read, because the history is a shallow clone or a cache (the model has
`history_incomplete`) or was rewritten since (the commit has `vanished`); a file or weights that no revision has any
more, because a better hash of the file became known; a text that was too long to be stored whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.progress import SILENT, Progress
from lineage.store.graph import ENDS
from lineage.store.promoted import FILE_KEY
from lineage.store.rows import chunks
from lineage_schemas.ids import model_key, revision_key

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, EdgeRow, NodeKind, NodeRow, Properties
    from lineage.store.interface import StoreView
    from lineage_schemas.graph_batch import AttachmentKind

CHUNK = 500


class Fault(NamedTuple):
    """Report one fault.

    `rule` is the id of the rule that found it, `about` the key or edge concerned, `message` what is wrong.
    """

    rule: str
    about: str
    message: str


Rule = Callable[["StoreView", list[Any]], Iterator[Fault]]
"""Checks some rows of one kind."""


def check_store(view: StoreView, progress: Progress = SILENT) -> Iterator[Fault]:
    """Yield every fault in a store, in constant memory."""
    total = sum(view.count(kind) for kind in (*NODE_RULES, *EDGE_RULES))
    with progress.task("checking nodes and edges", total, "rows") as task:
        for kind, rule in NODE_RULES.items():
            before = ""
            for rows in chunks(view.all_nodes(kind), CHUNK):
                yield from _doubled([before, *(row.key for row in rows)])
                before = rows[-1].key
                yield from rule(view, rows)
                task.advance(len(rows))
        for edge_kind, edge_rule in EDGE_RULES.items():
            for edges in chunks(view.all_edges(edge_kind), CHUNK):
                yield from edge_rule(view, edges)
                task.advance(len(edges))
    with progress.task("checking edges without an end", None, "edges") as task:
        for edge_kind in ENDS:
            last = ""
            for edges in chunks(view.all_awaited_edges(edge_kind), CHUNK):
                for fault in _awaited(view, edge_kind, edges):
                    if fault.about != last:  # one tree may continue from the rows before
                        yield fault
                    last = fault.about
                task.advance(len(edges))
    with progress.task("checking attachments", None, "attachments") as task:
        for summaries in chunks((_Summary.of(*row) for row in view.all_attachments()), CHUNK):
            yield from _attachments(view, summaries)
            task.advance(len(summaries))


def _doubled(keys: list[str]) -> Iterator[Fault]:
    """Check that sorted keys are unique: in Neo4j a user may have dropped the constraints."""
    for before, key in pairwise(keys):
        if key == before:
            yield Fault("duplicate-key", key, "two nodes of its kind have this key")


def _models(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a model's key is its Hub and id, and that its head is stored."""
    heads = {row.key: revision_key(row.key, row.properties["head"]) for row in rows if row.properties.get("head")}
    known = _known(view, "Revision", heads.values())
    for row in rows:
        key = model_key(row.properties.get("hub") or "", row.properties.get("id") or "")
        if key != row.key:
            yield Fault("model-key", row.key, f"its Hub and id give the key {key}")
        if row.key in heads and heads[row.key] not in known:
            yield Fault("head-without-revision", row.key, f"its head {heads[row.key]} is not in the store")
    yield from _unjoined(view, "PUBLISHED_BY", {row.key: _publisher(row) for row in rows})


def _publisher(row: NodeRow) -> str | None:
    """Return the publisher that a model has an edge to; a model known by name only has none."""
    if row.properties.get("collected_at") is None and row.properties.get("head") is None:
        return None
    publisher = row.properties.get("publisher")
    return model_key(row.properties.get("hub") or "", publisher.rpartition(":")[2]) if publisher else None


def _revisions(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a revision has its model, and its parents where its whole history was read."""
    models = _models_of(view, rows)
    yield from _owned(view, rows, models, "revision-without-model", "HAS_REVISION")
    parents = {row.key: _parents(row) for row in rows}
    known = _known(view, "Revision", {parent for each in parents.values() for parent in each})
    joined = set(view.neighbours("HAS_PARENT", list(parents), "out"))
    for row in rows:
        for parent in parents[row.key]:
            if parent in known:
                if (row.key, parent) not in joined:
                    yield Fault("missing-edge", row.key, f"there is no HAS_PARENT edge to {parent}")
            elif not _may_dangle(row, models):
                yield Fault("dangling-edge", row.key, f"its parent {parent} is not in the store")


def _parents(row: NodeRow) -> list[str]:
    return [revision_key(row.properties.get("model") or "", parent) for parent in row.properties.get("parents") or ()]


def _may_dangle(row: NodeRow, models: Mapping[str, Properties]) -> bool:
    """Return whether a commit that a row names may be missing: the history is incomplete or was rewritten."""
    model = models.get(row.properties.get("model") or "", {})
    return bool(row.properties.get("vanished") or model.get("history_incomplete"))


def _refs(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a ref has its model and points at a stored revision."""
    models = _models_of(view, rows)
    targets = {
        row.key: revision_key(row.properties.get("model") or "", row.properties.get("target") or "") for row in rows
    }
    known = _known(view, "Revision", targets.values())
    for row in rows:
        if row.properties.get("model") not in models:
            yield Fault("ref-without-model", row.key, f"its model {row.properties.get('model')} is not in the store")
        if targets[row.key] not in known and not _may_dangle(row, models):
            yield Fault("dangling-edge", row.key, f"it points at {targets[row.key]}, which is not in the store")
    yield from _unjoined(view, "POINTS_TO", {key: target for key, target in targets.items() if target in known})


def _changes(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a change has its model and that all its commits are stored."""
    models = _models_of(view, rows)
    yield from _owned(view, rows, models, "change-without-model", "HAS_CHANGE")
    named = {row.key: _commits(row) for row in rows}
    known = _known(view, "Revision", {commit for each in named.values() for commit in each})
    for row in rows:
        for commit in named[row.key]:
            if commit not in known and not _may_dangle(row, models):
                yield Fault("change-of-unknown-revision", row.key, f"its commit {commit} is not in the store")


def _commits(row: NodeRow) -> list[str]:
    commits = [*(row.properties.get("revisions") or ()), row.properties.get("base")]
    return [revision_key(row.properties.get("model") or "", commit) for commit in commits if commit]


def _derivations(view: StoreView, edges: list[EdgeRow]) -> Iterator[Fault]:
    """Check that the evidence of a DERIVED_FROM edge is stored and is about the edge's child."""
    evidence = view.nodes("Evidence", {key for edge in edges for key in edge.properties.get("evidence") or ()})
    for edge in edges:
        about = f"{edge.source} → {edge.target}"
        for key in edge.properties.get("evidence") or ():
            if key not in evidence:
                yield Fault("derivation-of-unknown-evidence", about, f"its evidence {key} is not in the store")
            elif evidence[key].get("child") != edge.source:
                yield Fault("derivation-of-foreign-evidence", about, f"its evidence {key} is about another child")


def _relatives(view: StoreView, edges: list[EdgeRow]) -> Iterator[Fault]:
    """Check that the evidence of a relation between two models is stored, and that a pair is stored in one order."""
    evidence = _known(view, "Evidence", {key for edge in edges for key in edge.properties.get("evidence") or ()})
    for edge in edges:
        about = f"{edge.source} {edge.kind} {edge.target}"
        if edge.kind == "RELATED_TO" and edge.source >= edge.target:
            yield Fault(
                "relation-out-of-order", about, "the smaller key must be its source: the pair may be stored twice"
            )
        for key in edge.properties.get("evidence") or ():
            if key not in evidence:
                yield Fault("relation-of-unknown-evidence", about, f"its evidence {key} is not in the store")


def _match_keys(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a match key begins with its family."""
    for row in rows:
        family = row.properties.get("family")
        if not row.key.startswith(f"{family}:"):
            yield Fault("match-key", row.key, f"this key does not begin with its family {family}")


_NAMED_BY_SOURCE = frozenset({"HAS_PARENT", "POINTS_TO", "PUBLISHED_BY"})
"""Edges that a field of their source names: the rule of the source's kind reports a missing target."""

_NAMED_BY_TARGET = frozenset({"HAS_REVISION", "HAS_CHANGE"})
"""Edges that a field of their target names: the rule of the target's kind reports a missing source."""


def _awaited(view: StoreView, kind: EdgeKind, edges: list[EdgeRow]) -> Iterator[Fault]:
    """Report missing ends of awaited edges that no rule of a node reports.

    One fault for each missing end, not for each edge: the tree of one revision may have thousands of edges.
    """
    source_kind, target_kind = ENDS[kind]
    sources = _known(view, source_kind, {edge.source for edge in edges})
    targets = _known(view, target_kind, {edge.target for edge in edges})
    missing: dict[tuple[NodeKind, str], str] = {}
    for edge in edges:
        if edge.source not in sources and not (kind in _NAMED_BY_TARGET and edge.target in targets):
            missing.setdefault((source_kind, edge.source), f"it has a {kind} edge to {edge.target}")
        if edge.target not in targets and not (kind in _NAMED_BY_SOURCE and edge.source in sources):
            missing.setdefault((target_kind, edge.target), f"it has a {kind} edge from {edge.source}")
    models = view.nodes("Model", {key.rpartition("@")[0] for end, key in missing if end == "Revision"})
    for (end, key), message in missing.items():
        if end != "Revision" or not models.get(key.rpartition("@")[0], {}).get("history_incomplete"):
            yield Fault("dangling-edge", key, f"{message}, but is not in the store")


def _evidence(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that evidence is about a stored model."""
    models = _known(view, "Model", {row.properties.get("child") or "" for row in rows})
    for row in rows:
        if row.properties.get("child") not in models:
            yield Fault(
                "evidence-without-model", row.key, f"its child {row.properties.get('child')} is not in the store"
            )


DIGESTS = {name: re.compile(rf"{name}\.v\d+:[0-9a-f]{{64}}") for name in ("files", "weights", "content", "layout")}


def _weights(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that digests have the form of a known format."""
    for row in rows:
        for name, form in DIGESTS.items():
            digest = row.key if name == "files" else row.properties.get(name)
            if digest is not None and not form.fullmatch(digest):
                yield Fault("digest-format", row.key, f"its {name} digest {digest} is not {name}.vN: and 64 hex digits")


def _files(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that the keys of files are hashes or paths."""
    for row in rows:
        alias = row.properties.get("alias")
        if not FILE_KEY.fullmatch(row.key):
            yield Fault("digest-format", row.key, "this key is not a hash of a file's content")
        if alias is not None and not re.fullmatch("[0-9a-f]{40}", alias):
            yield Fault("digest-format", row.key, f"its alias {alias} is not a git blob id")


_OF_WEIGHTS: Mapping[AttachmentKind, str] = {"tensors": "tensor table", "sketch": "sketch"}
"""Attachments that belong to weights, under their files digest, with what they are."""


class _Summary(NamedTuple):
    """Hold what the rule needs of an attachment, without its bytes: some hundred are checked together."""

    kind: AttachmentKind
    key: str
    size: int
    hashes: bool
    model: str | None

    @classmethod
    def of(cls, kind: AttachmentKind, key: str, data: bytes) -> _Summary:
        """Summarise an attachment."""
        hashes = kind != "text" or _hashes_to(key, data)
        return cls(kind, key, len(data), hashes, data.decode("utf-8", "replace") if kind == "alias" else None)


def _attachments(view: StoreView, rows: list[_Summary]) -> Iterator[Fault]:
    """Check that texts hash to their key, that tensor tables and sketches have weights, and aliases a model.

    A text that is shorter than its file is not checked: it is the beginning of a file too long to be stored.
    """
    models = _known(view, "Model", [row.model for row in rows if row.model is not None])
    weights = _known(view, "Weights", [row.key for row in rows if row.kind in _OF_WEIGHTS])
    files = view.nodes("File", {row.key for row in rows if not row.hashes})
    for row in rows:
        if not row.hashes and row.size >= (files.get(row.key, {}).get("size") or 0):
            yield Fault("attachment-content", row.key, "the text stored under this hash has a different hash")
        elif row.kind in _OF_WEIGHTS and row.key not in weights:
            what = _OF_WEIGHTS[row.kind]
            yield Fault("attachment-of-nothing", row.key, f"the weights of this {what} are not in the store")
        elif row.model is not None and row.model not in models:
            yield Fault("alias-to-nothing", row.key, f"this alias points to {row.model}, which is not in the store")


def _hashes_to(key: str, data: bytes) -> bool:
    """Return whether a text has the hash in its key; true for a key without a hash."""
    from hashlib import sha1, sha256

    if key.startswith("sha256:"):
        return sha256(data).hexdigest() == key.removeprefix("sha256:")
    if key.startswith("gitblob:"):
        blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
        return blob.hexdigest() == key.removeprefix("gitblob:")
    return True


def _owned(
    view: StoreView, rows: list[NodeRow], models: Mapping[str, Properties], rule: str, edge: EdgeKind
) -> Iterator[Fault]:
    """Report rows whose model is not stored or has no edge to them."""
    joined = set(view.neighbours(edge, [row.key for row in rows], "in"))
    for row in rows:
        model = row.properties.get("model")
        if model not in models:
            yield Fault(rule, row.key, f"its model {model} is not in the store")
        elif (model, row.key) not in joined:
            yield Fault("missing-edge", row.key, f"there is no {edge} edge from {model}")


def _unjoined(view: StoreView, edge: EdgeKind, wanted: dict[str, str | None]) -> Iterator[Fault]:
    """Report sources without an edge that their properties imply."""
    joined = set(view.neighbours(edge, list(wanted), "out"))
    for source, target in wanted.items():
        if target is not None and (source, target) not in joined:
            yield Fault("missing-edge", source, f"there is no {edge} edge to {target}")


def _models_of(view: StoreView, rows: list[NodeRow]) -> dict[str, Properties]:
    """Fetch the models that rows belong to."""
    return view.nodes("Model", {row.properties.get("model") or "" for row in rows})


def _known(view: StoreView, kind: NodeKind, keys: Collection[str]) -> set[str]:
    return set(view.nodes(kind, set(keys)))


NODE_RULES: Mapping[NodeKind, Rule] = {
    "Model": _models, "Revision": _revisions, "Ref": _refs, "Change": _changes, "Evidence": _evidence,
    "Weights": _weights, "File": _files, "MatchKey": _match_keys,
}  # fmt: skip
"""The rule for each kind of node; docs/reference/commands.md lists the ids of faults."""

EDGE_RULES: Mapping[EdgeKind, Rule] = {
    "DERIVED_FROM": _derivations, "RELATED_TO": _relatives, "NEXT_VERSION": _relatives,
}  # fmt: skip
"""The rule for each kind of edge that has one."""
