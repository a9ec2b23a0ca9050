"""The files of a model that a reference names."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.audit.policy.used_files import named_files
from lineage_schemas.reference import Reference

PARTS = ("model_index.json", "unet/model.fp16.safetensors", "vae/model.safetensors")
GGUF = ("x-Q4_K_M.gguf", "BF16/x-BF16-00001-of-00002.gguf")


@pytest.mark.parametrize(
    ("asked", "files", "found"),
    [
        ({"variant": "fp16"}, PARTS, ["unet/model.fp16.safetensors"]),
        ({"variant": "fp16"}, PARTS[1:], []),
        ({"variant": "fp16", "subfolder": "/unet/"}, PARTS, ["unet/model.fp16.safetensors"]),
        ({"variant": "fp16"}, ("model.fp16-00001-of-00002.safetensors",), ["model.fp16-00001-of-00002.safetensors"]),
        ({"subfolder": "une"}, PARTS, []),
        ({"selector": "q4_k_m"}, GGUF, ["x-Q4_K_M.gguf"]),
        ({"selector": "Q4_K"}, GGUF, []),
        ({"selector": "bf16"}, GGUF, ["BF16/x-BF16-00001-of-00002.gguf"]),
        ({"filename": "*-Q4*.gguf"}, GGUF, ["x-Q4_K_M.gguf"]),
        ({"filename": "BF16/"}, GGUF, ["BF16/x-BF16-00001-of-00002.gguf"]),
        ({"filename": "model.onnx"}, ("onnx/model.onnx",), ["onnx/model.onnx"]),
        ({"filename": "a[1].bin"}, ("a[1].bin",), ["a[1].bin"]),
    ],
)
def test_what_a_reference_names(asked: dict[str, Any], files: tuple[str, ...], found: list[str]) -> None:
    """Files, folders, variants and quantisations are found as loaders find them."""
    each = Reference(model="org/name", grade="certain", file="app.py", line=1, column=1, **asked)
    named = named_files(each, files)
    assert named is not None
    assert list(named.files) == found


def test_a_reference_that_names_the_model_alone_names_no_files() -> None:
    """The main weights of the model are what it loads."""
    assert named_files(Reference(model="org/name", grade="certain", file="app.py", line=1, column=1), PARTS) is None
