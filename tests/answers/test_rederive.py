"""`lineage store rederive`: the edges that follow from the stored evidence, with no Hub."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lineage.answers.collect import collect
from lineage.answers.rederiving import store_rederive
from lineage.answers.session import Session
from lineage.store.interface import GraphStore
from lineage.store.moving.copying import copy_store
from lineage.store.open import open_store
from lineage_cli.main import main
from lineage_schemas.evidence import Evidence, evidence_id
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.pointer import Pointer
from tests.support.bare_repository import BareRepository
from tests.support.dump import dump
from tests.support.neo4j_server import PARAMS, empty_store
from tests.support.weight_files import safetensors_bytes

MODELS, ON_A_SERVER = 300, 60


def write_model(
    hub: Path, name: str, seed: int, card: Mapping[str, Any] | None = None, *, dtype: str = "F32", **files: str
) -> None:
    """Write a plain folder with weights of its own, a config and a card."""
    folder = hub / name
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"a": (dtype, (2, 2), chance.randbytes(16))}))
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(dict(card or {}))}---\n")
    for path, text in {"config.json": "{}", **files}.items():
        (folder / path).write_text(text)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Hub of some hundred models that name each other in cards, configs, recipes and adapters."""
    hub = tmp_path_factory.mktemp("many") / "hub"
    chance = random.Random(7)
    names = [f"o{n % 9}/m{n}" for n in range(MODELS)]
    for number, name in enumerate(names):
        others = chance.sample(names, 2)
        kind = number % 5
        files: dict[str, str] = {}
        card: dict[str, Any] = {}
        if kind == 0:
            card = {"base_model": others[0], "base_model_relation": "finetune"}
        elif kind == 1:
            card = {"base_model": others}
            models = ", ".join(f"{{model: {each}}}" for each in others)
            files = {"mergekit_config.yml": f"merge_method: slerp\nbase_model: {others[0]}\nmodels: [{models}]\n"}
        elif kind == 2:
            adapter = {"base_model_name_or_path": others[0], "peft_type": "LORA"}
            files = {"adapter_config.json": json.dumps(adapter)}
        elif kind == 3:
            files = {"config.json": json.dumps({"_name_or_path": others[0], "model_type": "llama"})}
        write_model(hub, name, number, card, **files)
    return hub


def lines(store: GraphStore) -> list[str]:
    """Dump a store without timestamps."""
    with store.reading() as view:
        return list(dump(view))


def edges(store: GraphStore) -> list[tuple[str, str, str | None]]:
    """List child, parent and relation of every edge, without the Hub's prefix."""
    with store.reading() as view:
        return [
            (edge.source.partition(":")[2], edge.target.partition(":")[2], edge.properties["relation"])
            for edge in view.all_edges("DERIVED_FROM")
        ]


def forget_edges(store: GraphStore) -> None:
    """Delete every edge between models, and nothing else."""
    with store.reading() as view:
        children = sorted({edge.source for edge in view.all_edges("DERIVED_FROM")})
    store.write(GraphBatch(replace_derivations_of=tuple(children)))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a directory Hub at `hub` with an empty store."""
    (tmp_path / "hub").mkdir()
    with Session(hub_selector=str(tmp_path / "hub"), store_url=f"sqlite:///{tmp_path}/lineage.db") as opened:
        yield opened


@pytest.mark.slow
def test_hundreds_of_models_get_the_edges_that_collecting_gave(many: Path, tmp_path: Path) -> None:
    """Without its edges, a store gets them back exactly; a second run finds nothing to change."""
    with Session(hub_selector=str(many), store_url=f"sqlite:///{tmp_path}/lineage.db") as session:
        collect(session, sorted(session.hub.list_models(limit=1000)), max_models=1000)
        before = lines(session.store)
        assert store_rederive(session).changed == ()
        forget_edges(session.store)
        answer = store_rederive(session)
        assert lines(session.store) == before
        assert (answer.models, len(answer.changed)) == (MODELS, len({child for child, _, _ in edges(session.store)}))
        assert answer.derivations == len(edges(session.store)) > MODELS // 2
        assert store_rederive(session).changed == ()


@pytest.mark.parametrize("server", PARAMS)
def test_neo4j_gives_the_same_edges(
    server: str, many: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in Neo4j, without its edges, is afterwards the copied graph again."""
    target = open_store(empty_store(server, request, monkeypatch))
    with Session(hub_selector=str(many), store_url=f"sqlite:///{tmp_path}/lineage.db") as session:
        collect(session, sorted(session.hub.list_models(limit=1000))[:ON_A_SERVER], depth=0)
        copy_store(session.store, target)
        before = lines(session.store)
    with Session(store_url=target.url) as session:
        forget_edges(session.store)
        assert len(store_rederive(session).changed) > ON_A_SERVER // 2
        assert lines(session.store) == before
    target.close()


