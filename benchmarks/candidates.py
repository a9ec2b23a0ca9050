"""How long it takes to find the relatives of new weights in a store, and how many of those that are there are found.

`python -m benchmarks.candidates [--models 1000 10000 100000] [--neo4j VERSION|URI] [--json FILE]`: loads models of one
architecture whose keys are made from drawn sketches, into a SQLite store and, if asked, into Neo4j. They come in
families of 100 with cosines of 0.9 to 0.999 to their base; every twentieth belongs to one family, so that the keys of
its base have more holders than are followed. At each size, children of stored bases that are not stored themselves
are looked up. Returns 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy

from benchmarks.stores.measuring import Result, note, percentile
from lineage.fingerprint.match_keys import match_keys
from lineage.fingerprint.tensor_table import TensorRow
from lineage.fingerprint.values.sketch import SampledTile, Sketch
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import Tile
from lineage.query.relatives import candidates, models_with
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.derivation import Derivation
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import revision_key
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.model import Model
from lineage_schemas.revision import Revision
from lineage_schemas.weight_group import WeightGroup
from lineage_schemas.weights import GroupWeights, Weights

if TYPE_CHECKING:
    from lineage.store.interface import GraphStore, StoreView
    from lineage_schemas.match_key import MatchKey

    Strips = numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]

FAMILY, LARGEST, BATCH = 100, 20, 500
"""Models in a family; one in so many models belongs to the largest family instead; models in one write."""

STRIPS, VALUES, LIMIT = 24, 1_024, 64
COSINES = (0.9, 0.999)
ARCH = f"arch.v1:{'a' * 64}"
WEAK = ("arch", "module")
"""Families of keys that unrelated models have: they are looked up apart, as when families are worked out."""

MOST_SECONDS = {"sqlite": 0.3, "neo4j": 1.0}
MOST_PER_DOUBLING, LEAST_FOUND = 2.3, 0.99


class Drawn(NamedTuple):
    """One drawn model: its key, its base's, the digest of its weights and their match keys."""

    key: str
    base: str
    digest: str
    keys: tuple[MatchKey, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, measure, print; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, nargs="+", default=[1_000, 10_000, 100_000], metavar="COUNT")
    parser.add_argument("--queries", type=int, default=200, help="new weights that are looked up at each size")
    parser.add_argument("--neo4j", metavar="VERSION|URI", help="neo4j-current, neo4j-lts, or a server that is empty")
    parser.add_argument("--folder", type=Path, help="where the stores are made")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found: Result = {}
    with ExitStack() as ends:
        stores = opened(ends, options.folder, options.neo4j)
        loaded = 0
        for size in sorted(options.models):
            took = load(stores, loaded, size)
            loaded = size
            for name, store in stores.items():
                measured = look_up(store, size, options.queries)
                found.setdefault(name, {})[str(size)] = {**measured, "load, seconds": round(took[name], 1)}
                print(f"{name} {size:>9,} {json.dumps(found[name][str(size)])}", flush=True)
                if options.json:
                    options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    missed = [text for name, sizes in found.items() for text in misses(name, sizes)]
    print(f"missed limits: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def opened(ends: ExitStack, folder: Path | None, neo4j: str | None) -> dict[str, GraphStore]:
    """Open the empty stores."""
    root = Path(ends.enter_context(tempfile.TemporaryDirectory(dir=folder)))
    stores: dict[str, GraphStore] = {"sqlite": ends.enter_context(SqliteStore(root / "graph.db"))}
    if neo4j is not None:
        from benchmarks.stores.server import Server
        from lineage.store.neo4j.connection import address_of
        from lineage.store.neo4j.store import Neo4jStore

        server = ends.enter_context(Server(neo4j, root / "neo4j"))
        stores["neo4j"] = ends.enter_context(Neo4jStore(address_of(server.uri)))
        if any(stores["neo4j"].info().nodes.values()):
            raise SystemExit(f"{server.uri} is not empty: everything here is written into an empty database")
    return stores


def load(stores: dict[str, GraphStore], start: int, end: int) -> dict[str, float]:
    """Write the models from one number to another into all stores; return the seconds of each."""
    took = dict.fromkeys(stores, 0.0)
    for first in range(start, end, BATCH):
        batch = batch_of([drawn(number) for number in range(first, min(first + BATCH, end))])
        for name, store in stores.items():
            began = time.perf_counter()
            store.write(batch)
            took[name] += time.perf_counter() - began
        note(f"{first:,} models, " + ", ".join(f"{name} {each:.0f} s" for name, each in took.items()))
    return took


def base_of(number: int) -> int:
    """Return the number of the base of a model's family: model 0 for one in twenty."""
    return 0 if number % LARGEST == 0 else number - number % FAMILY + 1


def drawn(number: int) -> Drawn:
    """Draw the model of a number: a base, or one that was trained from its family's base."""
    base = base_of(number)
    strips = values_of(base)
    if base != number:
        strips = trained(strips, number)
    return Drawn(model_key(number), model_key(base), f"files.v1:{number:064x}", keys_of(strips, number))


def model_key(number: int) -> str:
    """Return the key of the model of a number."""
    return f"org/model-{number}"


def values_of(number: int) -> Strips:
    """Draw the strips of a base."""
    return numpy.random.default_rng(number).standard_normal((STRIPS, VALUES), numpy.float32)


def trained(strips: Strips, seed: int) -> Strips:
    """Turn each strip away from its base's, by one cosine of 0.9 to 0.999."""
    random = numpy.random.default_rng([7, seed])
    cosine = random.uniform(*COSINES)
    noise = random.standard_normal(strips.shape, numpy.float32)
    return numpy.float32(cosine) * strips + numpy.float32(math.sqrt(1 - cosine**2)) * noise


def keys_of(strips: Strips, number: int) -> tuple[MatchKey, ...]:
    """Make match keys of strips and of four tensors that no other model has."""
    tiles = [
        SampledTile(
            Tile("strip", f"blk.{at // 7}.part_{at % 7}.weight", Place(0, 4, 0, 256)),
            (4_096, 4_096), None, values.reshape(4, 256),
        )
        for at, values in enumerate(strips)
    ]  # fmt: skip
    rows = [TensorRow(f"{at}", "BF16", (64, 64), f"{number:060x}{at:04x}", "model.safetensors") for at in range(4)]
    return match_keys(Sketch(tiles, {"strip": STRIPS}), rows, ARCH)


def batch_of(models: Sequence[Drawn]) -> GraphBatch:
    """Make a batch of models with a commit, weights, keys, and an edge to their base, as `collect` writes them."""
    group = WeightGroup(name="model.safetensors", format="safetensors", files=("model.safetensors",), main=True)
    hub, commit = "huggingface.co", "c1"
    at = {each.key: revision_key(each.key, commit) for each in models}
    return GraphBatch(
        models=tuple(Model(key=each.key, hub=hub, id=each.key, head=commit) for each in models),
        revisions=tuple(Revision(key=at[each.key], model=each.key, commit=commit) for each in models),
        weights=tuple(Weights(key=each.digest, arch=ARCH) for each in models),
        group_weights=tuple(GroupWeights(revision=at[each.key], group=group, weights=each.digest) for each in models),
        match_keys=tuple(WeightsKeys(weights=each.digest, keys=each.keys) for each in models),
        derivations=tuple(Derivation(child=each.key, parent=each.base) for each in models if each.key != each.base),
    )


def look_up(store: GraphStore, size: int, queries: int) -> Result:
    """Look up new children of stored bases; count those whose base is among the candidates."""
    times, right, found, listed = [], 0, 0, []
    for number, (base, keys) in enumerate(probes(size, queries)):
        with store.reading() as view:
            if number == 0:
                related(view, keys)  # a server plans a query the first time
            began = time.perf_counter()
            models = related(view, keys)
            times.append(time.perf_counter() - began)
        family = [key for key in models if base_of(int(key.rpartition("-")[2])) == base]
        right += model_key(base) in models
        found += bool(family)
        listed.append(len(models))
    began = time.perf_counter()
    store.erase([model_key(size - 1)])  # never a base: its keys have as many holders as there are models
    return {
        "forget one model, seconds": round(time.perf_counter() - began, 3),
        "seconds": {"p50": round(percentile(times, 50), 4), "p99": round(percentile(times, 99), 4)},
        "base found": round(right / queries, 4),
        "a relative found": round(found / queries, 4),
        "models listed": round(sum(listed) / queries, 1),
    }


def probes(size: int, queries: int) -> Iterator[tuple[int, tuple[MatchKey, ...]]]:
    """Yield bases spread over the store, every twentieth time the largest family's, each with a new child's keys."""
    for number in range(queries):
        base = base_of(0 if number % LARGEST == 0 else (number * size // queries) | 1)
        yield base, keys_of(trained(values_of(base), size + number), 10**12 + size + number)


def related(view: StoreView, keys: Sequence[MatchKey]) -> list[str]:
    """Find the models to compare with: those with strong keys first, as a collection does."""
    weak = [each.key for each in keys if each.family in WEAK]
    strong = [each.key for each in keys if each.family not in WEAK]
    found = [digest for wanted in (strong, weak) for digest, _ in candidates(view, wanted, LIMIT)]
    return [model for models in models_with(view, found).values() for model in models]


def misses(name: str, sizes: Result) -> Iterator[str]:
    """Say which limits are missed: of the largest size, and of the growth from one size to the next."""
    counts = sorted(map(int, sizes))
    largest = sizes[str(counts[-1])]
    if largest["seconds"]["p50"] > MOST_SECONDS[name]:
        yield f"{name}: {largest['seconds']['p50']} s"
    for smaller, larger in pairwise(counts):
        ratio = sizes[str(larger)]["seconds"]["p50"] / sizes[str(smaller)]["seconds"]["p50"]
        doubling = ratio ** (1 / math.log2(larger / smaller))
        if doubling > MOST_PER_DOUBLING:
            yield f"{name}: {doubling:.2f} x per doubling from {smaller:,} to {larger:,}"
    yield from (
        f"{name}: {each['base found']:.2%} of bases found among {count}"
        for count, each in sizes.items()
        if each["base found"] < LEAST_FOUND
    )


if __name__ == "__main__":
    raise SystemExit(main())
