"""The one table of promoted properties: what every backend can look up nodes by, and how a node is encoded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties, Scalar


class Promoted(NamedTuple):
    """Name one property that is stored outside the body of a node.

    `path` leads to a value inside a field, and that field stays in the body too: a model's `family` is the value of
    one of its observations. Without a path the property is a field itself and is stored only here. `indexed` says
    whether a lookup by it is fast. `digest` values are mostly 40 hex digits.
    """

    name: str
    type: Literal["text", "integer", "boolean", "digest"] = "text"
    indexed: bool = True
    path: tuple[str, ...] = ()


PROMOTED: Mapping[NodeKind, tuple[Promoted, ...]] = {
    "Model": (
        Promoted("hub"),
        Promoted("publisher"),
        Promoted("state"),
        Promoted("licence"),
        Promoted("family", path=("observations", "family", "value")),
    ),
    "Ref": (Promoted("model"), Promoted("name")),
    "Revision": (Promoted("model"), Promoted("commit"), Promoted("category")),
    "File": (Promoted("alias", "digest"), Promoted("size", "integer", indexed=False)),
    "Weights": (Promoted("weights"), Promoted("content"), Promoted("layout"), Promoted("arch")),
    "Change": (Promoted("model"), Promoted("branch"), Promoted("verdict"), Promoted("kind")),
    "Evidence": (Promoted("child"), Promoted("parent"), Promoted("rule")),
    "Publisher": (Promoted("hub"), Promoted("name")),
    "MatchKey": (Promoted("family"),),
    "Product": (Promoted("name"),),
}

EDGE_PROMOTED: Mapping[EdgeKind, tuple[str, ...]] = {"DERIVED_FROM": ("relation", "status"), "RELATED_TO": ("kind",)}
"""Properties of edges that are stored outside the body as well: a walk over 100,000 edges counts by them without
reading a body."""

FILE_KEY = re.compile(r"sha256:[0-9a-f]{64}|gitblob:[0-9a-f]{40}|at:.*", re.DOTALL)
"""Keys of files: a hash of the content, or `at:` and the path where no hash is known yet."""

Packed = tuple[Any, ...]
"""An encoded node: its promoted properties in order, then its body as canonical JSON."""


canonical: Callable[[Any], str] = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""Write JSON in the one form that equal values have: sorted keys, no spaces, text as it is."""

_MOVED = {kind: frozenset(p.name for p in promoted if not p.path) for kind, promoted in PROMOTED.items()}
_PATHS = {kind: tuple(p.path or (p.name,) for p in promoted) for kind, promoted in PROMOTED.items()}


def pack(kind: NodeKind, properties: Mapping[str, Any]) -> Packed:
    """Encode a node: each promoted property, then the rest as the body."""
    moved = _MOVED[kind]
    values = [properties.get(path[0]) if len(path) == 1 else _inside(properties, path) for path in _PATHS[kind]]
    body = {name: value for name, value in properties.items() if name not in moved}
    return (*values, canonical(body) if body else "{}")


def unpack(kind: NodeKind, packed: Sequence[Any]) -> Properties:
    """Decode a node; inverse of `pack`."""
    properties: Properties = json.loads(packed[-1]) if packed[-1] != "{}" else {}
    for promoted, value in zip(PROMOTED[kind], packed, strict=False):
        if not promoted.path:
            properties[promoted.name] = value
    return properties


def check_where(kind: NodeKind | EdgeKind, where: Mapping[str, Scalar]) -> None:
    """Raise ValueError for a lookup by a property that is not promoted: it would read the whole store."""
    if kind in PROMOTED:
        known = frozenset(p.name for p in PROMOTED[cast("NodeKind", kind)])
    else:
        known = frozenset(EDGE_PROMOTED.get(cast("EdgeKind", kind), ()))
    if unknown := sorted(set(where) - known):
        raise ValueError(f"{kind} cannot be looked up by {', '.join(unknown)}: only by {', '.join(sorted(known))}")


def _inside(properties: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """Follow a path to a text; None where the path ends early or at something else."""
    value: Any = properties
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None
