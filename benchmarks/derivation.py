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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.collect.at_rest import declared_at_rest
from lineage.store.records import record_of
from lineage_schemas.derivation import Derivation
from lineage_schemas.ids import split_model_key

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
    began, cpu = time.perf_counter(), time.process_time()
    graph = collected(options.zoo)
    edges = graph.edges
    result: dict[str, Any] = {
        "models": graph.models,
        "bytes of samples": graph.sketches,
        "bytes of weight files": graph.weights,
        "share sampled": round(graph.sketches / graph.weights, 4) if graph.weights else None,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu seconds": round(time.process_time() - cpu, 1),
        "edges": len(truth),
        "right by cards alone": sum(pair in graph.declared and graph.declared[pair] == r for pair, r in truth.items()),
        "right": sum(is_right(edges.get(pair), relation) for pair, relation in truth.items()),
        "direction": dict(sorted(Counter(direction(pair, edges) for pair in truth).items())),
        "claims": claims(graph, truth),
        "by confidence": by_confidence(edges, truth),
        "by status": dict(sorted(Counter(f"{e.status} {_judged(e, truth)}" for e in edges.values()).items())),
        "by relation": _by(truth, edges, lambda pair: str(truth[pair])),
        "by method": _by(truth, edges, lambda pair: edges[pair].method if pair in edges else "no edge"),
    }
    for name, value in result.items():
        print(f"{name:22} {value}")
    result["missed"] = [
        f"{child} from {parent} ({truth[child, parent]}): {described(edges.get((child, parent)))}"
        for child, parent in sorted(truth)
        if not is_right(edges.get((child, parent)), truth[child, parent])
    ]
    result["wrong"] = [
        f"{child} from {parent}: {described(edge)}"
        for (child, parent), edge in sorted(edges.items())
        if edge.status in COUNTED and (child, parent) not in truth
    ]
    result["statuses"] = statuses(options.zoo / "expected.json", edges)
    wrong = {text: found for text, found in result["statuses"].items() if found != "right"}
    print(f"{'statuses right':22} {len(result['statuses']) - len(wrong)} of {len(result['statuses'])}")
    for title in ("missed", "wrong"):
        for line in result[title]:
            print(f"{title}: {line}")
    for text, found in wrong.items():
        print(f"status: {text}: {found}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


@dataclass(frozen=True)
class Graph:
    """Hold the edges of a collected zoo by child and parent, what cards alone declare, and what it cost."""

    models: int
    edges: Mapping[tuple[str, str], Derivation]
    declared: Mapping[tuple[str, str], str | None]
    sketches: int
    weights: int


def collected(zoo: Path) -> Graph:
    """Collect all models of a directory Hub, as `lineage collect` does, and read the edges."""
    ids = sorted({_model_id(path.relative_to(zoo)) for path in zoo.glob("*/*") if _is_model(path)})
    with Session(hub_selector=str(zoo), store_url="memory:", offline=True) as session:
        collect(session, ids, max_models=10 * len(ids))
        with session.store.reading() as view:
            edges = [record_of("DERIVED_FROM", edge) for edge in view.all_edges("DERIVED_FROM")]
            rows = {row.key: row.properties for row in view.find("Model", {}) if row.properties.get("head")}
            by_cards = declared_at_rest(view, rows)
            sketches = sum(len(data) for kind, _, data in view.all_attachments() if kind == "sketch")
            sizes = [row.properties.get("byte_size") or 0 for row in view.all_nodes("Weights")]
    declared = {_pair(each): each.relation_declared or each.relation for own in by_cards.values() for each in own}
    return Graph(len(rows), {_pair(each): each for each in edges}, declared, sketches, sum(sizes))


def _is_model(path: Path) -> bool:
    return (path.is_dir() and not path.name.endswith(".lfs")) or path.suffix == ".bundle"


def _model_id(path: Path) -> str:
    return str(path).removesuffix(".git").removesuffix(".bundle")


def _pair(edge: Derivation) -> tuple[str, str]:
    return split_model_key(edge.child)[1], split_model_key(edge.parent)[1]


def true_edges(truth: Mapping[str, Any]) -> dict[tuple[str, str], str | None]:
    """Map each published edge that shares weights to the Hub's word for its relation."""
    there = {node["id"] for node in truth["nodes"] if node.get("published", True)}
    found = {}
    for edge in truth["edges"]:
        child, parent = (edge[end].partition("#")[0].partition("@")[0] for end in ("child", "parent"))
        if edge["shares_weights"] and child != parent and {child, parent} <= there:
            found[child, parent] = RELATIONS[edge["relation"]]
    return found


def is_right(edge: Derivation | None, relation: str | None) -> bool:
    """Return whether an edge of the truth was found, with its relation."""
    return edge is not None and edge.status in COUNTED and edge.relation == relation


def _judged(edge: Derivation, truth: Mapping[tuple[str, str], str | None]) -> str:
    """Say whether the truth has an edge; denied ones are right where it does not."""
    return "right" if (_pair(edge) in truth) == (edge.status in COUNTED) else "wrong"


def direction(pair: tuple[str, str], edges: Mapping[tuple[str, str], Derivation]) -> str:
    """Say which way round an edge of the truth was found."""
    ways = ((pair, "right"), ((pair[1], pair[0]), "wrong"))
    return next((said for way, said in ways if way in edges and edges[way].status in COUNTED), "not found")


def claims(graph: Graph, truth: Mapping[tuple[str, str], str | None]) -> dict[str, dict[str, int]]:
    """Count the statuses of what cards declare, by what is true of it, and of what they leave out."""
    above = ancestors(truth)
    found: dict[str, Counter[str]] = {}
    for pair in sorted({*graph.declared, *truth}):
        if pair not in graph.declared:
            what = "missing in cards"
        elif pair in truth:
            what = "true"
        else:
            what = "a grandparent" if pair[1] in above.get(pair[0], ()) else "false"
        status = graph.edges[pair].status if pair in graph.edges else "no edge"
        found.setdefault(what, Counter())[status] += 1
    return {what: dict(sorted(count.items())) for what, count in sorted(found.items())}


def ancestors(truth: Mapping[tuple[str, str], str | None]) -> dict[str, set[str]]:
    """Return all models above each child."""
    found: dict[str, set[str]] = {}
    for child in {child for child, _ in truth}:
        own: set[str] = set()
        left = [child]
        while left:
            at = left.pop()
            new = {parent for one, parent in truth if one == at} - own
            own |= new
            left.extend(new)
        found[child] = own
    return found


def by_confidence(
    edges: Mapping[tuple[str, str], Derivation], truth: Mapping[tuple[str, str], str | None]
) -> dict[str, str]:
    """Count the right ones of the edges with a confidence, by tenths: too few to show a calibration."""
    counts: dict[str, Counter[str]] = {}
    for edge in edges.values():
        if edge.confidence is not None:
            tenth = min(int(edge.confidence * 10), 9) / 10
            counts.setdefault(f"{tenth:.1f}-{tenth + 0.1:.1f}", Counter())[_judged(edge, truth)] += 1
    return {name: f"{count['right']} of {count.total()}" for name, count in sorted(counts.items())}


def _by(
    truth: Mapping[tuple[str, str], str | None],
    edges: Mapping[tuple[str, str], Derivation],
    name: Callable[[tuple[str, str]], str],
) -> dict[str, str]:
    """Count the right edges of the truth by a property."""
    every, right = Counter(map(name, truth)), Counter(name(p) for p, r in truth.items() if is_right(edges.get(p), r))
    return {each: f"{right[each]} of {count}" for each, count in sorted(every.items())}


def statuses(expected: Path, edges: Mapping[tuple[str, str], Derivation]) -> dict[str, str]:
    """Compare the statuses of cards with those that the definitions give."""
    if not expected.exists():
        return {}
    found = {}
    for text, wanted in json.loads(expected.read_text()).items():
        child, parent = (part.strip() for part in text.split("->"))
        edge = edges.get((child, parent))
        right = edge is not None and edge.status == wanted["status"]
        found[text] = "right" if right else f"{wanted['status']} expected: {described(edge)}"
    return found


def described(edge: Derivation | None) -> str:
    """Describe an edge in a few words."""
    return "no edge" if edge is None else f"{edge.status}, {edge.relation} ({edge.method}), {edge.confidence}"


if __name__ == "__main__":
    raise SystemExit(main())
