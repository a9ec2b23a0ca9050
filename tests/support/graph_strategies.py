"""Random batches over a small world, in which records under one key agree unless a test wants them not to."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from lineage_schemas.file import FileEntry
from lineage_schemas.file_node import FileNode
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.model import FirstFacts, HubTrust, HubVerified, ModelObservations, Observation
from lineage_schemas.next_version import NextVersion
from lineage_schemas.product import Product
from lineage_schemas.ref import Ref
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.revision import Revision, Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import NOON, band, change, derivation, evidence, group, model, revision, sha, use

MODELS = ("a/x", "a/y", "b/x", "dir-1:b/x", "ü/ö")
COMMITS = ("c0", "c1", "c2")

PRODUCTS = ("shop", "bot")

model_keys = st.sampled_from(MODELS)
products = st.sampled_from(PRODUCTS)
weights_keys = st.sampled_from([f"files.v1:{number}" for number in range(3)])
commits = st.sampled_from(COMMITS)
numbers = st.integers(0, 2)


def _model(key: str, told: int, seen: int) -> Any:
    hub, _, model_id = key.rpartition(":")
    observed = ModelObservations(likes=Observation(value=seen, observed_at=NOON + timedelta(hours=seen)))
    said = HubVerified(value=bool(told), asked_at=NOON + timedelta(hours=seen))
    first = FirstFacts(owner=f"owner-{seen}", observed_at=NOON + timedelta(hours=seen)) if seen else None
    return model(
        key, hub=hub or "huggingface.co", id=model_id, licence=(None, "mit", "other")[told], publisher=model_id[0],
        aliases=(f"old/{model_id}",) if told else (), observations=observed if seen else ModelObservations(),
        first=first, former_identities=(FirstFacts(root_commit=f"r{seen}"),) if seen else (),
        single_folder=seen == 1 or None, trust=HubTrust(verified=said) if seen else None,
    )  # fmt: skip


def _entries(number: int) -> tuple[FileEntry, ...]:
    named = FileEntry(path="model.safetensors", sha256=sha(number), blob_id=f"{number:040x}", size=number)
    return (named, FileEntry(path="README.md", blob_id="e" * 40, size=1), FileEntry(path="unread"))[: number + 1]


def _weights(number: int, level: int) -> Weights:
    layout = f"layout.v1:{number}" if level else None
    calls = ("posix.system",) if level and number else None
    return Weights(key=f"files.v1:{number}", level="full" if level else "metadata", layout=layout, calls=calls)


def _files(number: int, alias: int) -> FileNode:
    return FileNode(key=f"sha256:{sha(number)}", size=number, alias=f"{alias:040x}" if alias else None)


def _ref(key: str, name: str, target: str, day: int | None) -> Ref:
    since = None if day is None else NOON + timedelta(days=day)
    return Ref(key=f"{key}@{name}", model=key, name=name, kind="branch", target=target, since=since)


def _revision(key: str, number: int, category: str | None) -> Revision:
    made = revision(key, f"c{number}", *(f"c{before}" for before in range(number)))
    return made.model_copy(update={"category": category})


def _lists(make: Any, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.builds(make, *parts), max_size=3).map(tuple)


def _relatives(told: st.SearchStrategy[int]) -> dict[str, st.SearchStrategy[Any]]:
    """Make match keys, relations and next versions between models, products and what these use."""
    pairs = st.lists(model_keys, min_size=2, max_size=2, unique=True)
    return {
        "match_keys": _lists(lambda key, n: WeightsKeys(weights=key, keys=(band(n), band(0))), weights_keys, numbers),
        "related": _lists(
            lambda pair, n: Relatedness.of_pair(dict.fromkeys(pair), kind=("sibling", "near_twin", "sibling")[n]),
            pairs, told,
        ),
        "next_versions": _lists(
            lambda pair, n: NextVersion(model=pair[0], next=pair[1], basis=("name", "config", "declared")[n]),
            pairs, told,
        ),
        "products": _lists(
            lambda name, n: Product(key=name, name=name, path=f"/{n}", recorded_at=NOON), products, told
        ),
        "uses": _lists(
            lambda name, key, line, n: use(name, key, f"app.py:{line}", pinned=bool(n), line=line),
            products, model_keys, numbers, told,
        ),
    }  # fmt: skip


def batches(*, agreeing: bool) -> st.SearchStrategy[GraphBatch]:
    """Make batches. `agreeing` ones never contradict one another, so that their order cannot matter."""
    told = st.just(1) if agreeing else numbers
    names = st.just("refs/heads/main")
    records = {
        "models": _lists(_model, model_keys, told, numbers),
        "stubs": _lists(partial(_model, seen=0), model_keys, st.just(0)),
        "refs": _lists(_ref, model_keys, names, commits, numbers if agreeing else st.none() | numbers),
        "revisions": _lists(
            lambda key, n, m: _revision(key, n, None if m == 0 else "Model update" if agreeing or m == 1 else "Other"),
            model_keys, numbers, numbers,
        ),
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
            lambda child, parent, n: derivation(
                child, parent, relation=(None, "merge", "adapter")[n], status=("inferred", "declared", "confirmed")[n],
            ),
            model_keys, model_keys, told,
        ),
        "attachments": _lists(
            lambda n, m, kind: Attachment(kind=kind, key=f"gitblob:{'e' * 40}" if n else "files.v1:1", data=bytes([m])),
            numbers, told, st.sampled_from(["text", "sketch"]),
        ),
        **_relatives(told),
    }  # fmt: skip
    if not agreeing:
        replaced = {"derivations": model_keys, "changes": model_keys, "keys": weights_keys, "related": model_keys,
                    "next_versions": model_keys, "uses": products}  # fmt: skip
        records |= {f"replace_{name}_of": st.lists(keys, max_size=2).map(tuple) for name, keys in replaced.items()}
        records["drop_evidence"] = st.lists(numbers.map("e{}".format), max_size=2).map(tuple)
    return st.fixed_dictionaries({}, optional=records).map(lambda found: GraphBatch(**found))
