"""`lineage compare` of a model with its own disguise, and with another model of the same configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from lineage.answers.compare import compare
from lineage.answers.session import Session
from lineage.fingerprint.values.names import normalised_names
from lineage_cli.compare import exit_code
from tests.support.disguises import everything, permute_neurons
from tests.support.forward import Shape
from tests.support.hub_server import HubServer
from tests.support.repositories import zoo_hub
from tests.support.weight_files import read_safetensors, safetensors_bytes

pytestmark = pytest.mark.slow

BASE = "skiffworks/skiff-0.7m"


@pytest.fixture(scope="module")
def folders(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a directory Hub with a real model, two disguises of it, and one of its form with other values."""
    hub = tmp_path_factory.mktemp("disguised")
    for name in ("original", "disguised", "neurons", "stranger"):
        shutil.copytree(small_zoo / BASE, hub / "org" / name)
    tensors, _ = read_safetensors(small_zoo / BASE / "model.safetensors")
    names = normalised_names(tensors)
    weights = {
        names[stored]: numpy.frombuffer(raw, "<f4").astype("f8").reshape((1, -1) if len(shape) == 1 else shape)
        for stored, (_, shape, raw) in tensors.items()
    }
    config = json.loads((small_zoo / BASE / "config.json").read_text())
    shape = Shape(config["num_attention_heads"], config["num_key_value_heads"], config["num_hidden_layers"])
    rng = numpy.random.default_rng(5)
    made = {
        "disguised": everything(weights, shape, rng),
        "neurons": permute_neurons(weights, shape, rng),
        "stranger": {n: rng.normal(value.mean(), value.std(), value.shape) for n, value in weights.items()},
    }
    for name, changed in made.items():
        content = {
            stored: ("F32", of, changed[names[stored]].astype("<f4").tobytes())
            for stored, (_, of, _) in tensors.items()
        }
        (hub / "org" / name / "model.safetensors").write_bytes(safetensors_bytes(content, {"format": "pt"}))
    return hub


@pytest.fixture
def session(folders: Path) -> Iterator[Session]:
    """Open the directory Hub."""
    with Session(hub_selector=str(folders), store_url="memory:", offline=True) as opened:
        yield opened


def test_a_disguise_on_this_machine_is_related(session: Session) -> None:
    """Permuted dimensions and heads, scaled and folded norms: the matrices show that they are one model."""
    answer = compare(session, "org/disguised", "org/original")
    assert answer.verdict in ("derived", "related")
    assert exit_code(answer) == 0
    assert answer.direction == "unknown"
    assert {rule.id: rule.outcome for rule in answer.rules}["numeric.invariants"] == "for"


def test_permuted_neurons_are_named(session: Session) -> None:
    """Only the neurons are in another order: related, and the rule says so."""
    answer = compare(session, "org/neurons", "org/original")
    assert answer.verdict in ("derived", "related")


def test_another_model_of_the_configuration_is_unrelated(session: Session) -> None:
    """The same shapes with other values are unrelated, also in files on this machine."""
    answer = compare(session, "org/stranger", "org/original")
    assert (answer.verdict, exit_code(answer)) == ("unrelated", 0)
    files = [
        str(Path(session.hub_selector or "") / "org" / name / "model.safetensors") for name in ("stranger", "original")
    ]
    assert compare(session, *files).verdict == "unrelated"


def test_over_the_network_a_disguise_is_unclear_until_all_is_read(folders: Path, tmp_path: Path) -> None:
    """From a sample the pair is unclear, with the command that decides; at level full it is related."""
    with HubServer() as server:
        server.fill(zoo_hub(folders, tmp_path / "zoo"), tmp_path / "served")
        with Session(settings=server.settings(tmp_path / "here")) as remote:
            sampled = compare(remote, "org/disguised", "org/original", level="header")
            assert (sampled.verdict, exit_code(sampled)) == ("unclear", 2)
            assert any("--level full" in (each.decide_with or "") for each in sampled.unchecked)
            full = compare(remote, "org/disguised", "org/original", level="full")
            assert full.verdict in ("derived", "related")
            other = compare(remote, "org/stranger", "org/original", level="header")
            assert other.verdict == "unrelated"
