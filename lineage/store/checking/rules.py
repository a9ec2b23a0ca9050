"""Check a store for faults: damaged files, rows that are not records, missing ends of edges, wrong hashes.

Each rule reads the nodes of its kind once, in constant memory, and looks up the keys in them a few hundred at a time.

Not a fault: a commit whose parent was never read, because the history is a shallow clone or a cache (the model has
`history_incomplete`) or was rewritten since (the commit has `vanished`); a file or weights that no revision has any
more, because a better hash of the file became known; a text that was too long to be stored whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lineage.progress import SILENT, Progress
from lineage.store.checking.attachments import attachment_faults
from lineage.store.checking.faults import CHUNK, Fault, readable
from lineage.store.graph import ENDS
from lineage.store.promoted import FILE_KEY, PROMOTED
from lineage.store.rows import chunks
from lineage.store.validation import content_fault, edge_fault
from lineage_schemas.ids import model_key, revision_key

if TYPE_CHECKING:
    from lineage.progress import Task
    from lineage.store.graph import EdgeKind, EdgeRow, NodeKind, NodeRow, Properties
    from lineage.store.interface import OnDamage, StoreView

Rule = Callable[["StoreView", list[Any]], Iterator[Fault]]
"""Checks some rows of one kind."""


def check_store(
    view: StoreView, progress: Progress = SILENT, check_table: Callable[[bytes], object] | None = None
) -> Iterator[Fault]:
    """Yield every fault in a store, in constant memory.

    Each row and attachment is read whole and must be the record of its kind. `check_table` raises FormatError for a
    damaged tensor table. What a damaged store does not allow to be read is a fault, and the other rows are checked.
    """
    with progress.task("checking the store's files", None, "faults"):
        for damage in view.damage():
            yield Fault("damaged-file", "the store's file", damage)
    with progress.task("checking nodes and edges", None, "rows") as task:
        for kind in PROMOTED:
            yield from readable(kind, _nodes(view, kind, task))
        for edge_kind in ENDS:
            yield from readable(edge_kind, _edges(view, edge_kind, task))
    with progress.task("checking edges without an end", None, "edges") as task:
        for edge_kind in ENDS:
            yield from readable(edge_kind, _awaited_edges(view, edge_kind, task))
    with progress.task("checking attachments", None, "attachments") as task:
        yield from readable("attachments", attachment_faults(view, task, check_table))


def _nodes(view: StoreView, kind: NodeKind, task: Task) -> Iterator[Fault]:
    """Check each node of a kind by itself, then by the rule of its kind."""
    damaged: list[Fault] = []
    before = ""
    for rows in chunks(view.all_nodes(kind, _noting(damaged)), CHUNK):
        yield from _doubled([before, *(row.key for row in rows)])
        before = rows[-1].key
        sound = []
        for row in rows:
            fault, wrong_key = content_fault(kind, row)
            if fault is not None:
                yield Fault("invalid-record", row.key, f"{kind}: {fault}")
                continue
            sound.append(row)
            if wrong_key is not None:
                yield Fault("model-key" if kind == "Model" else "record-key", row.key, f"{kind}: {wrong_key}")
        if kind in NODE_RULES:
            yield from readable(kind, NODE_RULES[kind](view, sound))
        task.advance(len(rows))
    yield from damaged


def _edges(view: StoreView, kind: EdgeKind, task: Task) -> Iterator[Fault]:
    """Check each edge of a kind by itself, then by the rule of its kind."""
    damaged: list[Fault] = []
    before: tuple[str, str, str] | None = None
    for edges in chunks(view.all_edges(kind, _noting(damaged)), CHUNK):
        sound = []
        for edge in edges:
            here = (edge.source, edge.target, edge.name)
            if here == before:
                yield Fault("duplicate-key", _edge_name(edge), f"there are two {kind} edges with these ends and name")
            before = here
            if (fault := edge_fault(edge)) is None:
                sound.append(edge)
            else:
                yield Fault("invalid-record", _edge_name(edge), f"{kind}: {fault}")
        if kind == "RELATED_TO":
            yield from _out_of_order(edges)
        if kind in EDGE_RULES:
            yield from readable(kind, EDGE_RULES[kind](view, sound))
        task.advance(len(edges))
    yield from damaged


def _awaited_edges(view: StoreView, kind: EdgeKind, task: Task) -> Iterator[Fault]:
    damaged: list[Fault] = []
    last = ""
    for edges in chunks(view.all_awaited_edges(kind, _noting(damaged)), CHUNK):
        for edge in edges:
            if (wrong := edge_fault(edge)) is not None:
                yield Fault("invalid-record", _edge_name(edge), f"{kind}: {wrong}")
        for fault in readable(kind, _awaited(view, kind, edges)):
            if fault.about != last:  # one tree may continue from the rows before
                yield fault
            last = fault.about
        task.advance(len(edges))
    yield from damaged


def _noting(damaged: list[Fault]) -> OnDamage:
    """Return a listener that collects the rows that cannot be decoded."""
    return lambda row, fault: damaged.append(Fault("unreadable-rows", row, fault))


def _edge_name(edge: EdgeRow) -> str:
    return f"{edge.source} → {edge.target}" + (f" {edge.name}" if edge.name else "")


def _doubled(keys: list[str]) -> Iterator[Fault]:
    """Check that sorted keys are unique: in Neo4j a user may have dropped the constraints."""
    for before, key in pairwise(keys):
        if key == before:
            yield Fault("duplicate-key", key, "two nodes of its kind have this key")


def _models(view: StoreView, rows: list[NodeRow]) -> Iterator[Fault]:
    """Check that a model's head is stored, and its publisher."""
    heads = {row.key: revision_key(row.key, row.properties["head"]) for row in rows if row.properties.get("head")}
    known = _known(view, "Revision", heads.values())
    for row in rows:
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
    """Check that the evidence of a relation between two models is stored."""
    evidence = _known(view, "Evidence", {key for edge in edges for key in edge.properties.get("evidence") or ()})
    for edge in edges:
        about = f"{edge.source} {edge.kind} {edge.target}"
        for key in edge.properties.get("evidence") or ():
            if key not in evidence:
                yield Fault("relation-of-unknown-evidence", about, f"its evidence {key} is not in the store")


def _placed(view: StoreView, edges: list[EdgeRow]) -> Iterator[Fault]:
    """Check that the files of a weight group are in the tree of its revision, where a tree was stored."""
    trees: dict[str, set[str]] = {}
    for edge in view.edges("CONTAINS", {edge.source for edge in edges}, "out"):
        trees.setdefault(edge.source, set()).add(edge.name)
    for edge in edges:
        missing = set(edge.properties["files"]) - trees.get(edge.source, set())
        if missing and edge.source in trees:
            what = f"its group {edge.name} has the file {min(missing)}"
            yield Fault("weights-without-file", edge.source, f"{what}, which is not among the revision's files")


def _out_of_order(edges: list[EdgeRow]) -> Iterator[Fault]:
    """Check that the source of a relation without a direction is the smaller key."""
    for edge in edges:
        if edge.source >= edge.target:
            about = f"{edge.source} {edge.kind} {edge.target}"
            yield Fault(
                "relation-out-of-order", about, "the smaller key must be its source: the pair may be stored twice"
            )


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
    "HAS_WEIGHTS": _placed,
    "DERIVED_FROM": _derivations, "RELATED_TO": _relatives, "NEXT_VERSION": _relatives,
}  # fmt: skip
"""The rule for each kind of edge that has one."""
