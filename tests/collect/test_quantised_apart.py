"""Configs of quantisation apart from config.json: files of AutoGPTQ and AutoAWQ give what config.json gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage_schemas.answers.fingerprint import GroupSampled
from tests.fingerprint.values.test_hostile_layouts import parts_of
from tests.fingerprint.values.test_layouts import config_of
from tests.support.hub_server import HubServer
from tests.support.weight_files import safetensors_bytes

GPTQ, AWQ = "gptq-4bit-act-asym", "awq"
OLD_AWQ = {"zero_point": True, "q_group_size": None, "w_bit": 4, "version": "GEMM"}


def inside(name: str) -> dict[str, Any]:
    """Give the quantization_config of a fixture."""
    found: dict[str, Any] = config_of(name)["quantization_config"]
    return found


def apart(kind: str) -> tuple[str, str, dict[str, Any]]:
    """Give a fixture, the file apart from config.json, and what an old version of a library writes into it."""
    gptq = {key: value for key, value in inside(GPTQ).items() if key in ("bits", "group_size", "desc_act", "sym")}
    awq = {**OLD_AWQ, "q_group_size": inside(AWQ)["group_size"]}
    return {
        "old AutoGPTQ": (GPTQ, "quantize_config.json", {**gptq, "damp_percent": 0.01, "true_sequential": True}),
        "AutoGPTQ": (GPTQ, "quantize_config.json", {**gptq, "quant_method": "gptq"}),
        "AutoGPTQ without a method": (GPTQ, "quantize_config.json", {**gptq, "quant_method": None}),
        "AutoAWQ": (AWQ, "quant_config.json", awq),
        "AutoAWQ with other keys": (AWQ, "quant_config.json", {"bits": 4, "group_size": awq["q_group_size"]}),
        "AWQ of AutoGPTQ": (AWQ, "quantize_config.json", awq),
    }[kind]


KINDS = (
    "old AutoGPTQ", "AutoGPTQ", "AutoGPTQ without a method", "AutoAWQ", "AutoAWQ with other keys", "AWQ of AutoGPTQ",
)  # fmt: skip


def write(folder: Path, fixture: str, config: dict[str, Any], **others: dict[str, Any]) -> None:
    """Write a model with its config.json and other configs, whose names are given without `.json`."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(safetensors_bytes(parts_of(fixture)))
    for name, content in {"config": config, **others}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def sampled(hub: Path, model: str) -> GroupSampled:
    """Sample a model of a folder of models."""
    with Session(hub_selector=str(hub), offline=True) as session:
        found = fingerprint(session, model, sample=True).groups[0].sample
    assert found is not None
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("within", [{}, {"quantization_config": None}, {"quantization_config": {"bits": 4}}], ids=str)
def test_a_file_apart_is_read_as_config_json_is(kind: str, within: dict[str, Any], tmp_path: Path) -> None:
    """The sketch is that of the same weights whose config.json has all."""
    fixture, name, content = apart(kind)
    config = {key: value for key, value in config_of(fixture).items() if key != "quantization_config"}
    write(tmp_path / "org" / "new", fixture, config_of(fixture))
    write(tmp_path / "org" / "old", fixture, {**config, **within}, **{name.removesuffix(".json"): content})
    new, old = sampled(tmp_path, "org/new"), sampled(tmp_path, "org/old")
    assert new.digest is not None
    assert (old.digest, old.arch, old.method, old.unread) == (new.digest, new.arch, new.method, new.unread)


def test_what_config_json_declares_comes_first(tmp_path: Path) -> None:
    """A file apart that says otherwise is not read where config.json names a method."""
    write(tmp_path / "org" / "new", AWQ, config_of(AWQ))
    write(tmp_path / "org" / "both", AWQ, config_of(AWQ), quantize_config={"bits": 8, "group_size": 16})
    assert sampled(tmp_path, "org/both").digest == sampled(tmp_path, "org/new").digest


def test_a_config_of_onnx_files_declares_nothing(tmp_path: Path) -> None:
    """A quantize_config.json of transformers.js has no bits: codes stay unread, and the other file is looked at."""
    onnx = {"per_channel": True, "reduce_range": True}
    write(tmp_path / "org" / "onnx", GPTQ, {}, quantize_config=onnx)
    assert sampled(tmp_path, "org/onnx").digest is None
    write(tmp_path / "org" / "awq", AWQ, {}, quantize_config=onnx, quant_config=apart("AutoAWQ")[2])
    assert sampled(tmp_path, "org/awq").method == "awq"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    """Serve an old model of AutoAWQ."""
    write(tmp_path / "hub" / "org" / "old", AWQ, {}, quant_config=apart("AutoAWQ")[2])
    with HubServer() as hub:
        hub.fill(tmp_path / "hub", tmp_path / "served")
        yield hub


@pytest.mark.slow
def test_the_file_is_read_over_the_network(server: HubServer, tmp_path: Path) -> None:
    """A model on a Hub gives the sketch of the folder."""
    with Session(settings=server.settings(tmp_path / "away")) as session:
        away = fingerprint(session, "org/old", sample=True).groups[0].sample
    assert away is not None
    assert away.digest == sampled(tmp_path / "hub", "org/old").digest
