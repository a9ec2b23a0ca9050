"""The encoding of nodes and edges for Neo4j: decoding gives the same rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.errors import StoreError
from lineage.store.codec import encode
from lineage.store.graph import ENDS, EdgeKind, NodeKind
from lineage.store.neo4j.captions import NAMED
from lineage.store.neo4j.codec import (
    MAX_INDEXED,
    MAX_KEY,
    OBSERVED,
    attachment_from,
    attachment_properties,
    edge_from,
    edge_properties,
    indexable,
    node_from,
    node_properties,
)
from lineage.store.promoted import PROMOTED, canonical, pack, unpack
from lineage_schemas.graph_batch import AttachmentKind
from tests.support.graph_strategies import batches
from tests.support.graphs import FAMILY

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
long = st.builds(str.__mul__, text.filter(bool), st.integers(MAX_INDEXED // 8, MAX_INDEXED))
"""Texts about as long as an index takes, and longer."""

scalar = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | text | long
value = st.recursive(scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
names = (
    st.sampled_from(
        ["details", "absent", "key", "name", "path", "licence", "tags", "family", "observed_at", "evidence"]
    )
    | text
)
observation = st.none() | st.fixed_dictionaries({"value": scalar, "observed_at": st.sampled_from(["2026", "2027"])})
some = st.dictionaries(st.sampled_from(OBSERVED), observation, max_size=2)
whole = some.map(lambda seen: {**dict.fromkeys(OBSERVED), **seen})
observations = whole | st.dictionaries(st.sampled_from(["likes", "family", "gated", "other"]), observation) | value
LONG = "é" * 5000
LONG_FAMILY = {**dict.fromkeys(OBSERVED), "family": {"value": LONG, "observed_at": "2026"}}

properties = st.dictionaries(names, value, max_size=8) | st.fixed_dictionaries({"observations": observations})


def stored(laid: dict[str, Any]) -> dict[str, Any]:
    """Check that Neo4j can hold what was encoded, and return it as Neo4j does."""
    for kept in laid.values():
        assert isinstance(kept, str | bool | float | bytes) or (
            -(2**63) <= kept < 2**63 if isinstance(kept, int) else all(isinstance(item, str) for item in kept)
        )
    return dict(laid)


@pytest.mark.slow
@given(kind=st.sampled_from(sorted(PROMOTED)), key=text, wanted=properties)
@example(kind="Model", key="a/b", wanted={"observations": []})
@example(kind="Model", key="a/b", wanted={"name": "no field of a model", "id": "a/b"})
@example(kind="Model", key="a/b", wanted={"observations": LONG_FAMILY})
def test_neo4j_nodes_come_back_as_any_backend_gives_them(kind: NodeKind, key: str, wanted: dict[str, Any]) -> None:
    """Any node decodes to equal values and types; missing promoted properties are null."""
    found = node_from(kind, stored(node_properties(kind, key, wanted)))
    assert (found[0], canonical(found[1])) == (key, canonical(unpack(kind, pack(kind, wanted))))


@pytest.mark.slow
@given(kind=st.sampled_from(sorted(ENDS)), name=text, wanted=properties)
def test_neo4j_edges_come_back(kind: EdgeKind, name: str, wanted: dict[str, Any]) -> None:
    """Any edge decodes to equal properties and the same name."""
    found = edge_from(kind, stored(edge_properties(kind, name, wanted)))
    assert (found[0], canonical(found[1])) == (name, canonical(wanted))


@given(kind=st.sampled_from(["text", "alias", "tensors"]), data=st.binary() | text.map(str.encode))
def test_neo4j_attachments_come_back(kind: AttachmentKind, data: bytes) -> None:
    """Bytes come back as they were, text or not."""
    assert attachment_from(kind, stored(attachment_properties(kind, "k", data))) == data


@pytest.mark.slow
@given(batches(agreeing=False))
def test_neo4j_keeps_records_without_details_where_it_can(batch: Any) -> None:
    """Records of flat fields need no JSON in `details`."""
    rows = encode(batch)
    for kind in ("Model", "Ref", "Weights", "File", "Publisher"):
        for key, wanted in rows.nodes.get(kind, {}).items():
            laid = node_properties(kind, key, wanted)
            nested = ("dtypes", "first", "former", "former_identities")
            assert "details" not in laid or any(wanted.get(name) for name in nested)
            assert "absent" not in laid


def test_neo4j_has_the_names_that_a_person_guesses() -> None:
    """A model's licence, an edge's relation and a file's path are properties of these names."""
    rows = encode(FAMILY)
    model = node_properties("Model", "org/base", rows.nodes["Model"]["org/base"])
    assert (model["key"], model["licence"], model["publisher"], model["state"]) == ("org/base", "mit", "org", "present")
    edge = rows.edges["DERIVED_FROM"]["you/tuned", "org/base", ""]
    assert edge_properties("DERIVED_FROM", "", edge)["relation"] == "finetune"
    assert edge_properties("CONTAINS", "README.md", {}) == {"path": "README.md"}


