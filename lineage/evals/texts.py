"""The texts of single rows: tables hold hashes only, so the files are read again for the few rows that are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lineage.errors import InputError
from lineage.evals.read import Results
from lineage.evals.row import Row
from lineage.evals.tables import Place


def rows_at(results: Results, places: Iterable[Place]) -> dict[Place, Row]:
    """Read the rows at some places; one that cannot be read any more is missing."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for place in places:
        wanted[place.file].add(place.row)
    found: dict[Place, Row] = {}
    for file, rows in wanted.items():
        last = max(rows)
        try:
            for position, row in enumerate(results.rows_of(file)):
                if position in rows and isinstance(row, Row):
                    found[Place(file, position)] = row
                if position >= last:
                    break
        except InputError:
            continue  # the file changed since it was read: the flips are shown without texts
    return found
