"""Every pair of a zoo whose descent is known: verdicts, relations and directions, and what comparing costs.

`python -m benchmarks.compare --zoo DIR [--json FILE] [--peer PYTHON]`: DIR has `truth.json` (`nodes`, and `edges` with
`relation`, `detail` and `shares_weights`) and a folder `org/name` for each model, or `r0`, `r1`, … in it. Two models
are related if their lines upwards over edges that share weights meet. Weights are read in full from the folders; pairs
are judged from packed sketches, as a store keeps them. A Hub server on this machine counts what each sample costs.

`--peer` runs `provenancekit` of another environment (`cisco-ai-provenance-kit`, Python 3.12) over the same pairs, with
that environment's interpreter, and prints both in one table.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path

from benchmarks.pairs.costs import sample_costs
from benchmarks.pairs.peer import peer_verdicts
from benchmarks.pairs.zoo import Zoo, read_zoo
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Side
from lineage.fingerprint.values.sketch import pack_sketch, unpack_sketch

GOALS = {"open": 0.1, "direction": 0.9, "cpu": 0.2, "peak": 100 * 2**20}
"""At most 10 % of the pairs unclear or not comparable, direction right in 90 % of the edges that show one, and
seconds of CPU and bytes of memory a pair."""

SCORES = ("numeric.cosine", "numeric.cosine_by_content", "numeric.layers")

OF_AN_EDGE = ("verdict", "relation", "method", "direction")

DIRECTED = ("cast", "quantized", "prune", "vocab_extend")
"""Relations whose direction the weights show."""


@dataclass(frozen=True)
class Judged:
    """Hold the verdict on one pair beside the truth; `relation` and what follows it are those of an edge."""

    a: str
    b: str
    related: bool
    adapter: bool
    verdict: str
    score: float | None
    relation: str | None = None
    detail: str | None = None
    found_relation: str | None = None
    found_method: str | None = None
    method: str | None = None
    direction: str | None = None
    cpu: float = 0.0


@dataclass
class Sketched:
    """Hold a side with its sketch packed, as the store has it."""

    side: Side
    packed: bytes | None

    def again(self) -> Side:
        """Unpack the sketch, as a comparison from the store does."""
        return replace(self.side, sketch=unpack_sketch(self.packed)) if self.packed is not None else self.side


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, write; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peer", type=Path, metavar="PYTHON")
    parser.add_argument("--no-costs", action="store_true", help="do not count what samples cost at a Hub server")
    options = parser.parse_args(arguments)
    zoo = read_zoo(options.zoo)
    sides = {
        name: Sketched(side, pack_sketch(side.sketch) if side.sketch is not None else None)
        for name, side in zoo.sides.items()
    }
    judged = [judge(zoo, sides, a, b) for a, b in combinations(sorted(sides), 2)]
    result = summary(judged) | {"peak bytes a pair": peak(sides)}
    result["models"] = len(sides)
    if not options.no_costs:
        result["sample of each model"] = sample_costs(options.zoo, zoo.models)
    if options.peer:
        whole = [each for each in judged if not {"#", "@"} & set(each.a + each.b)]
        verdicts = peer_verdicts(options.peer, options.zoo, [(each.a, each.b) for each in whole])
        result["beside the peer"] = beside_the_peer(whole, verdicts)
    missed = goals_missed(result)
    result["goals missed"] = missed
    print("\n".join(lines(result, judged)))
    if options.json:
        options.json.write_text(
            json.dumps({**result, "pairs": [asdict(each) for each in judged]}, indent=1) + "\n", "utf-8"
        )
    return 1 if missed else 0


def judge(zoo: Zoo, sides: Mapping[str, Sketched], a: str, b: str) -> Judged:
    """Judge one pair; an edge is judged with the child's other parents, an adapter with what was merged from it."""
    edge = zoo.edge(a, b)
    others = [sides[name].side for name in zoo.others(a, b) if name in sides]
    if edge is not None and edge.child != zoo.model_of(a):
        a, b = b, a
    began = time.process_time()
    pair = compare_pair(sides[a].again(), sides[b].again(), others)
    cpu = time.process_time() - began
    adapter = sides[a].side.is_adapter or sides[b].side.is_adapter
    known = Judged(a, b, zoo.related(a, b), adapter, pair.verdict, score(pair), cpu=cpu)
    if edge is None:
        return known
    expected, method = expected_relation(edge.relation), edge.method
    if edge.relation == "quantized" and sides[a].side.method is None:
        expected, method = None, "cast"  # a file in F16 among others that are quantised
    return replace(
        known,
        relation=edge.relation,
        detail=edge.detail,
        found_relation=compared(expected, pair.relation, pair.method == "unknown"),
        found_method=pair.method,
        method=compared(method, pair.method, pair.method == "unknown"),
        direction={"a_from_b": "right", "b_from_a": "wrong"}.get(pair.direction, "not shown"),
    )


def expected_relation(relation: str) -> str | None:
    """Return the Hub's relation of an edge of the truth; None for a copy or a cast."""
    words = {"prune": "finetune", "vocab_extend": "finetune", "continued_pretrain": "finetune", "distill": "finetune"}
    return None if relation in ("cast", "copy", "reshard") else words.get(relation, relation)


def compared(expected: str | None, found: str | None, none: bool) -> str:
    """Say whether what was found is right, wrong, or not claimed."""
    if found == expected:
        return "right"
    return "not shown" if none or found is None else "wrong"


def score(pair: Pair) -> float | None:
    """Return the greatest measured likeness, on which the verdict rests."""
    known = [found.value for found in pair.findings if found.rule in SCORES and found.value is not None]
    return max(known) if known else None


