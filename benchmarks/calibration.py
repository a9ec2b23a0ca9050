"""How far the confidence of verdicts on pairs agrees with the share of them that is right.

`python -m benchmarks.calibration [--zoo DIR] [--write] [--json FILE]`: judges all pairs of models without adapters of
`benchmarks/pairs/calibration.csv`, each family left out in turn: the counts of the others give the confidence of the
pairs that touch it. Prints the expected calibration error (the mean distance of confidence and share of right verdicts
over ten bins, weighted by pairs) with a bootstrap interval over pairs. `--zoo` judges the pairs of a directory with
`truth.json` by the counts that `lineage` is shipped with; `--write` makes the table of pairs anew from it. Returns 1
if the error is above 0.1.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy

from benchmarks.compare import Sketched, judge
from benchmarks.pairs.zoo import read_zoo
from lineage.derivation.confidence import MEASURED, Calibration, of_related, of_unrelated
from lineage.derivation.numeric.relatedness import RELATED, UNCLEAR
from lineage.fingerprint.values.sketch import pack_sketch

PAIRS = Path(__file__).parent / "pairs" / "calibration.csv"
MAX_ERROR, BINS, DRAWS, SEED = 0.1, 10, 2_000, 20261130
FOUND_RELATED = ("same_weights", "derived", "related")


@dataclass(frozen=True)
class Judged:
    """Hold one pair of known descent with the verdict on it; `likeness` is None where equal values decided."""

    a: str
    b: str
    families: tuple[str, str]
    related: bool
    verdict: str
    likeness: float | None

    @property
    def is_right(self) -> bool:
        """Return whether the verdict says what is true."""
        return self.related == (self.verdict in FOUND_RELATED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge, print, write; return 1 if the error is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, help="a directory with truth.json and the models' folders")
    parser.add_argument("--write", action="store_true", help="keep the pairs of --zoo as the table of this benchmark")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    of_zoo = judged_pairs(options.zoo) if options.zoo else []
    if options.write:
        write_pairs(of_zoo)
    known = read_pairs()
    result: dict[str, dict[str, Any]] = {
        "counts": described(counted(known)),
        "each family left out": errors(known, left_out(known)),
    }
    if of_zoo:
        result["shipped counts on this zoo"] = errors(of_zoo, [confidence(each, MEASURED) for each in of_zoo])
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return int(any(each["error"] > MAX_ERROR for each in result.values() if "error" in each))


def judged_pairs(folder: Path) -> list[Judged]:
    """Judge all pairs of a zoo but those with an adapter: of them the weights alone decide only the merged ones."""
    zoo = read_zoo(folder)
    sides = {
        name: Sketched(side, pack_sketch(side.sketch) if side.sketch is not None else None)
        for name, side in zoo.sides.items()
    }
    found = []
    for a, b in combinations(sorted(sides), 2):
        each = judge(zoo, sides, a, b)
        if not each.adapter and each.verdict not in ("unclear", "not_comparable"):
            families = sorted(zoo.root(name) for name in (a, b))
            found.append(Judged(a, b, (families[0], families[1]), each.related, each.verdict, each.score))
    return found


def confidence(pair: Judged, by: Calibration) -> float:
    """Return the confidence of a verdict, as `compare_pair` gives it."""
    if pair.verdict == "same_weights":
        return 1.0
    if pair.verdict in FOUND_RELATED:
        return of_related(None if pair.verdict == "derived" else pair.likeness, RELATED, by)
    return of_unrelated(pair.likeness, UNCLEAR, by)


def counted(pairs: Iterable[Judged]) -> Calibration:
    """Count right verdicts, and find the likeness of the pairs nearest to the limits."""
    every = list(pairs)
    count = Counter((each.verdict in FOUND_RELATED, each.is_right) for each in every)
    alike = [each.likeness for each in every if each.related and each.likeness is not None]
    strange = [each.likeness for each in every if not each.related and each.likeness is not None]
    return Calibration(
        related=(count[True, True], count[True, True] + count[True, False]),
        unrelated=(count[False, True], count[False, True] + count[False, False]),
        least_related=min(alike, default=1.0),
        most_unrelated=max(strange, default=0.0),
    )


def left_out(pairs: Sequence[Judged]) -> list[float]:
    """Return the confidence of each pair by the counts of the pairs that touch none of its families.

    Where no pair is left, as for two families that are in all others, one of the two families is left out.
    """
    found = []
    for pair in pairs:
        others = [each for each in pairs if not set(each.families) & set(pair.families)]
        both = [each for each in pairs if pair.families[0] not in each.families]
        found.append(confidence(pair, counted(others or both)))
    return found


def errors(pairs: Sequence[Judged], confidences: Sequence[float]) -> dict[str, Any]:
    """Return the expected calibration error with its bootstrap interval, and the bins behind it."""
    right = numpy.array([each.is_right for each in pairs], dtype=float)
    sure = numpy.array(confidences)
    drawn = numpy.random.default_rng(SEED)
    draws = [
        expected_error(right[chosen], sure[chosen])
        for chosen in (drawn.integers(0, len(pairs), len(pairs)) for _ in range(DRAWS))
    ]
    low, high = numpy.percentile(draws, [2.5, 97.5])
    bins = numpy.minimum((sure * BINS).astype(int), BINS - 1)
    return {
        "pairs": len(pairs),
        "families": len({family for each in pairs for family in each.families}),
        "error": round(expected_error(right, sure), 4),
        "interval of 95 %": [round(float(low), 4), round(float(high), 4)],
        "bins": {
            f"{number / BINS:.1f}-{(number + 1) / BINS:.1f}": {
                "pairs": int((bins == number).sum()),
                "confidence": round(float(sure[bins == number].mean()), 4),
                "right": round(float(right[bins == number].mean()), 4),
            }
            for number in sorted(set(bins.tolist()))
        },
    }


def expected_error(right: numpy.ndarray, sure: numpy.ndarray) -> float:
    """Weigh the distance of mean confidence and share of right verdicts in each bin by its number of pairs."""
    bins = numpy.minimum((sure * BINS).astype(int), BINS - 1)
    return float(
        sum(
            abs(right[bins == number].mean() - sure[bins == number].mean()) * (bins == number).mean()
            for number in set(bins.tolist())
        )
    )


def described(found: Calibration) -> dict[str, object]:
    """Return counts as they stand in `lineage.derivation.confidence`."""
    return {
        "related": found.related,
        "unrelated": found.unrelated,
        "least related": round(found.least_related, 3),
        "most unrelated": round(found.most_unrelated, 3),
    }


def read_pairs(file: Path = PAIRS) -> list[Judged]:
    """Read the table of pairs."""
    with file.open(newline="", encoding="utf-8") as rows:
        return [
            Judged(
                row["a"], row["b"], (row["family_a"], row["family_b"]), row["related"] == "yes", row["verdict"],
                float(row["likeness"]) if row["likeness"] else None,
            )
            for row in csv.DictReader(rows)
        ]  # fmt: skip


def write_pairs(pairs: Iterable[Judged], file: Path = PAIRS) -> None:
    """Write the table of pairs."""
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["a", "b", "family_a", "family_b", "related", "verdict", "likeness"])
        for each in pairs:
            likeness = "" if each.likeness is None else f"{each.likeness:.6f}"
            rows.writerow([each.a, each.b, *each.families, "yes" if each.related else "no", each.verdict, likeness])


if __name__ == "__main__":
    raise SystemExit(main())
