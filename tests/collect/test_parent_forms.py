"""Which quantisations a parent has, read from a Hub on a socket and from one that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.collect.names import Names
from lineage.collect.parent_forms import parent_quantisations
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.store.memory import MemoryStore
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.weight_files import gguf_bytes, safetensors_bytes

BF16 = safetensors_bytes({"a.weight": ("BF16", (4, 4), bytes(32))})
FP8 = safetensors_bytes({"a.weight": ("F8_E4M3", (4, 4), bytes(16))})
CONFIG = json.dumps({"quantization_config": {"quant_method": "fp8"}}).encode()
FLOAT_TENSOR, LOW_TENSOR = ("a", (32, 4), 1, bytes(256)), ("a", (32, 4), 2, bytes(72))
ARCHITECTURE = ("general.architecture", 8, (4).to_bytes(8, "little") + b"flux")


@pytest.fixture
def server() -> Iterator[HubServer]:
    """Serve nothing yet."""
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(server: HubServer, tmp_path: Path) -> Iterator[HuggingFaceHub]:
    """Open the served Hub."""
    with HuggingFaceHub(server.settings(tmp_path / "home")) as hub:
        yield hub


def served(server: HubServer, folder: Path, files: dict[str, bytes], *, gated: bool = False) -> None:
    """Serve a model `lab/base` of the given files."""
    repository = BareRepository(folder / "base.git")
    repository.commit(files, "first")
    server.add("lab/base", repository.git_dir, gated=gated)


@pytest.mark.parametrize(
    ("files", "methods"),
    [
        ({"README.md": b"# A model\n", "model.safetensors": BF16}, []),
        ({"config.json": CONFIG, "model.safetensors": FP8}, ["fp8"]),
        ({"config.json": CONFIG, "model.safetensors": BF16}, []),
        ({"config.json": CONFIG, "model-00001-of-00002.safetensors": BF16, "model-00002-of-00002.safetensors": FP8},
         ["fp8"]),
        ({"config.json": CONFIG, **{f"model-{n:05d}-of-00006.safetensors": BF16 for n in range(1, 7)}}, ["fp8"]),
        ({"config.json": CONFIG, "pytorch_model.bin": b"x"}, ["fp8"]),
        ({"config.json": b"{}", "quantize_config.json": b'{"bits": 4}', "model.bin": b"x"}, ["gptq"]),
        ({"m.gguf": gguf_bytes([ARCHITECTURE], [LOW_TENSOR])}, ["gguf"]),
        ({"m.gguf": gguf_bytes([ARCHITECTURE], [FLOAT_TENSOR])}, []),
        ({"m.gguf": gguf_bytes([ARCHITECTURE], [LOW_TENSOR]), "model.safetensors": BF16}, []),
    ],
)  # fmt: skip
def test_configs_count_unless_headers_refute_them(
    server: HubServer, hub: HuggingFaceHub, tmp_path: Path, files: dict[str, bytes], methods: list[str]
) -> None:
    """A parent has the quantisations that its configs declare, unless all its headers show training precision."""
    served(server, tmp_path, files)
    found = parent_quantisations(hub, hub.resolve("lab/base"))
    assert found is not None
    assert [each.method for each in found] == methods


@pytest.mark.parametrize("config", [b"{", b'{"quantization_config": {}, "quantization_config": {"bits": 4}}'])
def test_what_cannot_be_read_is_unknown(server: HubServer, hub: HuggingFaceHub, tmp_path: Path, config: bytes) -> None:
    """A broken config leaves it open which forms a parent has."""
    served(server, tmp_path, {"config.json": config})
    assert parent_quantisations(hub, hub.resolve("lab/base")) is None


def test_a_gated_parent_is_unknown(server: HubServer, hub: HuggingFaceHub, tmp_path: Path) -> None:
    """A parent whose files are refused may have any form, and so may one that is not there."""
    served(server, tmp_path, {"config.json": CONFIG, "model.safetensors": FP8}, gated=True)
    names = Names(hub, MemoryStore())
    assert names.quantisations("lab/base") is None
    assert names.quantisations("lab/gone") is None


def test_a_parent_costs_one_request_and_is_read_once(server: HubServer, hub: HuggingFaceHub, tmp_path: Path) -> None:
    """Beyond the page that resolves its name, a parent without a quantisation costs its config, once a run."""
    served(server, tmp_path, {"config.json": b"{}", "model.safetensors": BF16})
    names = Names(hub, MemoryStore())
    names.find("lab/base")
    before = hub.cost().requests
    for _ in range(3):
        assert names.quantisations("lab/base") == ()
    assert hub.cost().requests == before + 1
