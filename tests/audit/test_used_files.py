"""The files of a model that a reference names."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.audit.used_files import main_weights, named_files, used_weights
from lineage_schemas.reference import Reference

KINDS = ("bin", "safetensors", "fp16.safetensors")
PARTS = ("model_index.json", "unet/model.fp16.safetensors", "vae/model.safetensors")
BOTH = ("model.safetensors", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
PIPELINE = (
    "model_index.json",
    *(f"{part}/diffusion_pytorch_model.{kind}" for part in ("unet", "vae") for kind in KINDS),
)
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


@pytest.mark.parametrize(
    ("asked", "files", "found"),
    [
        ({}, BOTH, ["model.safetensors"]),
        ({"use_safetensors": False}, BOTH, list(BOTH[1:])),
        ({"use_safetensors": False}, BOTH[:1], ["model.safetensors"]),
        ({"use_safetensors": True}, BOTH, ["model.safetensors"]),
        ({"filename": "pytorch_model-00001-of-00002.bin"}, BOTH, list(BOTH[1:])),
        ({}, PIPELINE, [PIPELINE[2], PIPELINE[5]]),
        ({"use_safetensors": False}, PIPELINE, [PIPELINE[1], PIPELINE[4]]),
        ({"variant": "fp16"}, PIPELINE[:4] + PIPELINE[4:6], [PIPELINE[3], PIPELINE[5]]),
        ({"variant": "fp32"}, PIPELINE, [PIPELINE[2], PIPELINE[5]]),
        ({"subfolder": "vae"}, PIPELINE, [PIPELINE[5]]),
        ({"selector": "Q4_K_M"}, (*GGUF, "mmproj-x.gguf"), ["mmproj-x.gguf", "x-Q4_K_M.gguf"]),
        ({"selector": "Q2_K"}, GGUF, ["BF16/x-BF16-00001-of-00002.gguf", "x-Q4_K_M.gguf"]),
    ],
)
def test_which_weights_a_reference_loads(asked: dict[str, Any], files: tuple[str, ...], found: list[str]) -> None:
    """What is named counts with all its shards and parts, else what the standard loader takes."""
    each = Reference(model="org/name", grade="certain", file="app.py", line=1, column=1, **asked)
    assert sorted(used_weights([each], files)) == sorted(found)


def test_the_main_weights_are_all_shards_of_the_main_group() -> None:
    """A lock has their digests."""
    assert main_weights(BOTH[1:]) == set(BOTH[1:])
