"""Models that source trees use: how many labelled places are found, and how many of those that are found are right.

`python -m benchmarks.discovery DIR [DIR …] [--json OUT]`: DIR has a `truth.json`, or folders that have one: a list of
objects with `model`, `revision`, `file`, `line` and `grade`. Other keys are ignored, and `truth.json` is not scanned.
With `--truth FILE` the labels of the one DIR are in another file.

Recall counts the labels that are certain or likely, and precision the references that are graded so; a place that is
possible in the labels counts neither way. A reference is right if model, file and line are those of a label. Revisions
are compared for what was found.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lineage.audit.discovery.discover import discover

TRUTH = "truth.json"
SURE = {"certain", "likely"}


class Place(NamedTuple):
    """Name a model at a line of a file."""

    model: str
    file: str
    line: int


class Measured(NamedTuple):
    """Hold what was counted in one tree, and what was wrong, one line each."""

    counts: Counter[str]
    missed: list[str]
    extra: list[str]
    revisions: list[str]
    unread: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="a labelled tree, or a folder of such trees"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--truth", type=Path, help="the labels of one DIR that does not have them itself")
    options = parser.parse_args(arguments)
    if options.truth and len(options.folders) > 1:
        parser.error("--truth has the labels of one DIR")
    trees = (
        options.folders if options.truth else [tree for folder in options.folders for tree in labelled_trees(folder)]
    )
    if not trees:
        parser.error(f"none of these folders has a {TRUTH}, and neither has a folder in them")
    began = time.perf_counter()
    try:
        measured = {tree.name: measure(tree, options.truth or tree / TRUTH) for tree in trees}
    except (OSError, ValueError, KeyError, TypeError) as error:
        parser.error(f"the labels cannot be read: {type(error).__name__}: {error}")
    result = figures(measured) | {"seconds": round(time.perf_counter() - began, 2)}
    print("\n".join(lines(result)))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def labelled_trees(folder: Path) -> list[Path]:
    """Return the folder if it has labels, else the folders in it that have."""
    if (folder / TRUTH).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))


def measure(tree: Path, truth: Path) -> Measured:
    """Compare what is found in a tree with its labels. Raises KeyError or TypeError for labels of another form."""
    labels = [each for each in json.loads(truth.read_text("utf-8")) if each["model"] is not None]
    wanted: defaultdict[Place, set[str | None]] = defaultdict(set)
    for each in labels:
        if each["grade"] in SURE:
            wanted[Place(each["model"], each["file"], each["line"])].add(each.get("revision"))
    neither = {Place(each["model"], each["file"], each["line"]) for each in labels} - wanted.keys()
    found = discover(tree, exclude=[f"/{TRUTH}"])
    given: defaultdict[Place, set[str | None]] = defaultdict(set)
    for reference in found.references:
        place = Place(reference.model or "", reference.file, reference.line)
        if reference.model is not None and reference.grade in SURE and place not in neither:
            given[place].add(reference.revision)
    both = wanted.keys() & given.keys()
    right = [place for place in both if wanted[place] == given[place]]
    counts = Counter(wanted=len(wanted), given=len(given), both=len(both), revisions=len(right))
    return Measured(
        counts,
        [_shown(place, wanted[place]) for place in sorted(wanted.keys() - both)],
        [_shown(place, given[place]) for place in sorted(given.keys() - both)],
        [f"{_shown(place, given[place])}, labelled {_named(wanted[place])}" for place in sorted(both - set(right))],
        [f"{each.file}: {each.reason}" for each in found.unread],
    )


def _shown(place: Place, revisions: set[str | None]) -> str:
    return f"{place.file}:{place.line} {place.model} at {_named(revisions)}"


def _named(revisions: set[str | None]) -> str:
    return ", ".join(sorted(each or "no revision" for each in revisions))


def figures(measured: dict[str, Measured]) -> dict[str, Any]:
    """Return the figures of each tree and of all together."""
    total = sum((each.counts for each in measured.values()), Counter())
    return {
        "all": _ratios(total),
        "trees": {
            name: _ratios(each.counts)
            | {"missed": each.missed, "extra": each.extra, "revisions_wrong": each.revisions, "unread": each.unread}
            for name, each in measured.items()
        },
    }


def _ratios(counts: Counter[str]) -> dict[str, Any]:
    def ratio(part: str, whole: str) -> float | None:
        return round(counts[part] / counts[whole], 4) if counts[whole] else None

    return {
        "labelled": counts["wanted"],
        "found": counts["given"],
        "recall": ratio("both", "wanted"),
        "precision": ratio("both", "given"),
        "revisions_right": ratio("revisions", "both"),
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Return the table, and below it everything that is wrong."""
    yield f"{'tree':28}{'labelled':>9}{'found':>7}{'recall':>8}{'precision':>10}{'revisions':>10}"
    for name, row in [*result["trees"].items(), ("all", result["all"])]:
        ratios = (
            f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("recall", "precision", "revisions_right")
        )
        yield "{:28}{:9}{:7}{:>8}{:>10}{:>10}".format(name, row["labelled"], row["found"], *ratios)
    titles = {
        "missed": "missed",
        "extra": "found, and not labelled",
        "revisions_wrong": "revisions",
        "unread": "not read",
    }
    for key, title in titles.items():
        rows = [f"  {name}: {each}" for name, row in result["trees"].items() for each in row[key]]
        yield from [f"\n{title}: {len(rows)}", *rows] if rows else []
    yield f"\n{result['seconds']} s"


if __name__ == "__main__":
    raise SystemExit(main())
