"""Encode nodes and edges as Neo4j's properties, readable in its browser, and decode them without a loss.

Text, numbers, booleans and lists of text are native properties. A null is a missing property, as usual in Neo4j. A
value that a property cannot hold (a list of records, a nested value) is JSON in `details`. A node's label is its kind,
a relationship's type the kind of the edge. An edge's name is its `path` (CONTAINS), `group` (HAS_WEIGHTS) or `place`
(USES). A node's `name` is a caption for the browser (`lineage.store.neo4j.captions`), a few more properties are for
queries (`lineage.store.neo4j.shown`), and both are dropped by the decoding.

For example a change becomes `(:Change {key, name: 'replaced silent', kind: 'replaced', model, …, details: '{"groups":
[…]}'})`, and a field that could be null and that its row did not have at all is listed in `absent`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast, get_args

from lineage.errors import StoreError
from lineage.store.neo4j.captions import NAME, NAMED, caption, shortened
from lineage.store.neo4j.shown import SHOWN, shown
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.records import records
from lineage_schemas.model import ModelObservations

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties, Scalar
    from lineage_schemas.graph_batch import AttachmentKind

ATTACHMENTS: Mapping[AttachmentKind, tuple[str, str]] = {
    "alias": ("Alias", "model"),
    "sketch": ("Sketch", "text"),
    "tensors": ("TensorTable", "text"),
    "text": ("Text", "text"),
}
"""The label of each kind of attachment, and the property that holds a text; other bytes are in `data`."""

AWAITED = "Awaited"
"""The label of an awaited node, the end of an edge that was written first: it has a `key` and its future `kind`."""

EDGE_NAMES: Mapping[EdgeKind, str] = {"CONTAINS": "path", "HAS_WEIGHTS": "group", "USES": "place"}
"""The property that holds an edge's name."""

_EDGE_EXTRAS: Mapping[EdgeKind, tuple[str, ...]] = {
    "CONTAINS": ("path", "xet_hash"), "HAS_WEIGHTS": ("group",), "USES": ("place",),
}  # fmt: skip

OBSERVED = tuple(ModelObservations.model_fields)
"""Observations of a model: their values are properties, `observed_at` is their date. Where their dates differ or a
value was shortened, `details` holds the observations too."""

MAX_KEY = 7_000
"""Longest key, in bytes of UTF-8: Neo4j's indexes refuse more than about 8,000."""

MAX_INDEXED = 2_000
"""Longest value of another indexed property, in bytes of UTF-8; a longer one is shortened there, and whole in
`details`."""

EMPTY = "empty"
"""The property with the names of empty lists, after an import from CSV, which cannot hold one. The next writer makes
the lists (`lineage/store/neo4j/schema.py`)."""

_RESERVED = frozenset({"key", "details", "absent", EMPTY})

_RESERVED_OF: Mapping[NodeKind, frozenset[str]] = {
    kind: _RESERVED
    | ({NAME} if kind in NAMED else set())
    | ({"observations", *OBSERVED, "observed_at"} if kind == "Model" else set())
    | SHOWN.get(kind, {}).keys()
    for kind in PROMOTED
}
"""Names with a meaning of their own on nodes of a kind: a record's property of such a name goes into `details`."""

_ALWAYS_THERE = {kind: frozenset(p.name for p in promoted) for kind, promoted in PROMOTED.items()}
"""Promoted properties: null where a row does not have them, on every backend."""

_LARGEST = 2**63


def name_property(kind: EdgeKind) -> str:
    """Return the property that distinguishes several edges of one kind between two nodes."""
    return EDGE_NAMES.get(kind, "name")


