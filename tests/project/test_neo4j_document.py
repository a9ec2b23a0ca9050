"""docs/neo4j.md says what is true: its picture, its properties, and its recipes run on the real server."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.audit.product import find_references
from lineage.answers.audit.recording import record_product
from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.licences.compare import wider_than_ancestor
from lineage.licences.parse import parse
from lineage.licences.table import TERMS, licences
from lineage.store.graph import ENDS
from lineage.store.moving.copying import copy_store
from lineage.store.moving.neo4j_csv import columns_of
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED
from lineage.store.neo4j.schema import STORE
from lineage.store.open import open_store
from lineage.store.promoted import PROMOTED
from tests.support.neo4j_server import PARAMS, empty_store
from tests.support.recipes import Recipe, recipes, rewritten, table
from tests.support.shared import ROOT

PAGE = ROOT / "docs/neo4j.md"

HUBS = (ROOT / "lineage/demo_data/hub", ROOT / "docs/examples/hub")

LATER = ROOT / "docs/examples/later"
"""The state of a model in which a tag has moved."""

SHOP = ROOT / "docs/examples/shop"
"""A product that uses two of the models."""

PROPERTIES = re.compile(r"(?<=<!-- properties -->\n).*?(?=<!-- end of properties -->)", re.DOTALL)


def properties() -> str:
    """Write the properties of each label and type, as the backend lays them down."""
    rows = []
    for kind in (*PROMOTED, *ENDS):
        indexed = {p.name for label, promoted in PROMOTED.items() if label == kind for p in promoted if p.indexed}
        key = ["**key** string"] if kind in PROMOTED else []
        named = [f"{'**' if name in indexed else ''}{name}{'**' if name in indexed else ''} {found}"
                 for name, found in columns_of(kind).items()]  # fmt: skip
        rows.append(f"| `{kind}` | {', '.join([*key, *named]) or '–'} |\n")
    return "\n| label, type | properties |\n|---|---|\n" + "".join(rows) + "\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the models of the demo and of the document's examples into one Hub, as the document says."""
    folder = tmp_path_factory.mktemp("recipes") / "hub"
    for each in HUBS:
        shutil.copytree(each, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def collected(hub: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Collect that Hub, one model again after its tag moved, and record the product."""
    url = str(tmp_path_factory.mktemp("collected") / "lineage.db")
    with Session(hub_selector=str(hub), store_url=url, offline=True) as session:
        collect(session, sorted(session.hub.list_models()))
    shutil.copytree(LATER, hub, dirs_exist_ok=True)
    with Session(hub_selector=str(hub), store_url=url, offline=True) as session:
        collect(session, ["harbour/almanac-0.1m"], refresh=True)
        record_product(session, "shop", SHOP, find_references(session, SHOP, ()).references)
    return url


@pytest.fixture(params=PARAMS)
def graph(request: pytest.FixtureRequest, collected: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Copy what was collected into a server, and open a session of the driver on it."""
    from neo4j import GraphDatabase

    url = empty_store(request.param, request, monkeypatch)
    with open_store(collected, read_only=True) as source, open_store(url) as target:
        copy_store(source, target)
    auth = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"])
    with GraphDatabase.driver(url, auth=auth) as driver, driver.session() as opened:
        yield opened


def test_the_recipes_of_neo4j_give_what_the_page_shows(graph: Any, request: pytest.FixtureRequest) -> None:
    """Each recipe runs on both versions and gives rows, those of the page; `--update-goldens` writes them anew."""

    def answer(statement: str) -> str:
        result = graph.run(statement)
        found = table(result.keys(), result.values())
        notes = [note for note in result.consume().gql_status_objects if note.raw_severity == "WARNING"]
        assert notes == [], statement
        assert found.count("\n") > 1, f"gives no rows: {statement}"
        return found

    text = PAGE.read_text("utf-8")
    if request.config.getoption("--update-goldens", default=False):
        PAGE.write_text(rewritten(text, answer), "utf-8")
        text = PAGE.read_text("utf-8")
    found = recipes(text)
    assert len(found) >= 10
    for recipe in found:
        assert answer(recipe.statement) == recipe.shown, recipe.title


def test_the_recipe_of_wider_licences_agrees_with_the_table() -> None:
    """The licences that the recipe takes for restricted are so in our table, and the others are not."""
    [recipe] = [each for each in recipes(PAGE.read_text("utf-8")) if each.title.startswith("Licences wider")]
    (names,) = re.findall(r"model\.licence IN \[(.*?)\]", recipe.statement)
    free = re.findall(r"'([a-z0-9.-]+)'", names)
    pattern = re.search(r"=~ '(.+)'", recipe.statement)
    assert pattern is not None
    restricted = [each for each in licences() if re.fullmatch(pattern[1], each.id)]
    assert len(restricted) > 25
    for licence in restricted:
        terms = dict(zip(TERMS, licence.values, strict=True))
        assert terms["commercial_use"] == "no" or terms["acceptable_use"] == "yes", licence.id
        for name in free:
            found = wider_than_ancestor(parse(name), parse(licence.id))
            assert found is not None, (name, licence.id)
            assert found.relation == "wider", (name, licence.id)


CAPTIONS = ("^name$", "^title$", "^label$", "name$", "description$", "^.+")
"""What Neo4j's browser looks for among the properties of the first node of a label, in this order: it writes that
property into the circles of all nodes of the label."""


def captioned(properties: dict[str, Any]) -> str:
    """Choose the property that the browser writes into the circle of such a node."""
    return next(name for rule in CAPTIONS for name in properties if re.search(rule, name, re.IGNORECASE))


NOT_COLLECTED = {"Product"}
"""Labels that no command fills yet."""


def test_the_browser_of_neo4j_names_every_node(graph: Any) -> None:
    """Whichever node of a label the browser meets first, all circles of the label tell what they stand for."""
    names: dict[str, set[str]] = {}
    for label, properties in graph.run("MATCH (n) RETURN labels(n)[0], properties(n)").values():
        assert captioned(properties) == "name", label
        assert properties["name"].strip(), label
        names.setdefault(label, set()).add(properties["name"])
    attached = {label for label, _ in ATTACHMENTS.values() if label != "Alias"}
    assert names.keys() >= {*PROMOTED, *attached, STORE} - NOT_COLLECTED
    assert {"otterhub/skiff-0.7m-manual", "meta-llama/Llama-3.2-1B"} <= names["Model"]
    assert {"otterhub", "meta-llama"} & names["Publisher"]
    assert {"replaced silent", "first_upload"} <= names["Change"]
    assert "card.base_model" in names["Evidence"]
    assert "refs/heads/main" in names["Ref"]
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in names["Weights"] | names["File"] | names["Text"])
    assert len(names["File"]) == graph.run("MATCH (n:File) RETURN count(n)").single().value()


def test_far_walks_of_recipes_visit_a_model_once_in_neo4j(graph: Any) -> None:
    """Merges of merges have more ways than can be gone: the server plans no far walk that goes them all."""
    far = [recipe for recipe in recipes(PAGE.read_text("utf-8")) if any(hops > FEW_HOPS for hops in bounds(recipe))]
    assert len(far) >= 4
    for recipe in far:
        planned = str(graph.run(f"EXPLAIN {recipe.statement}").consume().plan)
        walks = set(re.findall(r"VarLengthExpand\([^)]*\)", planned))
        assert walks == {"VarLengthExpand(Pruning,BFS,All)"}, recipe.title


FEW_HOPS = 8
"""Hops that a recipe may go by every way there is."""


def bounds(recipe: Recipe) -> list[int]:
    """List how far the walks of a recipe go."""
    lengths = re.findall(r"\[\w*:\w+\*([^\]]*)\]", recipe.statement)
    assert all(re.fullmatch(r"\d+\.\.\d+", length) for length in lengths), recipe.title
    return [int(length.rpartition("..")[2]) for length in lengths]


def test_every_walk_of_a_recipe_is_bounded() -> None:
    """A declared graph may hold cycles: no pattern of variable length is without an upper bound."""
    for recipe in recipes(PAGE.read_text("utf-8")):
        assert all(bounds(recipe)), recipe.title
        assert not re.search(r"\)[+*]|\{\d*,\}", recipe.statement), recipe.title


def test_the_picture_shows_every_edge() -> None:
    """The picture has every label, and each type of relationship between the labels that it joins, and no other."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = {kind: (source, target) for source, kind, target in re.findall(r"(\w+) -- (\w+) --> (\w+)", picture)}
    assert shown == dict(ENDS)
    labels = {*PROMOTED, *(label for label, _ in ATTACHMENTS.values()), AWAITED, STORE}
    assert set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", picture)) == labels


def test_the_properties_are_those_of_the_backend(request: pytest.FixtureRequest) -> None:
    """The table of properties is made from the records and the promoted properties; `--update-goldens` writes it."""
    text = PAGE.read_text("utf-8")
    if request.config.getoption("--update-goldens", default=False):
        PAGE.write_text(PROPERTIES.sub(lambda _: properties(), text), "utf-8")
        text = PAGE.read_text("utf-8")
    assert PROPERTIES.findall(text) == [properties()]
