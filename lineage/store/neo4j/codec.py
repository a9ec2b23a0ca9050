"""How nodes and edges lie in Neo4j: properties that a person would guess, and nothing lost on the way back.

Text, numbers, truth values and lists of text are native properties. A null is a property that is not there, as Neo4j
has it. What no property can hold (lists of records, nested values) stands as JSON in `details`. Labels are the kinds of
nodes, relationship types the kinds of edges. An edge's name is its `path` (CONTAINS) or `group` (HAS_WEIGHTS). A node's
`name` is made for the browser (`lineage.store.neo4j.captions`) and dropped on the way back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from lineage.errors import StoreError
from lineage.store.neo4j.captions import NAME, NAMED, caption, shortened
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.records import records
from lineage_schemas.model import ModelObservations

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties, Scalar
    from lineage_schemas.graph_batch import AttachmentKind

ATTACHMENTS: Mapping[AttachmentKind, tuple[str, str]] = {
    "alias": ("Alias", "model"),
    "tensors": ("TensorTable", "text"),
    "text": ("Text", "text"),
}
"""The label of each kind of attachment, and the property that holds it where it is text; else `data` holds bytes."""

AWAITED = "Awaited"
"""The label of a node that an edge was written before: it has a `key` and the `kind` that it will be of."""

EDGE_NAMES: Mapping[EdgeKind, str] = {"CONTAINS": "path", "HAS_WEIGHTS": "group"}
"""The property that holds an edge's name."""

_EDGE_EXTRAS: Mapping[EdgeKind, tuple[str, ...]] = {"CONTAINS": ("path", "xet_hash"), "HAS_WEIGHTS": ("group",)}

OBSERVED = tuple(ModelObservations.model_fields)
"""Observations of a model: their values are properties, `observed_at` their date. `details` holds them where their
dates differ or one is shortened, beside the values."""

MAX_KEY = 7_000
"""Bytes of UTF-8 that a key may have: Neo4j's indexes refuse more than about 8,000."""

MAX_INDEXED = 2_000
"""Bytes of UTF-8 that another indexed property keeps; a longer one is shortened there and stands in `details`."""

EMPTY = "empty"
"""After an import of CSV files, which hold no empty list: the properties that are one. The next writer makes them so
(`lineage/store/neo4j/schema.py`)."""

_RESERVED = frozenset({"key", "details", "absent", EMPTY})

_RESERVED_OF: Mapping[NodeKind, frozenset[str]] = {
    kind: _RESERVED
    | ({NAME} if kind in NAMED else set())
    | ({"observations", *OBSERVED, "observed_at"} if kind == "Model" else set())
    for kind in PROMOTED
}
"""Names that stand for something else on nodes of a kind: a property of the same name stands in `details`."""

_ALWAYS_THERE = {kind: frozenset(p.name for p in promoted) for kind, promoted in PROMOTED.items()}
"""Promoted properties: null where nobody says anything, on every backend."""

_LARGEST = 2**63


def name_property(kind: EdgeKind) -> str:
    """Name the property that tells apart several edges of one kind between two nodes."""
    return EDGE_NAMES.get(kind, "name")


def node_properties(kind: NodeKind, key: str, properties: Properties) -> Properties:
    """Lay a node down. Raises StoreError for a key that is too long for Neo4j's index."""
    if len(key.encode()) > MAX_KEY:
        raise StoreError(
            f"{key[:80]}…: a key of {len(key.encode()):,} bytes is too long for Neo4j",
            hint="a store in SQLite takes it",
        )
    laid, rest = _laid(properties, _node_fields(kind), _RESERVED_OF[kind])
    seen = _observed(rest.get("observations")) if kind == "Model" else None
    laid.update(seen or {})
    for promoted in PROMOTED[kind]:
        value = laid.get(promoted.name)
        if promoted.indexed and isinstance(value, str) and (short := indexable(value)) != value:
            laid[promoted.name] = short
            if not promoted.path:
                rest[promoted.name] = value
    if seen is not None and _rebuilt(laid) == rest["observations"]:  # as they lie now: a family may have been shortened
        del rest["observations"]
    if absent := sorted(_node_fields(kind) - properties.keys() - _ALWAYS_THERE[kind]):
        laid["absent"] = absent
    if kind in NAMED:
        laid[NAME] = caption(kind, key, properties)
    return _with_rest({"key": key, **laid}, rest)


def node_from(kind: NodeKind, stored: Properties) -> tuple[str, Properties]:
    """Take a node up: its key and its properties; inverse of `node_properties`. Changes what it is given.

    Raises StoreError for a node that somebody else made, or spoiled.
    """
    key = stored.pop("key", None)
    if not isinstance(key, str):
        raise _damaged(f"a {kind} node", f"has the key {key!r}")
    if kind in NAMED:
        stored.pop(NAME, None)
    if kind == "Model":
        stored["observations"] = _rebuilt({name: stored.pop(name, None) for name in (*OBSERVED, "observed_at")})
    return key, _taken_up(f"{kind} {key}", stored, _node_fields(kind))


