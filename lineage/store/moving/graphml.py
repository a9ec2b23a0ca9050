"""Write models and their DERIVED_FROM edges as GraphML: for Gephi, and for `networkx.read_graphml`."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any, cast

from lineage.progress import SILENT, Progress
from lineage.store.moving.checked import sound_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage.store.graph import EdgeRow, NodeRow
    from lineage.store.interface import StoreView

MUCH = 500_000
"""From this many models and edges on, a note names the memory needed: networkx builds the whole graph in memory."""

BYTES_EACH = 4_500
"""Memory for each model or edge while the file is written (50,000 models with 49,999 edges took 445 MB)."""

FACTS = (
    "hub", "state", "publisher", "licence", "licence_name", "library_name", "pipeline_tag", "head", "level",
    "collected_at",
)  # fmt: skip
"""Properties of a model that become attributes of its node."""

OBSERVED = ("family", "downloads", "likes", "created", "last_modified", "gated")
"""Observations of a model whose values become attributes."""

DESCENT = (
    "relation", "relation_declared", "method", "status", "confidence", "parent_revision", "child_revision",
)  # fmt: skip
"""Properties of an edge that become its attributes, with the number of its evidence."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_graphml(view: StoreView, file: IO[bytes], progress: Progress = SILENT) -> tuple[int, int]:
    """Write all models and the edges from child to parent; return how many there are of each.

    A null value is left out: GraphML has no null. Unlike a dump this needs memory for the whole graph; a note says so
    for a large one.
    """
    import networkx as nx

    total = view.count("Model") + view.count("DERIVED_FROM")
    if total >= MUCH:
        progress.note(
            f"GraphML of {total:,} models and edges is built in memory and needs about"
            f" {total * BYTES_EACH / 1e9:.0f} GB; for a graph of this size use Neo4j and Cypher"
        )
    graph: nx.DiGraph[str] = nx.DiGraph()
    with progress.task("exporting", total, "rows") as task:
        for node in cast("Iterator[NodeRow]", sound_rows(view, "Model")):
            graph.add_node(_text(node.key), **_facts(node))
            task.advance()
        for edge in cast("Iterator[EdgeRow]", sound_rows(view, "DERIVED_FROM")):
            graph.add_edge(_text(edge.source), _text(edge.target), **_descent(edge))
            task.advance()
    nx.write_graphml_xml(graph, file)
    return graph.number_of_nodes(), graph.number_of_edges()


def _facts(node: NodeRow) -> dict[str, Any]:
    seen = node.properties.get("observations") or {}
    values = {name: node.properties.get(name) for name in FACTS}
    values |= {name: (seen.get(name) or {}).get("value") for name in OBSERVED}
    return _kept({"label": node.properties.get("id") or node.key, **values})


def _descent(edge: EdgeRow) -> dict[str, Any]:
    values = {name: edge.properties.get(name) for name in DESCENT}
    return _kept({**values, "evidence": len(edge.properties.get("evidence") or ())})


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _text(value) if isinstance(value, str) else value for name, value in values.items() if value is not None
    }


def _text(text: str) -> str:
    """Replace characters that XML cannot hold: the texts come from model cards."""
    return _NOT_IN_XML.sub("\ufffd", text)
