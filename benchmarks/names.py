"""Names that people labelled: the segment types that `parse_name` finds in them, and those that it confuses.

`python -m benchmarks.names FILE [--json OUT]`: FILE is a CSV with `selected_model` and `Conventional naming`.
A label lists types, not their words, so the matrix counts segments. A type in both lists is right, in any order. Others
between the same neighbours are paired if both lists have as many; else they are missing or extra.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from lineage.versioning.names import parse_name
from lineage_schemas.model_name import SegmentType

AS_OURS = {"ambiguous": "others", "nationality": "language"}  # labels of the study that have another name here
Labelled = list[tuple[str, list[str]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a CSV of labelled names")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    try:
        names = labelled(options.file)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        parser.error(f"{options.file} cannot be read as labelled names: {type(error).__name__}: {error}")
    matrix = Counter(pair for model, types in names for pair in pairs(types, read(model)))
    parts = zip(("all", "first", "second"), [names, *halves(names)], strict=True)
    result = {
        "f1": {f"{which} {len(part)}": scores(part) for which, part in parts if part},
        "confusion": [{"label": row, "read": column, "count": n} for (row, column), n in matrix.most_common()],
        "wrong": [difference(model, types) for model, types in names if types != read(model)],
    }
    print("\n".join(lines(result, matrix)))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def labelled(path: Path) -> Labelled:
    """Return the names that have a label, and its types; KeyError without the columns, ValueError without a label."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, restval="")
        found = [(row["selected_model"], re.findall(r"\{([^}]*)\}", row["Conventional naming"])) for row in rows]
    if not any(types for _, types in found):
        raise ValueError("no name has a label")
    return [(model, [AS_OURS.get(type_, type_) for type_ in types]) for model, types in found if types]


def halves(names: Labelled) -> list[Labelled]:
    """Split the names by a hash: most corrections of the grammar looked at the first part. Neither part is blind."""
    return [[each for each in names if sha256(each[0].encode()).digest()[5] % 2 == side] for side in (0, 1)]


def read(model: str) -> list[str]:
    """Return the types that a name is read as, in order."""
    return [segment.type for segment in parse_name(model).segments]


def scores(names: Labelled) -> dict[str, float]:
    """Return F1 by type, over all types, and the share of names whose convention is exact."""
    both = [(types, read(model)) for model, types in names]
    wanted, given = (Counter(type_ for pair in both for type_ in pair[side]) for side in (0, 1))
    right = Counter(type_ for pair in both for type_ in (Counter(pair[0]) & Counter(pair[1])).elements())
    by_type = {type_: 2 * right[type_] / (given[type_] + wanted[type_]) for type_ in wanted}
    exact = sum(types == found for types, found in both) / len(both)
    return by_type | {"all": 2 * right.total() / (given.total() + wanted.total()), "exact": exact}


def pairs(wanted: Sequence[str], found: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pair each labelled type with the one that was read in its place: equal where it is right, `missing`, `extra`."""
    yield from ((type_, type_) for type_ in (Counter(wanted) & Counter(found)).elements())
    lost, added = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    for tag, a, b, c, d in SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes():
        if tag != "equal":
            rows, columns = _taken(wanted[a:b], lost), _taken(found[c:d], added)
            apart = [(row, "missing") for row in rows] + [("extra", column) for column in columns]
            yield from list(zip(rows, columns, strict=True)) if len(rows) == len(columns) else apart


def _taken(types: Sequence[str], left: Counter[str]) -> list[str]:
    taken = [type_ for i, type_ in enumerate(types) if types[:i].count(type_) < left[type_]]
    left.subtract(taken)
    return taken


def difference(model: str, types: Sequence[str]) -> dict[str, str]:
    """Return a name with its label, the convention that was read, and each type that differs with the text read."""
    parsed = parse_name(model)
    texts = {segment.type: f" ({segment.text})" for segment in parsed.segments} | {"missing": ""}
    differ = [f"{row} as {column}{texts[column]}" for row, column in pairs(types, read(model)) if row != column]
    label = "".join(f"{{{type_}}}" for type_ in types)
    return {"model": model, "label": label, "read": parsed.convention, "differ": ", ".join(differ) or "order"}


def lines(result: dict[str, Any], matrix: Counter[tuple[str, str]]) -> Iterator[str]:
    """Return the tables, as text."""
    types = list(dict.fromkeys([*get_args(SegmentType), *sorted({row for row, _ in matrix} - {"extra"})]))
    yield f"{'F1':20}" + "".join(f"{part:>12}" for part in result["f1"])
    for type_ in [*types, "all", "exact"]:
        yield f"{type_:20}" + "".join(f"{f1.get(type_, float('nan')):12.3f}" for f1 in result["f1"].values())
    yield f"\n{'label, read as':20}" + "".join(f"{column[:5]:>6}" for column in [*types, "missing"])
    for row in [*types, "extra"]:
        yield f"{row:20}" + "".join(f"{matrix[row, column] or '.':>6}" for column in [*types, "missing"])
    yield f"\nnames whose convention differs: {len(result['wrong'])} (label, read, difference)"
    yield from ("\n  ".join(each.values()) for each in result["wrong"])


if __name__ == "__main__":
    raise SystemExit(main())