def summary(judged: Sequence[Judged]) -> dict[str, object]:
    """Count verdicts against the truth, and find the pairs at the edge."""
    models = [each for each in judged if not each.adapter]
    scored = [each for each in models if each.score is not None]
    related = sorted((each.score, each.a, each.b) for each in scored if each.related)
    unrelated = sorted(((each.score, each.a, each.b) for each in scored if not each.related), reverse=True)
    directed = [each for each in judged if each.relation in DIRECTED]
    undecided = [each for each in models if each.verdict in ("unclear", "not_comparable")]
    return {
        "pairs": len(models),
        "pairs with an adapter": len(judged) - len(models),
        "confusion": confusion(models),
        "confusion with adapters": confusion([each for each in judged if each.adapter]),
        "related called unrelated": sum(each.related and each.verdict == "unrelated" for each in judged),
        "unrelated called related": sum(
            not each.related and each.verdict in ("related", "derived", "same_weights") for each in judged
        ),
        "least related": related[:5],
        "most alike unrelated": unrelated[:5],
        "share undecided": round(len(undecided) / max(len(models), 1), 4),
        "direction right": share(each.direction == "right" for each in directed),
        "direction wrong": sum(each.direction == "wrong" for each in judged),
        "edges": edges(judged),
        "cpu seconds a pair": {
            "mean": round(sum(each.cpu for each in judged) / max(len(judged), 1), 4),
            "most": round(max((each.cpu for each in judged), default=0.0), 4),
        },
    }


def confusion(judged: Iterable[Judged]) -> dict[str, dict[str, int]]:
    """Count verdicts of related and of unrelated pairs."""
    counted: dict[str, Counter[str]] = {"related": Counter(), "unrelated": Counter()}
    for each in judged:
        counted["related" if each.related else "unrelated"][each.verdict] += 1
    return {truth: dict(verdicts.most_common()) for truth, verdicts in counted.items()}


def edges(judged: Iterable[Judged]) -> dict[str, dict[str, dict[str, int]]]:
    """Count for each relation of the truth what was found of verdict, relation, method and direction."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for each in judged:
        if each.relation is None:
            continue
        of = found.setdefault(
            each.relation, {what: Counter() for what in ("verdict", "relation", "method", "direction")}
        )
        of["verdict"][each.verdict] += 1
        of["relation"][str(each.found_relation)] += 1
        of["method"][str(each.method)] += 1
        of["direction"][str(each.direction)] += 1
    return {relation: {what: dict(count) for what, count in of.items()} for relation, of in found.items()}


def beside_the_peer(judged: Sequence[Judged], peer: Mapping[tuple[str, str], str]) -> dict[str, dict[str, int]]:
    """Count the verdicts of both over the pairs that both were given."""
    found: dict[str, Counter[str]] = {}
    for each in judged:
        for tool, verdict in (("lineage", each.verdict), ("peer", peer.get((each.a, each.b), "not run"))):
            found.setdefault(f"{tool}, {'related' if each.related else 'unrelated'} pairs", Counter())[verdict] += 1
    return {name: dict(count.most_common()) for name, count in sorted(found.items())}


def share(found: Iterable[bool]) -> float:
    """Return the share that is true; 1 of nothing."""
    every = list(found)
    return round(sum(every) / len(every), 4) if every else 1.0


def peak(sides: Mapping[str, Sketched]) -> int:
    """Measure the most memory that a pair takes beyond what is loaded, over pairs of neighbours by name."""
    names = sorted(sides)
    most = 0
    tracemalloc.start()
    for a, b in pairwise(names):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        compare_pair(sides[a].again(), sides[b].again())
        most = max(most, tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    return most


def goals_missed(result: Mapping[str, object]) -> list[str]:
    """Name the goals that the figures miss."""
    cpu = result["cpu seconds a pair"]
    assert isinstance(cpu, dict)
    figures: dict[str, tuple[object, bool]] = {
        "related called unrelated": (result["related called unrelated"], result["related called unrelated"] != 0),
        "unrelated called related": (result["unrelated called related"], result["unrelated called related"] != 0),
        "share undecided": (result["share undecided"], float(str(result["share undecided"])) > GOALS["open"]),
        "direction right": (result["direction right"], float(str(result["direction right"])) < GOALS["direction"]),
        "cpu seconds a pair": (cpu["mean"], cpu["mean"] > GOALS["cpu"]),
        "peak bytes a pair": (result["peak bytes a pair"], int(str(result["peak bytes a pair"])) > GOALS["peak"]),
    }
    return [f"{name}: {value}" for name, (value, missed) in figures.items() if missed]


def lines(result: Mapping[str, object], judged: Sequence[Judged]) -> Iterable[str]:
    """Write the figures for people."""
    for name, value in result.items():
        if isinstance(value, dict) and name in ("edges", "sample of each model"):
            yield f"{name}:"
            yield from (f"  {key:<44} {json.dumps(each)}" for key, each in value.items())
        elif name in ("least related", "most alike unrelated"):
            assert isinstance(value, list)
            yield f"{name}:"
            yield from (f"  {number:.3f}  {a} | {b}" for number, a, b in value)
        else:
            yield f"{name}: {json.dumps(value)}"
    wrong = [
        each
        for each in judged
        if each.related != (each.verdict in ("related", "derived", "same_weights"))
        or "wrong" in (each.direction, each.found_relation, each.method)
    ]
    for each in wrong:
        if not (each.adapter and each.verdict == "not_comparable"):
            truth = " ".join(filter(None, ["related" if each.related else "unrelated", each.relation, each.detail]))
            found = " ".join(filter(None, [each.verdict, each.found_method, each.direction]))
            yield f"  look: {each.a} | {each.b} · {truth}: {found}"


if __name__ == "__main__":
    raise SystemExit(main())
