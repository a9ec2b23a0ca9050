"""A file content as a node of the graph."""

from __future__ import annotations

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record


class FileNode(Record):
    """Keep one file content in the graph.

    `alias` is the git blob id of the same content, once both ids are known.
    """

    key: str
    size: Count | None = None
    alias: str | None = None