@pytest.mark.slow
@given(kind=st.sampled_from(sorted(PROMOTED)), key=text.filter(str.strip), wanted=properties)
def test_neo4j_names_every_node(kind: NodeKind, key: str, wanted: dict[str, Any]) -> None:
    """Every node of a named kind has a caption that is not empty; a record's own name is kept."""
    laid = node_properties(kind, key, wanted)
    if kind in NAMED:
        assert isinstance(laid["name"], str)
        assert laid["name"].strip()
    else:
        assert laid.get("name") == wanted.get("name") or "details" in laid


@pytest.mark.parametrize(
    ("kind", "key", "properties", "name"),
    [
        ("Model", "dir-hub-0123abcd:org/base", {"id": "org/base"}, "org/base"),
        ("Revision", f"org/{'b' * 40}@{'a' * 40}", {"title": "Upload weights"}, "Upload weights"),
        ("Revision", f"org/{'b' * 40}@{'a' * 40}", {"title": " "}, "a" * 12),
        ("Revision", f"org/base@folder:{'a' * 64}", {"title": ""}, "a" * 12),
        ("File", f"sha256:{'0a' * 32}", {"size": 7}, "0a" * 6),
        ("File", f"gitblob:{'0a' * 20}", {}, "0a" * 6),
        ("File", f"at:gpt2@{'a' * 40}/onnx/model.onnx", {}, "model.onnx"),
        ("Weights", f"files.v1:{'0b' * 32}", {"layout": "layout.v1:cc"}, "0b" * 6),
        ("Change", "org/base@refs/heads/main:c1", {"kind": "retrained", "verdict": "silent"}, "retrained silent"),
        ("Change", "org/base@refs/heads/main:c1", {"kind": "first_upload", "verdict": None}, "first_upload"),
        ("Evidence", "e1", {"rule": "card.base_model", "declared": False}, "card.base_model"),
        ("Ref", "org/base@refs/heads/main", {"name": "refs/heads/main"}, "refs/heads/main"),
        ("Publisher", "dir-hub-0123abcd:org", {"name": "org"}, "org"),
    ],
)
def test_neo4j_names_are_what_a_person_reads(kind: NodeKind, key: str, properties: dict[str, Any], name: str) -> None:
    """The caption of each kind identifies the node and is short enough for the browser."""
    assert node_properties(kind, key, properties)["name"] == name


def test_neo4j_indexes_hold_long_values() -> None:
    """A licence too long for an index is shortened there and whole when read; such a key is refused."""
    licence = LONG
    laid = node_properties("Model", "a/b", {"licence": licence})
    assert laid["licence"] == indexable(licence) != licence
    assert node_from("Model", laid)[1]["licence"] == licence
    assert indexable(licence + "!") != indexable(licence)
    laid = node_properties("Model", "a/b", {"observations": LONG_FAMILY})
    assert laid["family"] == indexable(licence)
    assert node_from("Model", laid)[1]["observations"] == LONG_FAMILY
    with pytest.raises(StoreError, match="too long"):
        node_properties("File", "at:" + "x" * MAX_KEY, {})
