"""Code of a repository that a loader runs: where it is named, and when it is known that there is none."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.audit.policy.code import MAX_CONFIGS, about_code, files_with_code, may_have_code
from lineage.audit.policy.facts import Asked, FileText, ModelFacts
from lineage_schemas.reference import Reference


def reference(**asked: Any) -> Reference:
    """Make a reference of a product."""
    return Reference(model="org/name", grade="certain", file="app.py", line=1, column=1, **asked)


def facts(configs: dict[str, dict[str, Any] | None], *files: str, **asked: Any) -> ModelFacts:
    """Make the facts of a model with these configs and files."""
    using = Asked("c" * 40, "commit", "c" * 40, (reference(**asked),))
    texts = tuple(FileText(path, value) for path, value in configs.items())
    return ModelFacts(
        id="org/name", used=True, state="present", commit="c" * 40, asked=(using,), files=(*configs, *files),
        configs=texts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "config", "file", "field"),
    [
        ("enc/config.json", {"auto_map": {"AutoModel": "m.M"}}, "enc/m.py", "auto_map"),
        ("modules.json", {"modules": [{"type": "custom_st.Transformer"}]}, "custom_st.py", "type"),
        ("modules.json", {"modules": [{"type": "org/code--custom_st.Transformer"}]}, "a.txt", "type"),
        ("router_config.json", {"types": {"q": "custom_st.Query"}}, "custom_st.py", "type"),
        ("model_index.json", {"unet": ["my_unet", "Unet"]}, "unet/my_unet.py", "unet"),
        ("model_index.json", {"_class_name": ["pipeline", "Mine"]}, "pipeline.py", "_class_name"),
        ("modules.json", {"modules": [{"type": "sentence_transformers.models.Pooling"}]}, "a.txt", None),
        ("modules.json", {"modules": {"type": 1}, "types": [1]}, "a.txt", None),
        ("model_index.json", {"unet": ["diffusers", "Unet"], "x": [1, 2], "y": None}, "a.txt", None),
    ],
)
def test_code_is_named_in_several_ways(path: str, config: dict[str, Any], file: str, field: str | None) -> None:
    """A warning names the config and the field where the product trusts the code; library classes are none."""
    model = facts({path: config}, file, trust_remote_code=True)
    problems = list(about_code(model))
    assert [(each.pointer.file, each.pointer.field, each.severity) for each in problems] == (
        [] if field is None else [(path, field, None)]
    )
    assert may_have_code(model) is (field is not None)


def test_only_what_was_read_has_no_code() -> None:
    """A program anywhere, a config that was not read and unknown files may be code."""
    plain: dict[str, dict[str, Any] | None] = {"config.json": {}}
    assert not may_have_code(facts(plain, "model.safetensors"))
    assert may_have_code(facts(plain, "custom_generate/generate.py"))
    assert may_have_code(facts(plain, "vae/config.json"))
    assert may_have_code(facts({"config.json": None}))
    assert may_have_code(ModelFacts(id="org/name", used=True, state="present"))


def test_configs_of_the_folders_that_are_loaded_are_read() -> None:
    """Without trust those of the root and of the named folders, with trust those of all folders up to a bound."""
    files = dict.fromkeys(("config.json", "enc/config.json", "vae/config.json", "enc/other.json"))
    assert files_with_code(files) == ["config.json"]
    assert files_with_code(files, (reference(subfolder="./enc/"),)) == ["config.json", "enc/config.json"]
    trusting = (reference(trust_remote_code=True),)
    assert files_with_code(files, trusting) == ["config.json", "enc/config.json", "vae/config.json"]
    many = {**files, **{f"checkpoint-{each}/config.json": None for each in range(50)}}
    found = files_with_code(many, trusting)
    assert len(found) == MAX_CONFIGS
    assert "config.json" in found


@pytest.mark.parametrize(("filename", "found"), [("pipeline.py", ["pipeline.py"]), ("*.json", []), (None, [])])
def test_a_program_that_the_product_names_is_code(filename: str | None, found: list[str]) -> None:
    """A pipeline of diffusers runs without `trust_remote_code`, and a download of a program is for running it."""
    problems = list(about_code(facts({"config.json": {}}, "pipeline.py", filename=filename)))
    assert [each.pointer.file for each in problems if each.severity is None] == found