def node_properties(kind: NodeKind, key: str, properties: Properties) -> Properties:
    """Encode a node. Raises StoreError for a key that is too long for Neo4j's index."""
    if len(key.encode()) > MAX_KEY:
        raise StoreError(
            f"{key[:80]}…: a key of {len(key.encode()):,} bytes is too long for Neo4j",
            hint="keep this graph in a SQLite store",
        )
    nullable = _nullable_fields(kind)
    native, rest = _split(properties, nullable, _RESERVED_OF[kind])
    seen = _observed(rest.get("observations")) if kind == "Model" else None
    native.update(seen or {})
    for promoted in PROMOTED[kind]:
        value = native.get(promoted.name)
        if promoted.indexed and isinstance(value, str) and (short := indexable(value)) != value:
            native[promoted.name] = short
            if not promoted.path:
                rest[promoted.name] = value
    if seen is not None and _rebuilt(native) == rest["observations"]:  # compared last: a family may have been shortened
        del rest["observations"]
    if absent := sorted(nullable - properties.keys() - _ALWAYS_THERE[kind]):
        native["absent"] = absent
    if kind in NAMED:
        native[NAME] = caption(kind, key, properties)
    native.update(shown(kind, properties))
    return _with_details({"key": key, **native}, rest)


def node_from(kind: NodeKind, stored: Properties) -> tuple[str, Properties]:
    """Decode a node: its key and properties; inverse of `node_properties`. Changes its argument.

    Raises StoreError for a node that another program made or changed.
    """
    key = stored.pop("key", None)
    if not isinstance(key, str):
        raise _damaged(f"a {kind} node", f"has the key {key!r}")
    if kind in NAMED:
        stored.pop(NAME, None)
    for name in SHOWN.get(kind, ()):
        stored.pop(name, None)
    if kind == "Model":
        stored["observations"] = _rebuilt({name: stored.pop(name, None) for name in (*OBSERVED, "observed_at")})
    return key, _decoded(f"{kind} {key}", stored, kind)


def edge_properties(kind: EdgeKind, name: str, properties: Properties) -> Properties:
    """Encode an edge."""
    own = name_property(kind)
    nullable = _nullable_fields(kind)
    native, rest = _split(properties, nullable, _RESERVED | {own})
    if name or kind in EDGE_NAMES:
        native[own] = name
    if absent := sorted(nullable - properties.keys()):
        native["absent"] = absent
    return _with_details(native, rest)


def edge_from(kind: EdgeKind, stored: Properties) -> tuple[str, Properties]:
    """Decode an edge: its name and properties; inverse of `edge_properties`. Changes its argument.

    Raises StoreError for an edge that another program changed.
    """
    name = stored.pop(name_property(kind), "")
    return name, _decoded(f"an edge {kind}", stored, kind)


@cache
def node_columns(kind: NodeKind) -> tuple[str, ...]:
    """List the properties that an encoded node of a kind normally has, its key first."""
    others = (*OBSERVED, "observed_at") if kind == "Model" else ()
    names = {NAME, *_fields(kind), *others, *SHOWN.get(kind, ())} - {"observations"}
    return ("key", *sorted(names), "details", "absent")


@cache
def edge_columns(kind: EdgeKind) -> tuple[str, ...]:
    """List the properties that an encoded edge of a kind normally has, if any."""
    names = {*_fields(kind), *_EDGE_EXTRAS.get(kind, ())}
    return (*sorted(names), "details", "absent") if names else ()