def measured(child: str, parent: str, weights: str) -> Evidence:
    """Make evidence from weights, as a rule that compares them will make it."""
    made = Evidence(
        id="", rule="weights.distance", child=child, parent=parent, supports=True, value=None, score=0.1,
        relation="finetune", method="full", pointer=Pointer(model=child), weights_child=weights,
        weights_parent="files.v1:" + "0" * 64,
    )  # fmt: skip
    return made.model_copy(update={"id": evidence_id(made)})


def test_evidence_from_weights_follows_from_them(session: Session, tmp_path: Path) -> None:
    """A finding about weights that measuring them does not give makes no edge, and is dropped with the next edges."""
    hub = tmp_path / "hub"
    write_model(hub, "a/child", 1)
    write_model(hub, "a/base", 2)
    collect(session, ["a/child", "a/base"])
    key, base = session.hub.key("a/child"), session.hub.key("a/base")
    with session.store.reading() as view:
        (weights,) = {edge.target for edge in view.all_edges("HAS_WEIGHTS") if edge.source.startswith(f"{key}@")}
    session.store.write(GraphBatch(evidence=(measured(key, base, weights),)))
    assert store_rederive(session).changed == ()
    assert edges(session.store) == []
    with session.store.reading() as view:
        assert view.count("Evidence") == 0


def test_evidence_of_an_earlier_head_stays_and_does_not_count(session: Session, tmp_path: Path) -> None:
    """A card that names another parent now has one edge, and the evidence of both commits is stored."""
    repository = BareRepository(tmp_path / "hub" / "a/child.git")
    repository.commit({"README.md": b"---\nbase_model: a/old\n---\n"})
    collect(session, ["a/child"])
    assert [edge[:2] for edge in edges(session.store)] == [("a/child", "a/old")]
    repository.commit({"README.md": b"---\nbase_model: a/new\n---\n"})
    collect(session, ["a/child"])
    assert store_rederive(session).changed == ()
    assert [edge[:2] for edge in edges(session.store)] == [("a/child", "a/new")]
    with session.store.reading() as view:
        parents = sorted(row.properties["parent"].partition(":")[2] for row in view.all_nodes("Evidence"))
    assert parents == ["a/new", "a/old"]


def test_another_answer_about_a_parent_replaces_the_first(session: Session, tmp_path: Path) -> None:
    """A form that the parent turns out to share is no relation, though an earlier reading took it for one."""
    hub = tmp_path / "hub"
    files = {"config.json": json.dumps({"quantization_config": {"quant_method": "gptq", "bits": 4}})}
    write_model(hub, "a/child", 1, {"base_model": "a/base"}, dtype="I32", **files)
    collect(session, ["a/child"])
    assert edges(session.store) == [("a/child", "a/base", "quantized")]
    write_model(hub, "a/base", 2, None, dtype="I32", **files)
    collect(session, ["a/child"], refresh=True)
    assert edges(session.store) == [("a/child", "a/base", None)]
    assert store_rederive(session).changed == ()


def test_the_command_reports_what_changed(session: Session, tmp_path: Path) -> None:
    """The command lists models whose edges changed; without a store it exits with 2."""
    write_model(tmp_path / "hub", "a/child", 1, {"base_model": "a/base"})
    collect(session, ["a/child"])
    store = f"sqlite:///{tmp_path}/lineage.db"
    done = CliRunner().invoke(main, ["store", "rederive", "--store", store])
    assert (done.exit_code, "all edges were as stored" in done.stdout) == (0, True)
    forget_edges(session.store)
    done = CliRunner().invoke(main, ["store", "rederive", "--store", store, "--format", "json"])
    assert (done.exit_code, json.loads(done.stdout)["changed"]) == (0, [session.hub.key("a/child")])
    done = CliRunner().invoke(main, ["store", "rederive", "--store", str(tmp_path / "none.db")])
    assert done.exit_code == 2
    assert "there is no store" in done.stderr


def test_a_store_of_an_earlier_version_keeps_its_edges(tmp_path: Path) -> None:
    """A model that was read before readings listed their evidence has all evidence of its head."""
    shutil.copy(Path(__file__).parents[1] / "data/stores/v1.db.gz", tmp_path)
    (tmp_path / "v1.db").write_bytes(gzip.decompress((tmp_path / "v1.db.gz").read_bytes()))
    store = open_store(f"sqlite:///{tmp_path}/v1.db")
    before = edges(store)
    store.close()
    with Session(store_url=f"sqlite:///{tmp_path}/v1.db") as session:
        store_rederive(session)
        assert {edge[:2] for edge in edges(session.store)} <= {edge[:2] for edge in before}
