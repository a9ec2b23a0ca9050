"""Every place that lists the kinds of nodes, edges or attachments lists all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_overloads

import pytest

from lineage.store import codec, merging
from lineage.store.checking.rules import NODE_RULES, check_store
from lineage.store.forgetting import plan
from lineage.store.graph import ENDS, EdgeKind, NodeKind
from lineage.store.memory import Graph, MemoryStore
from lineage.store.moving import csv_folder
from lineage.store.moving.jsonl import ATTACHMENT_KINDS
from lineage.store.moving.neo4j_csv import columns_of
from lineage.store.moving.sections import SECTIONS
from lineage.store.neo4j import schema as neo4j_schema
from lineage.store.neo4j.captions import NAMED
from lineage.store.neo4j.codec import ATTACHMENTS, node_properties
from lineage.store.promoted import PROMOTED
from lineage.store.records import record_of, records
from lineage.store.rows import Rows
from lineage.store.sqlite import schema as sqlite_schema
from lineage_schemas.graph_batch import AttachmentKind, GraphBatch
from tests.support.graphs import FULL_FAMILY, model
from tests.support.shared import ROOT

Has = Callable[[Any], bool]
"""Return whether a place has a kind; a KeyError means that it has not."""

WITHOUT_RULE = {"Publisher", "Product"}
"""Kinds of nodes that `store check` has no rule for: nothing in them can be wrong."""

GRAPH_DOCUMENT = (ROOT / "docs/neo4j.md").read_text("utf-8")
STORE_DOCUMENT = (ROOT / "docs/reference/store.md").read_text("utf-8")
DRAWING = GRAPH_DOCUMENT.partition("```mermaid")[2].partition("```")[0]


def section(heading: str) -> str:
    """Return a section of the reference."""
    return STORE_DOCUMENT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def has_row(table: str | None, kind: str) -> bool:
    """Return whether the first column of a table names a kind."""
    return re.search(rf"^\| [^|]*\b{kind}\b", table or "", re.MULTILINE) is not None


def is_made(statements: Any, kind: str) -> bool:
    """Return whether a statement makes or indexes the table of a kind."""
    return any(re.search(rf"(TABLE|ON) {kind.lower()} ", statement) for statement in statements)


def deleted() -> Any:
    """Return what deleting every model of a small graph deletes."""
    store = MemoryStore()
    store.write(FULL_FAMILY)
    store.write(GraphBatch(models=(model("org/renamed", aliases=("org/former",)),)))
    with store.reading() as view:
        return plan(view, [row.key for row in view.all_nodes("Model")], ["shop"])


def is_checked(kind: Any) -> bool:
    """Return whether `store check` reports an attachment of a kind that belongs to nothing."""
    store = MemoryStore()
    store.write_rows(Rows(attachments={(kind, f"sha256:{'0' * 64}"): b"nothing"}))
    with store.reading() as view:
        return any("known kind" not in fault.message for fault in check_store(view))


NODE_PLACES: Mapping[str, Has] = {
    "promoted.PROMOTED": lambda kind: kind in PROMOTED,
    "the table in merging's docstring": lambda kind: has_row(merging.__doc__, kind),
    "codec.encode": lambda kind: kind in {**codec.encode(FULL_FAMILY).nodes, **codec.encode(FULL_FAMILY).stubs},
    "records.records": lambda kind: kind in records(),
    "records.record_of": lambda kind: any(
        each.__annotations__["kind"] == f"Literal['{kind}']" for each in get_overloads(record_of)
    ),
    "forgetting.plan": lambda kind: bool(deleted().nodes.get(kind)),
    "checking.NODE_RULES": lambda kind: kind in {*NODE_RULES, *WITHOUT_RULE},
    "memory.Graph": lambda kind: kind in Graph().nodes,
    "sqlite.schema.tables": lambda kind: is_made(sqlite_schema.tables(), kind),
    "sqlite.schema.indexes": lambda kind: is_made(sqlite_schema.indexes().values(), kind),
    "neo4j.schema.constraints": lambda kind: f"lineage_{kind.lower()}_key" in neo4j_schema.constraints(),
    "neo4j.codec": lambda kind: bool(node_properties(kind, "key", {})),
    "neo4j.captions": lambda kind: kind in NAMED or "name" in records()[kind].fields,
    "moving.sections.SECTIONS": lambda kind: kind in SECTIONS,
    "moving.csv_folder": lambda kind: bool(csv_folder.FILE_NAME.fullmatch(f"{kind.lower()}.csv")),
    "moving.neo4j_csv.columns_of": lambda kind: "name" in columns_of(kind),
    "docs/neo4j.md, drawing": lambda kind: re.search(rf"\b{kind}\b", DRAWING) is not None,
    "docs/neo4j.md, table": lambda kind: has_row(GRAPH_DOCUMENT, kind),
    "docs/reference/store.md, table": lambda kind: has_row(section("Nodes"), kind),
}

EDGE_PLACES: Mapping[str, Has] = {
    "graph.ENDS": lambda kind: kind in ENDS,
    "the table in codec's docstring": lambda kind: f"`{kind}`" in (codec.__doc__ or ""),
    "codec.encode": lambda kind: kind in codec.encode(FULL_FAMILY).edges,
    "memory.Graph": lambda kind: kind in Graph().edges,
    "sqlite.schema.tables": lambda kind: is_made(sqlite_schema.tables(), kind),
    "sqlite.schema.indexes": lambda kind: is_made(sqlite_schema.indexes().values(), kind),
    "moving.sections.SECTIONS": lambda kind: kind in SECTIONS,
    "moving.csv_folder": lambda kind: bool(csv_folder.FILE_NAME.fullmatch(f"{kind.lower()}.csv")),
    "docs/neo4j.md, drawing": lambda kind: f" {kind} " in DRAWING,
    "docs/neo4j.md, table": lambda kind: has_row(GRAPH_DOCUMENT, kind),
    "docs/reference/store.md, table": lambda kind: has_row(section("Edges"), kind),
}

ATTACHMENT_PLACES: Mapping[str, Has] = {
    "checking": is_checked,
    "forgetting.plan": lambda kind: kind in {each for each, _ in deleted().attachments},
    "neo4j.codec.ATTACHMENTS": lambda kind: kind in ATTACHMENTS,
    "neo4j.schema.constraints": lambda kind: (
        f"lineage_{ATTACHMENTS[kind][0].lower()}_key" in neo4j_schema.constraints()
    ),
    "moving.jsonl.ATTACHMENT_KINDS": lambda kind: kind in ATTACHMENT_KINDS,
    "moving.csv_folder": lambda kind: bool(csv_folder.FILE_NAME.fullmatch(f"{ATTACHMENTS[kind][0].lower()}.csv")),
    "docs/neo4j.md, drawing": lambda kind: f"  {ATTACHMENTS[kind][0]} " in DRAWING,
    "docs/reference/store.md, attachments": lambda kind: f"`{kind}`" in section("Edges"),
}

TABLES: Mapping[str, tuple[tuple[str, ...], Mapping[str, Has]]] = {
    "node": (get_args(NodeKind), NODE_PLACES),
    "edge": (get_args(EdgeKind), EDGE_PLACES),
    "attachment": (get_args(AttachmentKind), ATTACHMENT_PLACES),
}


def missing(kinds: tuple[str, ...], places: Mapping[str, Has]) -> set[tuple[str, str]]:
    """List each place with a kind that it lacks."""
    return {(place, kind) for place, has in places.items() for kind in kinds if not _has(has, kind)}


def _has(has: Has, kind: str) -> bool:
    try:
        return has(kind)
    except KeyError:
        return False


@pytest.mark.parametrize("what", TABLES)
def test_every_place_has_every_kind(what: str) -> None:
    """A kind that was added to the graph's words and forgotten elsewhere is reported with the place that lacks it."""
    assert missing(*TABLES[what]) == set()


@pytest.mark.parametrize("what", TABLES)
def test_a_new_kind_is_missed_in_every_place(what: str) -> None:
    """A kind that no place knows is reported by each of them, so no check of a place accepts just anything."""
    kinds, places = TABLES[what]
    assert missing((*kinds, "Dragon"), places) == {(place, "Dragon") for place in places}


@pytest.mark.parametrize(("heading", "kinds"), [("Nodes", get_args(NodeKind)), ("Edges", get_args(EdgeKind))])
def test_the_reference_has_no_other_kind(heading: str, kinds: tuple[str, ...]) -> None:
    """A kind that was removed or renamed is not left behind in the reference's table."""
    listed = re.findall(r"^\| `(\w+)`", section(heading), re.MULTILINE)
    assert sorted(listed) == sorted(kinds)
