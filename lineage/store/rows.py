"""The rows that one transaction writes, the same for every backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKey, EdgeKind, EdgeRow, NodeKind, NodeRow, Properties
    from lineage_schemas.graph_batch import AttachmentKind

Item = TypeVar("Item")


@dataclass
class Rows:
    """Hold nodes and edges to write.

    `nodes` are merged with what is stored by the rule of their kind (`lineage/store/merging.py`); `stubs` are written
    where nothing is stored. `replaced` names sources whose stored edges of a kind are deleted unless `edges` has them
    too: all edges where the set is empty, else those with these names. `replaced_touching` does the same for edges
    without a direction of their own: it names nodes whose edges of a kind are deleted at either end.
    `replaced_changes` names models whose changes are deleted unless `nodes` has them too, and `dropped_evidence`
    evidence that is. Edges may be written before their ends: readers see an edge once both ends are stored.
    """

    nodes: dict[NodeKind, dict[str, Properties]] = field(default_factory=dict)
    stubs: dict[NodeKind, dict[str, Properties]] = field(default_factory=dict)
    edges: dict[EdgeKind, dict[EdgeKey, Properties]] = field(default_factory=dict)
    replaced: dict[EdgeKind, dict[str, set[str]]] = field(default_factory=dict)
    replaced_touching: dict[EdgeKind, set[str]] = field(default_factory=dict)
    replaced_changes: set[str] = field(default_factory=set)
    dropped_evidence: set[str] = field(default_factory=set)
    attachments: dict[tuple[AttachmentKind, str], bytes] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        nodes: Iterable[tuple[NodeKind, NodeRow]] = (),
        edges: Iterable[EdgeRow] = (),
        attachments: Iterable[tuple[AttachmentKind, str, bytes]] = (),
    ) -> Rows:
        """Collect rows that were read from another store or a file: what a copy or an import writes."""
        rows = cls()
        for kind, node in nodes:
            rows.nodes.setdefault(kind, {})[node.key] = node.properties
        for edge in edges:
            rows.edges.setdefault(edge.kind, {})[edge.source, edge.target, edge.name] = edge.properties
        rows.attachments.update({(kind, key): data for kind, key, data in attachments})
        return rows

    def replace(self, kind: EdgeKind, source: str, name: str | None = None) -> None:
        """Delete the stored edges of a source that are not written again; with a name only edges of that name."""
        names = self.replaced.setdefault(kind, {}).get(source)
        if name is None:
            self.replaced[kind][source] = set()
        elif names is None:
            self.replaced[kind][source] = {name}
        elif names:
            names.add(name)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Split a long list into lists of `size` items, for statements that take that many keys or rows."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
