"""Edges of a zoo whose descent is known: how many are right by weights and cards, and how many by cards alone.

`python -m benchmarks.derivation --zoo DIR [--json FILE]`: DIR is a directory Hub with `truth.json` (`nodes` with
`published`, and `edges` with `relation` and `shares_weights`), and `expected.json` if it has false cards:
`child -> parent` with the status that the definitions give. Prints the edges that are right, those that are wrong by
status, each miss, and what the search cost.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.derivation.family import solve
from lineage.derivation.members import Declared, Edge, Family, Member
from lineage.derivation.side import Side
from lineage.fingerprint.tensor_table import unpack_tensors
from lineage.fingerprint.values.sketch import unpack_sketch
from lineage.store.interface import StoreView
from lineage.store.records import record_of
from lineage_schemas.ids import revision_key, split_model_key
from lineage_schemas.weights import Digests

RELATIONS = {
    "finetune": "finetune", "adapter": "adapter", "merge": "merge", "quantized": "quantized", "prune": "finetune",
    "vocab_extend": "finetune", "continued_pretrain": "finetune", "cast": None, "copy": None, "reshard": None,
}  # fmt: skip
"""The Hub's word for each relation of the truth; None where it has none."""

COUNTED = ("confirmed", "inferred", "declared")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True, help="a directory Hub with truth.json")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    truth = true_edges(json.loads((options.zoo / "truth.json").read_text()))
    members = read_members(options.zoo)
    began = time.process_time()
    family = Family.of(members)
    edges = {(edge.child, edge.parent): edge for edge in solve(family)[0]}
    result = {
        "members": len(members),
        "pairs": len(family.pairs),
        "cpu seconds": round(time.process_time() - began, 1),
        "edges": len(truth),
        "right by cards alone": _right_by_cards(members, truth),
        "right": sum(_is_right(edges.get(pair), relation) for pair, relation in truth.items()),
        "by status": dict(Counter(f"{e.status} {'right' if p in truth else 'wrong'}" for p, e in edges.items())),
    }
    for name, value in result.items():
        print(f"{name:22} {value}")
    for pair, relation in sorted(truth.items()):
        if not _is_right(edges.get(pair), relation):
            print(f"missed: {pair[0]} from {pair[1]} ({relation}): {_told(edges.get(pair))}")
    result["statuses"] = _statuses(options.zoo / "expected.json", edges)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def true_edges(truth: Mapping[str, Any]) -> dict[tuple[str, str], str | None]:
    """Map each published edge that shares weights to the Hub's word for its relation."""
    there = {node["id"] for node in truth["nodes"] if node.get("published", True)}
    found = {}
    for edge in truth["edges"]:
        child, parent = (edge[end].partition("#")[0].partition("@")[0] for end in ("child", "parent"))
        if edge["shares_weights"] and child != parent and {child, parent} <= there:
            found[child, parent] = RELATIONS[edge["relation"]]
    return found


def read_members(zoo: Path) -> list[Member]:
    """Collect all models of a directory Hub into memory, and return them with what they declare."""
    ids = sorted(str(path.relative_to(zoo)).removesuffix(".git") for path in zoo.glob("*/*") if path.is_dir())
    with Session(hub_selector=str(zoo), store_url="memory:", offline=True) as session:
        collect(session, ids, max_models=10 * len(ids))
        with session.store.reading() as view:
            return list(_members(view))


def _members(view: StoreView) -> Iterator[Member]:
    for row in view.find("Model", {}):
        head = row.properties.get("head")
        edges = list(view.edges("HAS_WEIGHTS", [revision_key(row.key, head)], "out")) if head else []
        main = next((edge for edge in edges if edge.properties.get("main")), edges[0] if edges else None)
        if main is None:
            continue
        name = split_model_key(row.key)[1]
        declared = [record_of("DERIVED_FROM", edge) for edge in view.edges("DERIVED_FROM", [row.key], "out")]
        declares = [
            Declared(split_model_key(each.parent)[1], each.relation_declared or each.relation, each.method)
            for each in declared
        ]
        yield Member(name, _side(view, name, main.target), declares)


def _side(view: StoreView, name: str, digest: str) -> Side:
    node = view.nodes("Weights", [digest])[digest]
    table, sketch = view.attachment("tensors", digest), view.attachment("sketch", digest)
    digests = Digests(files=digest, weights=node.get("weights"), content=node.get("content"))
    rows = unpack_tensors(table) if table else None
    return Side(name, digests, node["format"], rows, node.get("arch"), unpack_sketch(sketch) if sketch else None)


def _is_right(edge: Edge | None, relation: str | None) -> bool:
    return edge is not None and edge.status in COUNTED and edge.relation == relation


def _right_by_cards(members: Sequence[Member], truth: Mapping[tuple[str, str], str | None]) -> int:
    """Count the edges that cards, configs and recipes give with the right relation, as the Hub's model tree does."""
    declared = {(member.key, each.parent): each.relation for member in members for each in member.declares}
    return sum(pair in declared and declared[pair] == relation for pair, relation in truth.items())


def _statuses(expected: Path, edges: Mapping[tuple[str, str], Edge]) -> dict[str, str]:
    """Print which statuses of false and true cards are right."""
    if not expected.exists():
        return {}
    found = {}
    for text, wanted in json.loads(expected.read_text()).items():
        child, parent = (part.strip() for part in text.split("->"))
        edge = edges.get((child, parent))
        right = edge is not None and edge.status == wanted["status"]
        found[text] = "right" if right else f"{wanted['status']} expected: {_told(edge)}"
        if not right:
            print(f"status: {text}: {found[text]}")
    print(f"{'statuses right':22} {sum(each == 'right' for each in found.values())} of {len(found)}")
    return found


def _told(edge: Edge | None) -> str:
    return "no edge" if edge is None else f"{edge.status}, {edge.relation}: {edge.reason}"


if __name__ == "__main__":
    raise SystemExit(main())
