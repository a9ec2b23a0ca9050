"""The kinds of nodes and edges that a store holds, which kinds of node an edge joins, and the form of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

NodeKind = Literal[
    "Model", "Ref", "Revision", "File", "Weights", "Change", "Evidence", "Publisher", "MatchKey", "Product",
]  # fmt: skip

EdgeKind = Literal[
    "HAS_REVISION", "HAS_PARENT", "POINTS_TO", "CONTAINS", "HAS_WEIGHTS", "HAS_CHANGE", "PUBLISHED_BY", "DERIVED_FROM",
    "HAS_KEY", "RELATED_TO", "NEXT_VERSION", "USES",
]  # fmt: skip

ENDS: Mapping[EdgeKind, tuple[NodeKind, NodeKind]] = {
    "HAS_REVISION": ("Model", "Revision"),
    "HAS_PARENT": ("Revision", "Revision"),
    "POINTS_TO": ("Ref", "Revision"),
    "CONTAINS": ("Revision", "File"),
    "HAS_WEIGHTS": ("Revision", "Weights"),
    "HAS_CHANGE": ("Model", "Change"),
    "PUBLISHED_BY": ("Model", "Publisher"),
    "DERIVED_FROM": ("Model", "Model"),
    "HAS_KEY": ("Weights", "MatchKey"),
    "RELATED_TO": ("Model", "Model"),
    "NEXT_VERSION": ("Model", "Model"),
    "USES": ("Product", "Model"),
}
"""The kinds of node that each kind of edge joins: source, target."""

Direction = Literal["out", "in"]
"""Out: the frontier holds sources (children of DERIVED_FROM). In: the frontier holds targets."""

Scalar = str | int | float | bool | None

Properties = dict[str, Any]
"""A record's fields as JSON values."""

EdgeKey = tuple[str, str, str]
"""Source, target and name of an edge."""


class EdgeRow(NamedTuple):
    """One edge; `name` (a path, group or place) distinguishes edges of one kind between two nodes, else it is empty."""

    kind: EdgeKind
    source: str
    target: str
    name: str
    properties: Properties


class NodeRow(NamedTuple):
    """One node; `properties` are its record's fields as JSON values, without the key."""

    key: str
    properties: Properties