def edge_properties(kind: EdgeKind, name: str, properties: Properties) -> Properties:
    """Lay an edge down."""
    own = name_property(kind)
    laid, rest = _laid(properties, _edge_fields(kind), _RESERVED | {own})
    if name or kind in EDGE_NAMES:
        laid[own] = name
    if absent := sorted(_edge_fields(kind) - properties.keys()):
        laid["absent"] = absent
    return _with_rest(laid, rest)


def edge_from(kind: EdgeKind, stored: Properties) -> tuple[str, Properties]:
    """Take an edge up: its name and its properties; inverse of `edge_properties`. Changes what it is given.

    Raises StoreError for an edge that somebody spoiled.
    """
    name = stored.pop(name_property(kind), "")
    return name, _taken_up(f"an edge {kind}", stored, _edge_fields(kind))


@cache
def node_columns(kind: NodeKind) -> tuple[str, ...]:
    """Name the properties that a node of a kind may have, its key first: what is laid down has no others as a rule."""
    others = (*OBSERVED, "observed_at") if kind == "Model" else ()
    return ("key", *sorted({NAME, *_node_fields(kind), *others} - {"observations"}), "details", "absent")


@cache
def edge_columns(kind: EdgeKind) -> tuple[str, ...]:
    """Name the properties that an edge of a kind may have, where it has any."""
    names = {*_edge_fields(kind), *_EDGE_EXTRAS.get(kind, ())}
    return (*sorted(names), "details", "absent") if names else ()


def attachment_properties(kind: AttachmentKind, key: str, data: bytes) -> Properties:
    """Lay an attachment down: as text where it is text."""
    laid = {"key": key, NAME: key if kind == "alias" else shortened(key)}
    try:
        return {**laid, ATTACHMENTS[kind][1]: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {**laid, "data": data}


def attachment_from(kind: AttachmentKind, stored: Mapping[str, Any]) -> bytes:
    """Take an attachment up; inverse of `attachment_properties`."""
    text = stored.get(ATTACHMENTS[kind][1])
    return text.encode("utf-8") if text is not None else bytes(stored["data"])


def indexable(value: Scalar) -> Scalar:
    """Shorten a text that no index can hold to its beginning and a digest; the same for equal texts only."""
    if not isinstance(value, str) or len(value.encode()) <= MAX_INDEXED:
        return value
    return f"{value[:200]}…{blake2b(value.encode(), digest_size=16).hexdigest()}"


def _laid(properties: Properties, fields: frozenset[str], reserved: frozenset[str]) -> tuple[Properties, Properties]:
    """Part native properties from the rest."""
    laid: Properties = {}
    rest: Properties = {}
    for name, value in properties.items():
        if value is None and name in fields and name != "observations":
            continue
        (laid if name not in reserved and _is_name(name) and _is_native(value) else rest)[name] = value
    return laid, rest


def _with_rest(laid: Properties, rest: Properties) -> Properties:
    if rest:
        laid["details"] = canonical(rest)
    return laid


def _taken_up(what: str, stored: Properties, fields: frozenset[str]) -> Properties:
    details, absent, empty = stored.pop("details", None), stored.pop("absent", ()), stored.pop(EMPTY, ())
    try:
        found: Properties = {**dict.fromkeys(fields), **stored, **{name: [] for name in empty}}
        found.update(json.loads(details) if details else {})
        for name in absent:
            del found[name]
    except (ValueError, TypeError, KeyError):
        raise _damaged(what, "has other `details`, `absent` or lists than lineage writes") from None
    return found


def _damaged(what: str, fault: str) -> StoreError:
    return StoreError(
        f"the graph in Neo4j was changed by somebody else: {what} {fault}",
        hint="repair or delete it in Cypher, or `lineage store import` a backup into an empty database",
    )


def _is_name(name: str) -> bool:
    """Say whether a name can stand in a statement as it is."""
    return name.isidentifier() and name.isascii()


def _is_native(value: Any) -> bool:
    """Say whether Neo4j keeps a value as it is."""
    if isinstance(value, str):
        return True
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    return isinstance(value, float)


def _observed(observations: Any) -> Properties | None:
    """Write out what was observed, and when: null where the dates differ."""
    if not isinstance(observations, dict):
        return None
    seen = {name: observations[name] for name in OBSERVED if isinstance(observations.get(name), dict)}
    values = {name: entry.get("value") for name, entry in seen.items()}
    dates = {entry.get("observed_at") for entry in seen.values()}
    laid = {name: value for name, value in values.items() if value is not None and _is_native(value)}
    if not isinstance(laid.get("family"), str):
        laid.pop("family", None)
    if len(dates) == 1:
        laid["observed_at"] = dates.pop()
    return laid


def _rebuilt(laid: Properties) -> Properties:
    """Make a model's observations from what stands in its properties."""
    at = laid.get("observed_at")
    return {name: {"value": laid[name], "observed_at": at} if laid.get(name) is not None else None for name in OBSERVED}


@cache
def _node_fields(kind: NodeKind) -> frozenset[str]:
    """List the fields of a kind's record, which are null where they are not there."""
    return frozenset(records()[kind].fields)


@cache
def _edge_fields(kind: EdgeKind) -> frozenset[str]:
    """List the fields of an edge's record, which are null where they are not there."""
    stored = records().get(kind)
    return frozenset(stored.fields) if stored is not None else frozenset()
