"""Stored models as members of a family: their present weights, what they declare, and their dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from lineage.collect.at_rest import declared_at_rest
from lineage.derivation.combine.measured import Compared
from lineage.derivation.family.measurements import Measurements
from lineage.derivation.family.members import Declared, Member
from lineage.derivation.side import Side, is_other_adapter
from lineage.errors import FormatError
from lineage.fingerprint.tensor_table import unpack_tensors
from lineage.query.relatives import main_groups
from lineage_schemas.digests import Digests

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change
    from lineage_schemas.derivation import Derivation

MAX_SIDES = 200
"""Sampled weights that are kept in memory, of up to 0.5 MB each."""


@dataclass(frozen=True)
class Dates:
    """Hold when a model's weights came: the first ones, the present ones, and whether it had others before."""

    first_weights: datetime | None = None
    weights_since: datetime | None = None
    had_others: bool = False

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Dates:
        """Read the dates from the changes of a model that are still in its history."""
        present = sorted((each for each in changes if not each.vanished), key=lambda each: each.start)
        if not present:
            return cls()
        counting = [each.start for each in present if each.counts]
        first = present[0].start
        return cls(first, counting[-1] if counting else first, bool(counting))


@dataclass(frozen=True)
class WeightsRead:
    """Hold the weights that a reading found and that the store does not have yet.

    `node` has the fields of a `Weights` record, `table` and `sketch` the attachments under its digest.
    """

    node: Mapping[str, Any]
    table: bytes | None = None
    sketch: bytes | None = None


@dataclass(frozen=True)
class Present:
    """Hold the present state of one model: its commit, its main weights, its declared edges, its dates."""

    key: str
    commit: str
    digest: str | None
    group: str = ""
    declared: tuple[Derivation, ...] = ()
    dates: Dates = field(default_factory=Dates)

    @property
    def compared(self) -> Compared | None:
        """Name the weights that are compared; None for a model without any."""
        return Compared(self.commit, self.digest) if self.digest is not None else None


class KnownWeights:
    """Keep the weights that a run compared, and how they compare: content, which is true in every store."""

    def __init__(self) -> None:
        self.measurements = Measurements()
        self._sides: dict[str, Side] = {}

    def side(self, digest: str) -> Side | None:
        """Return weights that were read before."""
        return self._sides.get(digest)

    def keep(self, digest: str, side: Side) -> None:
        """Keep weights; the oldest half is forgotten where there are too many."""
        if len(self._sides) >= MAX_SIDES:
            for old in list(islice(self._sides, MAX_SIDES // 2)):
                del self._sides[old]
        self._sides[digest] = side

    def forget(self, digests: Iterable[str]) -> None:
        """Forget weights of which more was read."""
        for digest in digests:
            self._sides.pop(digest, None)


class MemberReader:
    """Read models of a store as members of a family, each once.

    Those that are read now count as they will be stored; None under a former name of the model that is read now.
    """

    def __init__(
        self, view: StoreView, known: KnownWeights, now: Mapping[str, Present | None], read: Mapping[str, WeightsRead]
    ) -> None:
        self.view, self.known = view, known
        self._present: dict[str, Present | None] = dict(now)
        present = next((key for key, each in now.items() if each is not None), None)
        self._renamed = {old: present for old, each in now.items() if each is None and present is not None}
        self._read = read

    def load(self, keys: Iterable[str]) -> None:
        """Read the present state of models that were not read yet, all in a few queries."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._present]
        if not wanted:
            return
        nodes = self.view.nodes("Model", wanted)
        heads = {key: node["head"] for key, node in nodes.items() if node.get("head")}
        groups = main_groups(self.view, list(heads))
        declared = declared_at_rest(self.view, {key: nodes[key] for key in heads}, self._renamed)
        dates = self._dates(list(heads))
        for key in wanted:
            if key not in heads:
                self._present[key] = None
                continue
            name, digest = groups.get(key, ("", None))
            self._present[key] = Present(key, heads[key], digest, name, declared[key], dates.get(key, Dates()))

    def present(self, key: str) -> Present | None:
        """Return the present state of a model; None for one that was not collected."""
        self.load([key])
        return self._present[key]

    def member(self, key: str) -> Member | None:
        """Return a model as a member of a family; None where it has no weights that are known."""
        present = self.present(key)
        if present is None or present.digest is None:
            return None
        side = self.side(present.digest, present.group)
        declares = [Declared(e.parent, e.relation_declared or e.relation, e.method) for e in present.declared]
        dates = present.dates
        return Member(key, side, declares, dates.first_weights, dates.weights_since, dates.had_others)

    def _dates(self, keys: list[str]) -> dict[str, Dates]:
        from lineage.store.records import record_of

        changes: dict[str, list[Change]] = {}
        for row in self.view.find_any("Change", "model", keys):
            changes.setdefault(row.properties["model"], []).append(record_of("Change", row))
        return {key: Dates.of(own) for key, own in changes.items()}

    def side(self, digest: str, group: str) -> Side:
        """Return weights as a side of comparisons; what was not read of them is None in it."""
        side = self.known.side(digest)
        if side is None:
            side = side_of(digest, group, self._weights(digest))
            self.known.keep(digest, side)
        return side

    def _weights(self, digest: str) -> WeightsRead:
        """Return what is known of weights: what was read now, completed by what is stored."""
        read = self._read.get(digest)
        stored = self.view.nodes("Weights", [digest]).get(digest) or {}
        node = {**stored, **{name: value for name, value in read.node.items() if value is not None}} if read else stored
        table = (read.table if read else None) or self.view.attachment("tensors", digest)
        sketch = (read.sketch if read else None) or self.view.attachment("sketch", digest)
        return WeightsRead(node, table, sketch)


def side_of(digest: str, group: str, known: WeightsRead) -> Side:
    """Make the side of stored weights; damaged attachments are left out, as if they had not been read.

    It is named by its digest and not by a model, because several models may have these weights.
    """
    from lineage.fingerprint.values.sketch import unpack_sketch

    try:
        rows = unpack_tensors(known.table) if known.table else None
    except FormatError:
        rows = None
    try:
        sketch = unpack_sketch(known.sketch) if known.sketch else None
    except FormatError:
        sketch = None
    node = known.node
    digests = Digests(files=digest, weights=node.get("weights"), content=node.get("content"), layout=node.get("layout"))
    other = is_other_adapter(group, (row.name for row in rows or ()), sketch)
    sketch = sketch if sketch is not None and sketch.tiles else None
    name = f"weights {digest.rpartition(':')[2][:12]}"
    return Side(name, digests, node.get("format") or "unknown", rows, node.get("arch"), sketch, other_adapter=other)