def attachment_properties(kind: AttachmentKind, key: str, data: bytes) -> Properties:
    """Encode an attachment: as text if it is UTF-8, else as bytes."""
    names = {"key": key, NAME: key if kind == "alias" else shortened(key)}
    try:
        return {**names, ATTACHMENTS[kind][1]: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {**names, "data": data}


def attachment_from(kind: AttachmentKind, stored: Mapping[str, Any]) -> bytes:
    """Decode an attachment; inverse of `attachment_properties`. Raises StoreError for one that was changed."""
    text, data = stored.get(ATTACHMENTS[kind][1]), stored.get("data")
    if isinstance(text, str):
        return text.encode("utf-8")
    if text is None and isinstance(data, bytes | bytearray):
        return bytes(data)
    raise _damaged(f"the {ATTACHMENTS[kind][0]} node {stored.get('key')}", "has no content that lineage wrote")


def indexable(value: Scalar) -> Scalar:
    """Shorten a text too long for an index to its beginning and a digest; different texts stay different."""
    if not isinstance(value, str) or len(value.encode()) <= MAX_INDEXED:
        return value
    return f"{value[:200]}…{blake2b(value.encode(), digest_size=16).hexdigest()}"


def _split(properties: Properties, nullable: frozenset[str], reserved: frozenset[str]) -> tuple[Properties, Properties]:
    """Split properties into those that Neo4j can hold and the rest. A null of a nullable field is left out."""
    native: Properties = {}
    rest: Properties = {}
    for name, value in properties.items():
        if value is None and name in nullable and name != "observations":
            continue
        (native if name not in reserved and _is_name(name) and _is_native(value) else rest)[name] = value
    return native, rest


def _with_details(native: Properties, rest: Properties) -> Properties:
    if rest:
        native["details"] = canonical(rest)
    return native


def _decoded(what: str, stored: Properties, kind: NodeKind | EdgeKind) -> Properties:
    """Add the fields that are not properties of their own: nulls, and what is in `details`.

    A missing field that cannot be null stays missing, and records give it its default: the row was written before the
    field existed.
    """
    details, absent, empty = stored.pop("details", None), stored.pop("absent", ()), stored.pop(EMPTY, ())
    try:
        found: Properties = {**dict.fromkeys(_nullable_fields(kind)), **stored, **{name: [] for name in empty}}
        found.update(json.loads(details) if details else {})
        for name in absent:
            if name not in _fields(kind):
                raise KeyError(name)
            found.pop(name, None)
    except (ValueError, TypeError, KeyError):
        raise _damaged(what, "has `details`, `absent` or lists that lineage did not write") from None
    return found


def _damaged(what: str, fault: str) -> StoreError:
    return StoreError(
        f"the graph in Neo4j was changed by another program: {what} {fault}",
        hint="repair or delete it in Cypher, or use `lineage store import` to load a backup into an empty database",
    )


def _is_name(name: str) -> bool:
    """Return whether a name needs no quotes in a Cypher statement."""
    return name.isidentifier() and name.isascii()


def _is_native(value: Any) -> bool:
    """Return whether Neo4j has a type for a value."""
    if isinstance(value, str):
        return True
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    return isinstance(value, float)


def _observed(observations: Any) -> Properties | None:
    """Return observations as properties: their values, and their date unless the dates differ."""
    if not isinstance(observations, dict):
        return None
    seen = {name: observations[name] for name in OBSERVED if isinstance(observations.get(name), dict)}
    values = {name: entry.get("value") for name, entry in seen.items()}
    dates = {entry.get("observed_at") for entry in seen.values()}
    native = {name: value for name, value in values.items() if value is not None and _is_native(value)}
    if not isinstance(native.get("family"), str):
        native.pop("family", None)
    if len(dates) == 1:
        native["observed_at"] = dates.pop()
    return native


def _rebuilt(native: Properties) -> Properties:
    """Return a model's observations from its properties; inverse of `_observed` unless the dates differ."""
    at = native.get("observed_at")
    return {
        name: {"value": native[name], "observed_at": at} if native.get(name) is not None else None for name in OBSERVED
    }


def _fields(kind: NodeKind | EdgeKind) -> tuple[str, ...]:
    """List the fields of a kind's record, if it has one."""
    stored = records().get(kind)
    return stored.fields if stored is not None else ()


@cache
def _nullable_fields(kind: NodeKind | EdgeKind) -> frozenset[str]:
    """List the fields of a kind that may be null: a missing property of such a name is null.

    With the promoted properties of a node, which every backend gives, null where a row lacks them, and with a model's
    observations, which are made of other properties.
    """
    types = {name: records()[kind].record.model_fields[name].annotation for name in _fields(kind)}
    nullable = {name for name, found in types.items() if type(None) in get_args(found) or name == "observations"}
    return frozenset(nullable | {p.name for p in PROMOTED.get(cast("NodeKind", kind), ()) if not p.path})
