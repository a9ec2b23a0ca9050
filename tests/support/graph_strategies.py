"""Random batches over a small world, in which records under one key agree unless a test wants them not to."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from lineage_schemas.file import FileEntry, FileNode
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.ref import Ref
from lineage_schemas.revision import Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import NOON, change, derivation, evidence, group, model, revision, sha

MODELS = ("a/x", "a/y", "b/x", "dir-1:b/x", "ü/ö")
COMMITS = ("c0", "c1", "c2")

model_keys = st.sampled_from(MODELS)
commits = st.sampled_from(COMMITS)
numbers = st.integers(0, 2)


def _model(key: str, told: int, seen: int) -> Any:
    hub, _, model_id = key.rpartition(":")
    observed = ModelObservations(likes=Observation(value=seen, observed_at=NOON + timedelta(hours=seen)))
    return model(
        key, hub=hub or "huggingface.co", id=model_id, licence=(None, "mit", "other")[told], publisher=model_id[0],
        aliases=(f"old/{model_id}",) if told else (), observations=observed if seen else ModelObservations(),
    )  # fmt: skip


def _entries(number: int) -> tuple[FileEntry, ...]:
    named = FileEntry(path="model.safetensors", sha256=sha(number), blob_id=f"{number:040x}", size=number)
    return (named, FileEntry(path="README.md", blob_id="e" * 40, size=1), FileEntry(path="unread"))[: number + 1]


def _weights(number: int, level: int) -> Weights:
    layout = f"layout.v1:{number}" if level else None
    return Weights(key=f"files.v1:{number}", level="full" if level else "metadata", layout=layout)


def _files(number: int, alias: int) -> FileNode:
    return FileNode(key=f"sha256:{sha(number)}", size=number, alias=f"{alias:040x}" if alias else None)


def _ref(key: str, name: str, target: str) -> Ref:
    return Ref(key=f"{key}@{name}", model=key, name=name, kind="branch", target=target)


def _lists(make: Any, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.builds(make, *parts), max_size=3).map(tuple)


def batches(*, agreeing: bool) -> st.SearchStrategy[GraphBatch]:
    """Make batches. `agreeing` ones never contradict one another, so that their order cannot matter."""
    told = st.just(1) if agreeing else numbers
    names = st.just("refs/heads/main")
    records = {
        "models": _lists(_model, model_keys, told, numbers),
        "stubs": _lists(partial(_model, seen=0), model_keys, st.just(0)),
        "refs": _lists(_ref, model_keys, names, st.just("c1") if agreeing else commits),
        "revisions": _lists(lambda key, n: revision(key, f"c{n}", *(f"c{m}" for m in range(n))), model_keys, numbers),
        "trees": _lists(
            lambda key, n, m: Tree(revision=f"{key}@c{n}", entries=_entries(n if agreeing else m)),
            model_keys, numbers, numbers,
        ),
        "files": _lists(_files, numbers, numbers),
        "weights": _lists(_weights, numbers, numbers),
        "group_weights": _lists(
            lambda key, n, m: GroupWeights(
                revision=f"{key}@c{n}", group=group(f"g{m}"), weights=f"files.v1:{m if agreeing else n}"
            ),
            model_keys, numbers, numbers,
        ),
        "changes": _lists(lambda key, n, v: change(key, n, v), model_keys, commits,
                          st.just("silent") if agreeing else st.sampled_from(["silent", "versioned"])),
        "evidence": _lists(lambda n, child: evidence(n, child if not agreeing else "a/x", "a/y"), numbers, model_keys),
        "derivations": _lists(
            lambda child, parent, n: derivation(child, parent, relation=(None, "merge", "adapter")[n]),
            model_keys, model_keys, told,
        ),
        "attachments": _lists(
            lambda n, m: Attachment(kind="text", key=f"gitblob:{'e' * 40}" if n else "k", data=bytes([m])),
            numbers, told,
        ),
    }  # fmt: skip
    if not agreeing:
        records["replace_derivations_of"] = st.lists(model_keys, max_size=2).map(tuple)
        records["replace_changes_of"] = st.lists(model_keys, max_size=2).map(tuple)
    return st.fixed_dictionaries({}, optional=records).map(lambda found: GraphBatch(**found))
