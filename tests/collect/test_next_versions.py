"""NEXT_VERSION edges: which there are, on what evidence, and that the order of reading makes no difference."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage.answers.collect import collect
from lineage.answers.rederiving import store_rederive
from lineage.answers.session import Session
from lineage.answers.store import store_check, store_forget
from lineage.store.records import record_of
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.next_version import NextVersion

V1, V2, V3, TUNED = "o/m-v1", "o/m-v2", "o/M_V3", "o/m-v2-GGUF"


def write(hub: Path, name: str, card: Mapping[str, Any] | None = None, **config: object) -> None:
    """Write a folder with a card and a config."""
    folder = hub / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(dict(card or {}))}---\n")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))


@contextmanager
def session(hub: Path, store: str = "memory:") -> Iterator[Session]:
    """Open a store for a directory Hub."""
    with Session(hub_selector=str(hub), store_url=store, offline=True) as opened:
        yield opened


def edges(opened: Session) -> list[NextVersion]:
    """Read all edges, without the prefix of the Hub."""
    with opened.store.reading() as view:
        found = [record_of("NEXT_VERSION", row) for row in view.all_edges("NEXT_VERSION")]
    prefix = opened.hub.name + ":"
    ends = ({"model": edge.model.removeprefix(prefix), "next": edge.next.removeprefix(prefix)} for edge in found)
    return [edge.model_copy(update=bare) for edge, bare in zip(found, ends, strict=True)]


def shown(found: Iterable[NextVersion]) -> list[tuple[str, str, str]]:
    """Write edges as model, next version, basis."""
    return [(edge.model, edge.next, edge.basis) for edge in found]


def rules(opened: Session, edge: NextVersion) -> list[str]:
    """List the rules of the evidence of an edge; all of it is stored."""
    with opened.store.reading() as view:
        nodes = view.nodes("Evidence", edge.evidence)
    assert set(nodes) == set(edge.evidence)
    return sorted(node["rule"] for node in nodes.values())


def test_versions_are_linked_by_name_config_and_card(tmp_path: Path) -> None:
    """Each edge has the strongest basis, its pointer, and all evidence; a GGUF copy is not a version."""
    write(tmp_path, V1, {"new_version": "p/other"})
    write(tmp_path, V2, _name_or_path="o/m-v1")
    write(tmp_path, V3)
    write(tmp_path, TUNED)
    write(tmp_path, "p/m-v1")
    with session(tmp_path) as opened:
        collect(opened, [V1, V2, V3, TUNED, "p/m-v1"])
        found = edges(opened)
        assert shown(found) == [(V1, V2, "config"), (V1, "p/other", "declared"), (V2, V3, "name")]
        assert [edge.confidence for edge in found] == [0.95, None, 0.8]
        assert [(edge.pointer and (edge.pointer.file, edge.pointer.field)) for edge in found] == [
            ("config.json", "_name_or_path"), ("README.md", "new_version"), (None, "name"),
        ]  # fmt: skip
        assert [rules(opened, edge) for edge in found] == [
            ["files.name_or_path", "name.version", "name.version"], ["card.new_version"], ["name.version"] * 2,
        ]  # fmt: skip
        assert store_check(opened).verdict == "clean"
        assert store_rederive(opened).changed == ()


def test_the_order_of_reading_makes_no_difference(tmp_path: Path) -> None:
    """Versions between others, unversioned names, declarations against the names: the same graph in every order."""
    names = ["o/m", V1, V2, "o/m-v2.5"]
    for name, card in zip(names, ({}, {"new_version": "o/m-v2.5"}, {"new_version": V1}, {}), strict=True):
        write(tmp_path, name, card)
    graphs = []
    for order in itertools.permutations(names):
        with session(tmp_path) as opened:
            for name in order:
                collect(opened, [name])
            with opened.store.reading() as view:
                versions = [row.key for row in view.all_nodes("Evidence")]
            graphs.append((edges(opened), versions))
    assert all(graph == graphs[0] for graph in graphs)
    assert shown(graphs[0][0]) == [
        ("o/m", V1, "name"), (V1, "o/m-v2.5", "declared"), (V2, V1, "declared"), (V2, "o/m-v2.5", "name"),
    ]  # fmt: skip


def test_a_declaration_that_is_withdrawn_takes_its_edge_with_it(tmp_path: Path) -> None:
    """A card that no longer names a new version has no edge; one that names itself or no repository never had."""
    write(tmp_path, "o/old", {"new_version": "o/new"})
    write(tmp_path, "o/itself", {"new_version": "o/itself"})
    write(tmp_path, "o/path", {"new_version": "./runs/new"})
    with session(tmp_path) as opened:
        collect(opened, ["o/old", "o/itself", "o/path"])
        assert shown(edges(opened)) == [("o/old", "o/new", "declared")]
        write(tmp_path, "o/old")
        collect(opened, ["o/old"], refresh=True)
        assert edges(opened) == []


def test_a_renamed_model_takes_its_edges_along(tmp_path: Path) -> None:
    """Names are read again under the new name, and what cards declare about the old one leads to the new one."""
    write(tmp_path, "o/m-v1")
    write(tmp_path, "o/m-v2")
    write(tmp_path, "o/m-v4")
    write(tmp_path, "p/card", {"new_version": "o/m-v2"})
    with session(tmp_path) as opened:
        collect(opened, ["o/m-v1", "o/m-v2", "o/m-v4", "p/card"])
        (tmp_path / "o" / "m-v2").rename(tmp_path / "o" / "m-v5")
        (tmp_path / "aliases.json").write_text(json.dumps({"o/m-v2": "o/m-v5"}))
        collect(opened, ["o/m-v2"])
        expected = [("o/m-v1", "o/m-v4", "name"), ("o/m-v4", "o/m-v5", "name"), ("p/card", "o/m-v5", "declared")]
        assert shown(edges(opened)) == expected
        collect(opened, ["o/m-v4"], refresh=True)
        assert shown(edges(opened)) == expected
        assert store_rederive(opened).changed == ()


def test_forgetting_a_version_joins_its_neighbours(tmp_path: Path) -> None:
    """The versions before and after a deleted one are linked; what a card says of the deleted one stays."""
    for name in (V1, V2, V3):
        write(tmp_path, name)
    write(tmp_path, "p/card", {"new_version": V2})
    with session(tmp_path) as opened:
        collect(opened, [V1, V2, V3, "p/card"])
        store_forget(opened, [V2])
        assert shown(edges(opened)) == [(V1, V3, "name"), ("p/card", V2, "declared")]
        assert store_check(opened).verdict == "clean"
        store_forget(opened, ["p/card", V1, V3])
        assert edges(opened) == []


def test_stores_without_the_edges_get_them_by_rederive(tmp_path: Path) -> None:
    """An older store has no such edges: they are worked out from what it has, and are those of a reading."""
    names = [V1, V2, V3, TUNED]
    for name in names:
        write(tmp_path, name, _name_or_path=V1)
    with session(tmp_path, str(tmp_path / "store.db")) as opened:
        collect(opened, names)
        before = edges(opened)
        keys = tuple(f"{opened.hub.name}:{name}" for name in names)
        opened.store.write(GraphBatch(replace_next_versions_of=keys))
        assert edges(opened) == []
        answer = store_rederive(opened)
        assert answer.next_versions == len(before) == 3
        assert set(answer.changed) == {*keys[:3]}
        assert edges(opened) == before


@pytest.mark.parametrize("owner", ["o", None])
def test_models_of_different_publishers_are_no_versions_of_each_other(tmp_path: Path, owner: str | None) -> None:
    """Another owner's copy is not the next version, and neither are folders without an owner."""
    names = [f"{owner}/m-v1", "p/m-v2"] if owner else ["m-v1", "m-v2"]
    for name in names:
        write(tmp_path, name)
    with session(tmp_path) as opened:
        collect(opened, names)
        assert edges(opened) == []
