"""Properties that are made from nested fields of a node, so that Cypher can ask for them.

Neo4j has no property for a record in a record: such a field is JSON in `details`. What a query needs of it is written
beside it. Like the captions, these properties are for readers only: they are written with the node, dropped when the
node is read, and in no dump. For example `MATCH (r:Ref {kind: 'tag'}) WHERE r.former_targets IS NOT NULL` finds the
tags that were read at several commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage.store.graph import NodeKind, Properties

SHOWN: Mapping[NodeKind, Mapping[str, str]] = {
    "Model": {"first_created": "string", "first_owner": "string", "first_root_commit": "string"},
    "Ref": {"former_targets": "string[]"},
}
"""These properties by kind, each with its type in the header of a CSV file."""


def shown(kind: NodeKind, properties: Properties) -> Properties:
    """Return the properties that are made from a node's nested fields; none for what is unknown or empty."""
    if kind == "Model":
        return _texts(properties.get("first"))
    if kind == "Ref":
        return _former(properties.get("former"))
    return {}


def _texts(first: Any) -> Properties:
    if not isinstance(first, dict):
        return {}
    values = {f"first_{name}": first.get(name) for name in ("created", "owner", "root_commit")}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _former(former: Any) -> Properties:
    entries = [entry for entry in former if isinstance(entry, dict)] if isinstance(former, list) else []
    targets = [entry["target"] for entry in entries if isinstance(entry.get("target"), str)]
    return {"former_targets": targets} if targets else {}
