"""Rows as columns of numbers: a million instances need some hundred megabytes as objects, and 40 bytes each here.

Ids, prompts and answers are kept as 64-bit hashes. Where a text itself is wanted, `lineage.evals.texts` reads it again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.evals.row import Row

if TYPE_CHECKING:
    import numpy

    Hashes = numpy.ndarray[Any, numpy.dtype[numpy.uint64]]
    Floats = numpy.ndarray[Any, numpy.dtype[numpy.float64]]

UNKNOWN = 0
"""The hash of a text that a row does not have."""

_ALL_BITS = (1 << 64) - 1

_FILE_BITS = 40
"""A place is the number of the file, shifted by this, and the number of the row in it."""


class TableKey(NamedTuple):
    """Name what one table is about."""

    task: str
    metric: str
    filter: str


class Place(NamedTuple):
    """Hold where a row is: the number of its file and its number in it, both from 0."""

    file: int
    row: int


@dataclass
class Table:
    """Hold the usable rows of one task, metric and filter; `invalid` counts rows whose score is NaN or not a number."""

    keys: array[int] = field(default_factory=lambda: array("Q"))
    prompts: array[int] = field(default_factory=lambda: array("Q"))
    answers: array[int] = field(default_factory=lambda: array("Q"))
    places: array[int] = field(default_factory=lambda: array("Q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    invalid: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    def hashes(self, name: str) -> Hashes:
        """Return a column of hashes as an array of the shape (rows,), without a copy."""
        import numpy

        column = getattr(self, name)
        return numpy.frombuffer(column, dtype=numpy.uint64) if column else numpy.empty(0, dtype=numpy.uint64)

    def scores(self) -> Floats:
        """Return the scores as an array of the shape (rows,), without a copy."""
        import numpy

        return numpy.frombuffer(self.values, dtype=numpy.float64) if self.values else numpy.empty(0)

    def contents(self) -> Hashes:
        """Return a hash of score and answer for each row: equal for rows that report the same."""
        import numpy

        return (self.scores() + 0.0).view(numpy.uint64) ^ (self.hashes("answers") * numpy.uint64(0x9E3779B97F4A7C15))

    def place(self, row: int) -> Place:
        """Return where a row was read."""
        return Place(self.places[row] >> _FILE_BITS, self.places[row] & ((1 << _FILE_BITS) - 1))


class Tables(dict[TableKey, Table]):
    """Hold the tables of one side, in the order of their first rows."""

    def add(self, row: Row, place: Place) -> None:
        """Add the scores of one row to their tables."""
        key, prompt = hash_of(row.id), hash_of(row.prompt)
        packed = place.file << _FILE_BITS | place.row
        for metric, score in row.scores.items():
            name = TableKey(row.task, metric, row.filter)
            table = self.get(name)
            if table is None:
                table = self[name] = Table()
            value, prediction = score
            if value != value:  # NaN
                table.invalid += 1
                continue
            table.keys.append(key)
            table.prompts.append(prompt)
            table.answers.append(hash_of(prediction))
            table.places.append(packed)
            table.values.append(value)

    def drop_repeated_scores(self) -> None:
        """Drop the score of files that have both `correct` and `score` where it says the same as `correct`."""
        for name, twin in list(_with_twins(self)):
            if self[name].values == self[twin].values and self[name].keys == self[twin].keys:
                del self[twin]


def _with_twins(tables: Tables) -> Iterator[tuple[TableKey, TableKey]]:
    """List pairs of tables that the two columns of one file made: `m` and `m (score)`, or `correct` and `score`."""
    for name in tables:
        for other in (f"{name.metric} (score)", "score" if name.metric == "correct" else ""):
            twin = name._replace(metric=other)
            if other and twin in tables:
                yield name, twin


def hash_of(text: str | None) -> int:
    """Hash a text to 64 bits; UNKNOWN only without one.

    Python's own hash is another one in each process, and so fast that a million rows do not wait for it. No result
    depends on it: among a million ids the chance that two share a hash is one in thirty million.
    """
    return UNKNOWN if text is None else (hash(text) & _ALL_BITS) or 1
