"""The record of each kind of node and edge, and how a stored row becomes that record again.

A row keeps some of a record's fields outside its properties: a node's key, or the two ends of an edge. One table names
them, so that the Neo4j codec, the columns of an export and the readers of records agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

from lineage.store.graph import EdgeRow, NodeRow

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind
    from lineage_schemas.change import Change
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.evidence import Evidence
    from lineage_schemas.file_node import FileNode
    from lineage_schemas.match_key import MatchKey
    from lineage_schemas.model import Model, Publisher
    from lineage_schemas.next_version import NextVersion
    from lineage_schemas.product import Product, Use
    from lineage_schemas.record import Record
    from lineage_schemas.ref import Ref
    from lineage_schemas.relatedness import Relatedness
    from lineage_schemas.revision import Revision
    from lineage_schemas.weight_group import WeightGroup
    from lineage_schemas.weights import Weights


class StoredRecord(NamedTuple):
    """Name a kind's record, and its fields that are not properties of a row.

    `key` is the field that holds a node's key, `ends` the two that hold an edge's source and target, `name` the one
    that holds an edge's name.
    """

    record: type[Record]
    key: str | None = None
    ends: tuple[str, str] | None = None
    name: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """List the fields that are properties of a row, in the record's order."""
        outside = {self.key, *(self.ends or ()), self.name}
        return tuple(name for name in self.record.model_fields if name not in outside)


@cache
def records() -> Mapping[NodeKind | EdgeKind, StoredRecord]:
    """Return the table: every kind of node, and the kinds of edges that have a record.

    The records are imported by the first call: a command that reads plain rows does not need them.
    """
    from lineage_schemas.change import Change
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.evidence import Evidence
    from lineage_schemas.file_node import FileNode
    from lineage_schemas.match_key import MatchKey
    from lineage_schemas.model import Model, Publisher
    from lineage_schemas.next_version import NextVersion
    from lineage_schemas.product import Product, Use
    from lineage_schemas.ref import Ref
    from lineage_schemas.relatedness import Relatedness
    from lineage_schemas.revision import Revision
    from lineage_schemas.weight_group import WeightGroup
    from lineage_schemas.weights import Weights

    return {
        "Model": StoredRecord(Model, "key"),
        "Ref": StoredRecord(Ref, "key"),
        "Revision": StoredRecord(Revision, "key"),
        "File": StoredRecord(FileNode, "key"),
        "Weights": StoredRecord(Weights, "key"),
        "Change": StoredRecord(Change, "key"),
        "Evidence": StoredRecord(Evidence, "id"),
        "Publisher": StoredRecord(Publisher, "key"),
        "MatchKey": StoredRecord(MatchKey, "key"),
        "Product": StoredRecord(Product, "key"),
        "HAS_WEIGHTS": StoredRecord(WeightGroup),
        "DERIVED_FROM": StoredRecord(Derivation, ends=("child", "parent")),
        "RELATED_TO": StoredRecord(Relatedness, ends=("model", "other")),
        "NEXT_VERSION": StoredRecord(NextVersion, ends=("model", "next")),
        "USES": StoredRecord(Use, ends=("product", "model"), name="place"),
    }


@overload
def record_of(kind: Literal["Model"], row: NodeRow) -> Model: ...
@overload
def record_of(kind: Literal["Ref"], row: NodeRow) -> Ref: ...
@overload
def record_of(kind: Literal["Revision"], row: NodeRow) -> Revision: ...
@overload
def record_of(kind: Literal["File"], row: NodeRow) -> FileNode: ...
@overload
def record_of(kind: Literal["Weights"], row: NodeRow) -> Weights: ...
@overload
def record_of(kind: Literal["Change"], row: NodeRow) -> Change: ...
@overload
def record_of(kind: Literal["Evidence"], row: NodeRow) -> Evidence: ...
@overload
def record_of(kind: Literal["Publisher"], row: NodeRow) -> Publisher: ...
@overload
def record_of(kind: Literal["MatchKey"], row: NodeRow) -> MatchKey: ...
@overload
def record_of(kind: Literal["Product"], row: NodeRow) -> Product: ...
@overload
def record_of(kind: Literal["HAS_WEIGHTS"], row: EdgeRow) -> WeightGroup: ...
@overload
def record_of(kind: Literal["DERIVED_FROM"], row: EdgeRow) -> Derivation: ...
@overload
def record_of(kind: Literal["RELATED_TO"], row: EdgeRow) -> Relatedness: ...
@overload
def record_of(kind: Literal["NEXT_VERSION"], row: EdgeRow) -> NextVersion: ...
@overload
def record_of(kind: Literal["USES"], row: EdgeRow) -> Use: ...
@overload
def record_of(kind: NodeKind, row: NodeRow) -> Record: ...


def record_of(kind: NodeKind | EdgeKind, row: NodeRow | EdgeRow) -> Record:
    """Make the record that a row was stored from. Raises pydantic's ValidationError for a row that does not fit it."""
    stored = records()[kind]
    outside: dict[str, str] = {}
    if isinstance(row, NodeRow) and stored.key is not None:
        outside = {stored.key: row.key}
    elif isinstance(row, EdgeRow) and stored.ends is not None:
        outside = dict(zip(stored.ends, (row.source, row.target), strict=True))
        outside |= {stored.name: row.name} if stored.name is not None else {}
    return stored.record.model_validate({**row.properties, **outside})
