"""The whole graph as lines of canonical JSON: what two stores are compared by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lineage.store.graph import ENDS
from lineage.store.interface import CLOCKS
from lineage.store.migrations import added_since
from lineage.store.promoted import PROMOTED, canonical

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def dump(view: StoreView, clocks: bool = False) -> Iterator[str]:
    """Write nodes, edges and attachments, one a line, in an order that depends on their content only.

    Awaited edges have lines too: stores that differ in nothing else differ once the missing end is written.

    Without `clocks`, the times of readings are left out: two collections of the same repositories
    give the same lines, whenever and in whatever order they ran. Among them is the present target of a ref as its own
    former one: two readings that found it first at the same time leave the date of the earlier.
    """
    from base64 import b64encode

    for kind in sorted(PROMOTED):
        for node in view.all_nodes(kind):
            properties = _kept(node.properties, clocks)
            if kind == "Ref" and not clocks and "former" in properties:
                properties["former"] = [each for each in properties["former"] if each["target"] != properties["target"]]
            yield canonical({"node": kind, "key": node.key, "properties": properties})
    for edge_kind in sorted(ENDS):
        for edge in view.all_edges(edge_kind):
            fields = {"edge": edge_kind, "source": edge.source, "target": edge.target, "name": edge.name}
            yield canonical({**fields, "properties": _kept(edge.properties, clocks)})
    for edge_kind in sorted(ENDS):
        for edge in view.all_awaited_edges(edge_kind):
            fields = {"awaited": edge_kind, "source": edge.source, "target": edge.target, "name": edge.name}
            yield canonical({**fields, "properties": _kept(edge.properties, clocks)})
    for attachment, key, data in view.all_attachments():
        yield canonical({"attachment": attachment, "key": key, "data": b64encode(data).decode("ascii")})


def brought_up(text: str, version: int) -> str:
    """Give a line of a dump of an older schema the fields that it did not have."""
    row: dict[str, Any] = json.loads(text)
    if "node" in row:
        row["properties"] = {**added_since(version, row["node"]), **row["properties"]}
    return canonical(row)


def _kept(value: Any, clocks: bool) -> Any:
    """Leave clocks out at every depth."""
    if clocks or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [_kept(item, clocks) for item in value]
    return {name: _kept(inner, clocks) for name, inner in value.items() if name not in CLOCKS}
