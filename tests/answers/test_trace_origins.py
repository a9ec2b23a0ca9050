"""`trace` says of each model which family and variants it has, and where that is stated."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from lineage_cli.main import main
from tests.support.weight_files import safetensors_bytes


def test_trace_names_family_and_variants_with_their_places(tmp_path: Path) -> None:
    """A quantised model without a known parent is shown with what its config, its card and its name state."""
    folder = tmp_path / "hub" / "org" / "colours-llama-7b-finetuned-GPTQ"
    folder.mkdir(parents=True)
    config = {"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "README.md").write_text("---\ntags: [colours]\n---\n", "utf-8")
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"a.weight": ("F32", (4,), bytes(16))}))
    shared = ["trace", f"org/{folder.name}", "--hub", str(tmp_path / "hub"), "--store", str(tmp_path / "a.db")]
    done = CliRunner().invoke(main, [*shared, "--format", "json"])
    (model,) = json.loads(done.stdout)["models"]
    assert model["base_family"]["value"] == "llama"
    assert [each["where"] for each in model["base_family"]["statements"]] == ["config", "name"]
    found = {each["type"]: (each["basis"], [s["where"] for s in each["statements"]]) for each in model["variants"]}
    assert found == {"fine-tuned": ("worded", ["name"]), "quantised": ("declared", ["config", "name"])}
    tree = CliRunner().invoke(main, shared).stdout
    assert "fine-tuned by its name" in tree
    assert "quantised by its config, name" in tree
