"""Declarations out of broken and hostile files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.declared import as_json, declared, parents, recipe


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("adapter_config.json", None),
        ("adapter_config.json", b"{"),
        ("adapter_config.json", b"[]"),
        ("adapter_config.json", b"\xff\xfe{}"),
        ("adapter_config.json", b"[" * 100_000),
        ("adapter_config.json", b'{"a": ' + b"9" * 5000 + b"}"),
        ("adapter_config.json", b'{"a": "' + b"x" * 10_000_000 + b'"}'),
        ("config.json", b"{} {}"),
        ("mergekit_config.yml", b"models: ["),
        ("mergekit_config.yml", b"[" * 50_000),
        ("mergekit_config.yml", b"- a"),
        ("mergekit_config.yml", b"d: *nothing"),
        ("mergekit_config.yml", b"? {a: b}\n: c"),
        ("mergekit_config.yml", b"!!python/object/apply:os.system [ls]"),
        ("mergekit_config.yml", b"#" * 300_000),
    ],
)
def test_broken_files_are_unreadable_and_nothing_else(path: str, data: bytes | None) -> None:
    """A file that is missing, broken, huge or deep declares nothing, and is reported with a reason."""
    (found,) = declared({path: data})
    assert (found.kind, found.file) == ("unreadable", path)
    assert found.problem


def test_what_the_snapshot_could_not_read_is_unreadable() -> None:
    """A card or config that the Hub's reader could not read is reported, and not read again."""
    found = declared({"config.json": b"{}"}, unreadable={"README.md": "no YAML", "config.json": "no JSON"})
    assert [(d.file, d.problem) for d in found] == [("README.md", "no YAML"), ("config.json", "no JSON")]


def test_hostile_recipe_ends_soon() -> None:
    """Aliases that unfold to billions of references are followed for a while only."""
    text = "s: &s [" + ",".join(f"{{model: m{n}/x}}" for n in range(2000)) + "]\n"
    text += "p: &p {sources: *s}\nslices: [" + ",".join(["*p"] * 5000) + "]\nbase_model: &l [1]\n"
    assert len(recipe(text)) == 2001


def test_hostile_card_is_cut() -> None:
    """A card with a hundred thousand bases ends in a note, and a list inside itself in a problem."""
    found = declared(card={"base_model": [f"a/m{n}" for n in range(100_000)]})
    assert len(found) == 2001
    assert found[-1].kind == "unreadable"
    loop: list[Any] = []
    loop.append(loop)
    assert parents(declared(card={"base_model": [loop], "tags": loop, "new_version": loop}))[0] == (
        "base_model[0]",
        None,
    )


def test_lone_surrogates_do_not_get_in() -> None:
    """JSON can carry halves of characters that no text may hold."""
    (_, found) = declared({"adapter_config.json": b'{"base_model_name_or_path": "a/\\ud800"}'})
    assert found.value == "a/?"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
card_keys = st.sampled_from(["base_model", "base_model_relation", "tags", "new_version"])
config_keys = st.sampled_from(["_name_or_path", "quantization_config", "quantization", "peft_type", "revision",
                               "base_model_name_or_path", "bits"])  # fmt: skip
recipe_keys = st.sampled_from(["models", "slices", "base_model", "merge_method", "modules", "experts", "name"])
inner_keys = st.sampled_from(["model", "sources", "lora", "path", "revision", "models", "slices", "source_model"])
recipe_values = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    card=st.dictionaries(card_keys, json_values),
    config=st.dictionaries(config_keys, json_values),
    merge=st.dictionaries(recipe_keys, recipe_values),
    header=st.dictionaries(st.sampled_from(["general.file_type", "general.type", "general.base_model.0.repo_url"]),
                           json_values),
)  # fmt: skip
def test_anything_in_any_field_is_survived(
    card: dict[str, Any], config: dict[str, Any], merge: dict[str, Any], header: dict[str, Any]
) -> None:
    """Whatever stands in the fields, reading ends, and every parent has a name or a problem."""
    names = ("adapter_config.json", "model_index.json", "quantize_config.json")
    files = {
        **dict.fromkeys(names, as_json(config)), "config.json": b"", "m.gguf": b"",
        "mergekit_config.yml": yaml.safe_dump(merge).encode(),
    }  # fmt: skip
    for found in declared(files, card=card, config=config, gguf={"m.gguf": header}):
        if found.kind == "parent":
            assert (found.name is None) == (found.problem is not None)
            assert found.value is not None
