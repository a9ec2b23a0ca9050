"""Weight files and weight groups: decided from paths, the same by index, with names that outlive shards."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.groups import is_weight_file, model_file_by_study, shard_name, weight_groups
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import HeaderReader
from lineage.fingerprint.main_group import loader_of
from lineage_schemas.file import FileEntry
from lineage_schemas.weight_group import WeightGroup
from tests.support.shared import SHARED, needs_shared
from tests.support.weight_files import gguf_bytes, gguf_text


def groups(*paths: str, indexes: dict[str, object] | None = None) -> tuple[WeightGroup, ...]:
    """Group a tree of paths."""
    contents = {path: json.dumps(content).encode() for path, content in (indexes or {}).items()}
    entries = [FileEntry(path=path) for path in [*paths, *contents]]
    return weight_groups(entries, contents.get if indexes is not None else None)


def names(*paths: str) -> list[str]:
    """Group a tree of paths and name the groups, the main one first."""
    found = groups(*paths)
    assert [group.main for group in found] == [True] + [False] * (len(found) - 1)
    return [group.name for group in found]


def shards(stem: str, count: int, suffix: str = ".safetensors", first: int = 1) -> list[str]:
    """Name the files of a shard set."""
    return [f"{stem}-{number:05d}-of-{count:05d}{suffix}" for number in range(first, count + first)]


@pytest.mark.parametrize(
    "path",
    [
        "model.safetensors", "pytorch_model.bin", "adapter_model.bin", "diffusion_pytorch_model.fp16.bin", "a.ckpt",
        "mm_projector.bin", "consolidated.00.pth", "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "vocoder.pt",
        "onnx/model.onnx", "onnx/model.onnx_data", "weights.npz", "a.Q4_K_M.gguf", "ggml-model-q4_0.bin",
        "gptq_model-4bit-128g.bin", "model.tflite", "q-learning.pkl", "stylegan2-ffhq.pkl", "voice.nemo",
        "variables/variables.data-00000-of-00001", "coreml/a.mlpackage/Data/com.apple.CoreML/weights/weight.bin",
        "params_shard_7.bin", "qwen-72b.Q4_K_M.gguf.a", "big.Q8_0.gguf-split-b", "checkpoint-500/model.safetensors",
        "openvino_model.bin", "pygmalion-350m.bin", "pytorch_lora_weights.safetensors", "learned_embeds.bin",
        "x-Q4_K_M-imatrix.gguf", "x.imatrix.IQ4_XS.gguf", "imatrices.gguf", "policy.pth", "model_optimized.onnx",
        "Scheduler-7B-chat.safetensors.Q4_0.gguf", "MODEL.SAFETENSORS",
    ],
)  # fmt: skip
def test_weight_files(path: str) -> None:
    """Files that hold parameters for use are weight files."""
    assert is_weight_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "imatrix.gguf", "X-imatrix.gguf", "X.imatrix.gguf", "x_imatrix.gguf", "sub/X-F16-imatrix.gguf", "imatrix.dat",
        "X-imatrix.gguf.part1of2", "imatrix_unsloth.gguf", "imatrix-X-Q8_0.gguf", "x-imatrix_unsloth.gguf",
        "training_args.bin", "training_args (1).bin", "training_args-2.bin", "optimizer.pt", "optimizer.bin",
        "scheduler.pt",
        "rng_state.pth", "rng_state_0.pth", "random_states_0.pkl", "scaler.pt", "policy.optimizer.pth", "vocab.bin",
        "global_step500/mp_rank_00_model_states.pt", "global_step5/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
        "tokenizer.model", "tokenizer.pt", "spiece.model",
        "model.safetensors.index.json",
        "config.json", "README.md", "language_model/5gram.bin", "header.bin", "data_level0.bin", "train.npz",
        "events.out.tfevents.1700000000.host.1.0", "keras_metadata.pb", "saved_model.pb", "vec_normalize.pkl",
        "coreml/a.mlpackage/Manifest.json", "model.safetensors.md", "weights", "safetensors", "",
    ],
)  # fmt: skip
def test_other_files(path: str) -> None:
    """Training state, tokenizers, data and texts are not weight files."""
    assert not is_weight_file(path)


def test_study_counts_by_extension_alone() -> None:
    """The study's model files include tokenizers and training arguments, and leave GGUF, H5 and the like out."""
    assert all(map(model_file_by_study, ["tokenizer.model", "training_args.bin", "optimizer.pt", "a.meta", "A.PB"]))
    assert not any(map(model_file_by_study, ["a.gguf", "a.h5", "a.msgpack", "a.pkl", "a.npz", "README.md", "bin"]))


def test_shards_and_the_one_file_have_one_name() -> None:
    """A group keeps its name when its shards become one file."""
    for stem, suffix in [
        ("model", ".safetensors"),
        ("pytorch_model", ".bin"),
        ("unet/diffusion_pytorch_model", ".bin"),
    ]:
        (sharded,) = groups(*shards(stem, 3, suffix))
        (single,) = groups(stem + suffix)
        assert sharded.name == single.name == stem + suffix
        assert (sharded.declared_shards, sharded.complete) == (3, True)
        assert (single.declared_shards, single.complete) == (None, None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("model-00001-of-00002.safetensors", "model.safetensors"),
        ("model_00001-of-00002.safetensors", "model.safetensors"),
        ("model-1-of-3.safetensors", "model.safetensors"),
        ("model.fp16-00001-of-00002.safetensors", "model.fp16.safetensors"),
        ("model-00001-of-00002.fp16.safetensors", "model.fp16.safetensors"),
        ("model.safetensors-00001-of-00002.safetensors", "model.safetensors"),
        ("te/model-00001-of-00002.safetensors", "te/model.safetensors"),
        ("Q8/x-Q8_0-00001-of-00003.gguf", "Q8/x-Q8_0.gguf"),
        ("x-IQ4.split-00002-of-00003.gguf", "x-IQ4.gguf"),
        ("x.Q4_K_M.gguf.a", "x.Q4_K_M.gguf"),
        ("x.Q4_K_M.gguf-split-b", "x.Q4_K_M.gguf"),
        ("x.gguf.part1of2", "x.gguf"),
        ("consolidated.03.pth", "consolidated.pth"),
        ("params_shard_12.bin", "params_shard.bin"),
        ("onnx/model.onnx_data", "onnx/model.onnx"),
        ("onnx/model_q4.onnx_data_1", "onnx/model_q4.onnx"),
        ("model.ckpt.data-00000-of-00001", "model.ckpt.data"),
        ("pytorch_model_1.bin", "pytorch_model_1.bin"),
        ("lora-rank-16.safetensors", "lora-rank-16.safetensors"),
        ("a.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "a.mlpackage"),
    ],
)
def test_names_without_shard_numbers(path: str, name: str) -> None:
    """A file's group is named by its folder and its stem without shard numbers."""
    assert shard_name(path).group == name


def test_missing_shards_are_told() -> None:
    """A set that lacks shards is incomplete, with the number that its names declare."""
    (group,) = groups(*shards("model", 7)[1:5])
    assert (group.declared_shards, group.complete) == (7, False)


def test_shards_counted_from_zero() -> None:
    """Sets that count from 0 are complete, whether their names give the number of files or the last number."""
    (usual,) = groups(*shards("model", 3, first=0))
    assert (usual.declared_shards, usual.complete) == (3, True)
    (odd,) = groups(*[f"model-{number:05d}-of-00002.safetensors" for number in range(3)])
    assert (odd.declared_shards, odd.complete) == (3, True)


def test_same_weights_twice_keep_two_names() -> None:
    """A single file takes the name before shards do, and a complete set before an incomplete one."""
    assert names("model.safetensors", *shards("model", 2)) == ["model.safetensors", "model-of-00002.safetensors"]
    found = {group.name: group.files for group in groups(*shards("model", 2), *shards("model", 3)[:2])}
    assert found["model.safetensors"] == tuple(shards("model", 2))
    assert found["model-of-00003.safetensors"] == tuple(shards("model", 3)[:2])


def test_index_agrees_with_names() -> None:
    """An index and the names of its shards give the same group."""
    paths = shards("model", 3)
    weight_map = {f"layer.{number}": path for number, path in enumerate(paths)}
    with_index = groups(*paths, indexes={"model.safetensors.index.json": {"weight_map": weight_map}})
    without = groups(*paths, "model.safetensors.index.json")
    assert with_index == without
    assert without[0].index == "model.safetensors.index.json"


def test_index_decides_where_names_do_not() -> None:
    """Files without shard numbers are a set where the index lists them together."""
    index = {"weight_map": {"a": "language.safetensors", "b": "vision.safetensors", "c": "language.safetensors"}}
    (group,) = groups("language.safetensors", "vision.safetensors", indexes={"model.safetensors.index.json": index})
    assert group.name == "model.safetensors"
    assert group.files == ("language.safetensors", "vision.safetensors")
    assert (group.declared_shards, group.complete) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [b"no json", b"[]", b'{"weight_map": []}', b'{"weight_map": {"a": 1}}', b"[" * 100_000, b"\xff", b"",
     b"[" + b"[]," * 2_000_000 + b"0]",
     b'{"weight_map": {"a": "../../etc/passwd"}}', b'{"weight_map": {"a": "gone-00001-of-00002.safetensors"}}'],
)  # fmt: skip
def test_senseless_index_is_passed_over(content: bytes) -> None:
    """A file that is not a valid index, or names files elsewhere or gone, leaves the decision to the names."""
    paths = [*shards("model", 2), "model.safetensors.index.json"]
    entries = [FileEntry(path=path) for path in paths]
    assert weight_groups(entries, lambda _: content) == weight_groups(entries)


def test_variant_index_of_diffusers() -> None:
    """The index of a variant belongs to that variant's shards."""
    paths = [f"unet/diffusion_pytorch_model-0000{number}-of-00002.fp16.safetensors" for number in (1, 2)]
    index = "unet/diffusion_pytorch_model.safetensors.index.fp16.json"
    (group,) = groups(*paths, index)
    assert (group.name, group.variant, group.index) == (
        "unet/diffusion_pytorch_model.fp16.safetensors", "fp16", index,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "main"),
    [
        (["pytorch_model.bin", "model.safetensors", "tf_model.h5"], "model.safetensors"),
        (["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"], "pytorch_model.bin"),
        (["model.fp16.safetensors", "model.safetensors"], "model.safetensors"),
        (["model.fp16.safetensors", "pytorch_model.bin"], "model.fp16.safetensors"),
        (["adapter_model.safetensors", "adapter_model.bin"], "adapter_model.safetensors"),
        (["adapter_model.safetensors", "model.safetensors"], "model.safetensors"),
        (["adapter_model.safetensors", "x.Q4_K_M.gguf"], "adapter_model.safetensors"),
        (["mm_projector.bin", "pytorch_model.bin"], "pytorch_model.bin"),
        (["mmproj-f16.gguf", "x.Q5_0.gguf", "x.Q8_0.gguf"], "x.Q5_0.gguf"),
        (["x.F16.gguf", "x.q4_k_m.gguf", "x.Q2_K.gguf"], "x.q4_k_m.gguf"),
        (["Q8_0/x-Q8_0-00001-of-00002.gguf", "x-Q4_K_M.gguf"], "x-Q4_K_M.gguf"),
        (["original/consolidated.00.pth", *shards("model", 2)], "model.safetensors"),
        (["checkpoint-10/model.safetensors", "checkpoint-9/model.safetensors"], "checkpoint-10/model.safetensors"),
        (["checkpoint-10/model.safetensors", "adapter_model.bin"], "adapter_model.bin"),
        (["onnx/model.onnx", "model.safetensors"], "model.safetensors"),
        (["onnx/model.onnx", "onnx/model_quantized.onnx"], "onnx/model.onnx"),
        (["model_index.json", "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
          "vae/diffusion_pytorch_model.safetensors", "sd_v1.ckpt"], "unet/diffusion_pytorch_model.safetensors"),
        (["model_index.json", "text_encoder/model.safetensors", "transformer/diffusion_pytorch_model.safetensors",
          "vae/diffusion_pytorch_model.safetensors"], "transformer/diffusion_pytorch_model.safetensors"),
        (["gptq_model-4bit-128g.safetensors", "codec.pth"], "gptq_model-4bit-128g.safetensors"),
        (["2_Dense/model.safetensors", "model.safetensors"], "model.safetensors"),
        (["consolidated.safetensors", *shards("model", 2), "config.json", "params.json"], "model.safetensors"),
        (["consolidated.safetensors", "pytorch_model.bin", "config.json"], "pytorch_model.bin"),
        (["consolidated.safetensors", "model.safetensors"], "model.safetensors"),
        (["consolidated.safetensors", "model.safetensors", "params.json"], "consolidated.safetensors"),
        (["consolidated.safetensors", "model.safetensors", "params.json", "vae/config.json"],
         "consolidated.safetensors"),
        (["consolidated.00.pth", "consolidated.01.pth", "tf_model.h5", "config.json"], "tf_model.h5"),
        (["consolidated.safetensors", "adapter_model.safetensors", "config.json"], "consolidated.safetensors"),
        (["a/consolidated.safetensors", "a/model.safetensors", "a/params.json", "config.json"],
         "a/consolidated.safetensors"),
    ],
)  # fmt: skip
def test_main_group(paths: list[str], main: str) -> None:
    """The main group is the one that the repository's standard loader takes, whatever the order of the files."""
    assert names(*paths)[0] == main
    assert names(*reversed(paths))[0] == main


GGUF_TYPES = {"model": [("general.type", 8, gguf_text("model"))], "mmproj": [("general.type", 8, gguf_text("mmproj"))],
              "imatrix": [("general.type", 8, gguf_text("imatrix"))],
              "adapter": [("general.type", 8, gguf_text("adapter"))],
              "clip": [("general.architecture", 8, gguf_text("clip"))],
              "silent": [("general.architecture", 8, gguf_text("llama"))]}  # fmt: skip


def names_with_headers(contents: dict[str, bytes]) -> list[str]:
    """Group a tree whose files can be opened, and name the groups, the main one first."""
    asked: Counter[str] = Counter()

    def opened(path: str) -> tuple[Read, int | None]:
        asked[path] += 1
        return (lambda start, length: contents[path][start : start + length]), len(contents[path])

    found = weight_groups([FileEntry(path=path) for path in contents], None, HeaderReader(opened, is_local=True))
    assert set(asked.values()) <= {1}
    return [group.name for group in found]


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ({"A.gguf": "mmproj", "b.gguf": "model"}, ["b.gguf", "A.gguf"]),
        ({"A.gguf": "adapter", "B.gguf": "clip", "c.gguf": "silent"}, ["c.gguf", "A.gguf", "B.gguf"]),
        ({"A.gguf": "imatrix", "b.Q8_0.gguf": "model"}, ["b.Q8_0.gguf", "A.gguf"]),
        ({"x-Q8_0-imatrix.gguf": "imatrix", "x-Q8_0.gguf": "model"}, ["x-Q8_0.gguf"]),
        ({"x-Q8_0-imatrix.gguf": "model", "x-Q9_0.gguf": "model"}, ["x-Q8_0-imatrix.gguf", "x-Q9_0.gguf"]),
        ({"A.gguf": "mmproj", "B.gguf": "adapter"}, ["A.gguf", "B.gguf"]),
        ({"alone.gguf": "mmproj"}, ["alone.gguf"]),
        ({"A.gguf": "broken", "b.gguf": "model"}, ["A.gguf", "b.gguf"]),
    ],
)
def test_headers_of_gguf_files_decide_which_is_main(files: dict[str, str], groups: list[str]) -> None:
    """What its header calls a projector, an adapter or calibration data is not main beside a model."""
    contents = {path: gguf_bytes(GGUF_TYPES[kind]) if kind in GGUF_TYPES else b"GGUX" for path, kind in files.items()}
    assert names_with_headers(contents) == groups


@pytest.mark.parametrize(
    ("name", "paths", "loader"),
    [
        ("model.safetensors", ["config.json", "params.json"], "transformers"),
        ("consolidated.safetensors", ["params.json"], "its authors' code, by params.json"),
        ("unet/diffusion_pytorch_model.safetensors", ["model_index.json", "unet/config.json"], "diffusers"),
        ("x.Q4_K_M.gguf", ["config.json"], "llama.cpp"),
        ("onnx/model.onnx", ["config.json"], "ONNX Runtime"),
        ("adapter_model.safetensors", ["adapter_config.json"], "PEFT"),
        ("encoder/model.safetensors", ["config.json"], None),
        ("model.safetensors", [], None),
    ],
)  # fmt: skip
def test_loader_of_the_main_group(name: str, paths: list[str], loader: str | None) -> None:
    """Which loader takes a group follows from its name and the files beside it, or is not known."""
    assert loader_of(name, [name, *paths]) == loader


@pytest.mark.parametrize(
    ("path", "variant"),
    [
        ("model.safetensors", None), ("model.fp16.safetensors", "fp16"), ("x.Q4_K_M.gguf", "Q4_K_M"),
        ("qwen2-1_5b-instruct-q4_k_m.gguf", "Q4_K_M"), ("x-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("x-IQ3_XXS.gguf", "IQ3_XXS"),
        ("x-bf16.gguf", "BF16"), ("x-MXFP4.gguf", "MXFP4"), ("plain.gguf", None), ("onnx/model_q4f16.onnx", "q4f16"),
        ("onnx/decoder_model_quantized.onnx", "quantized"), ("gptq_model-4bit-128g.safetensors", "4bit-128g"),
        ("WizardLM-GPTQ-4bit--1g.act.order.safetensors", "4bit--1g.act.order"),
    ],
)  # fmt: skip
def test_variants(path: str, variant: str | None) -> None:
    """A group's variant is read from its name."""
    assert groups(path)[0].variant == variant


def test_components_and_formats() -> None:
    """A folder is a component; formats follow from paths."""
    found = {group.name: group for group in groups(
        "original/model.safetensors", "metal/model.bin", "onnx/model.onnx", "x.Q4_0.gguf", "x.Q8_0.gguf",
        "ggml-model-q4_0.bin", "openvino_model.bin", "flax_model.msgpack",
    )}  # fmt: skip
    assert found["original/model.safetensors"].component == "original"
    assert {group.format for group in found.values()} == {
        "safetensors", "pytorch", "onnx", "gguf", "ggml", "openvino", "flax",
    }  # fmt: skip
    assert len(found) == 8


def test_onnx_data_belongs_to_its_model() -> None:
    """External data of an ONNX model is of its group."""
    (group,) = groups("onnx/model.onnx", "onnx/model.onnx_data", "onnx/model.onnx_data_1")
    assert len(group.files) == 3


def test_no_weights_no_groups() -> None:
    """A tree without weight files has no groups."""
    assert groups("README.md", "training_args.bin", "model.safetensors.index.json") == ()


PARTS = st.sampled_from(
    ["model", "pytorch_model", "adapter_model", "x.Q4_0", "consolidated", "model-00001-of-00002",
     "model_00002-of-00002", "model-00001-of-00003", "model.fp16", "model.safetensors", "training_args", "gptq-4bit"]
)  # fmt: skip
FOLDERS = st.sampled_from(["", "unet/", "onnx/", "original/", "checkpoint-5/", "a/b/"])
SUFFIXES = st.sampled_from([".safetensors", ".bin", ".gguf", ".onnx", ".pth", ".safetensors.index.json", ".json"])


@given(st.lists(st.builds(lambda a, b, c: a + b + c, FOLDERS, PARTS, SUFFIXES), max_size=12))
def test_every_weight_file_is_in_exactly_one_group(paths: list[str]) -> None:
    """Groups part the weight files: each is in exactly one, names differ, and one group is main."""
    found = groups(*paths)
    assert sorted(path for group in found for path in group.files) == sorted({p for p in paths if is_weight_file(p)})
    assert len({group.name for group in found}) == len(found)
    assert sum(group.main for group in found) == (1 if found else 0)


@needs_shared
def test_real_indexes_agree_with_names() -> None:
    """On recorded index files the set by index is the set by names."""
    checked = 0
    for path in sorted((SHARED / "data" / "indexes").iterdir()):
        content = path.read_bytes()
        name = ".".join(path.name.split(".")[-4:])
        if not content.startswith(b"{"):
            continue  # an LFS pointer is in its place
        files = sorted(set(json.loads(content)["weight_map"].values()))
        if not all(PurePosixPath(file).name == file and "-of-" in file for file in files):
            continue
        entries = [FileEntry(path=file) for file in [*files, name]]
        by_index, by_name = weight_groups(entries, {name: content}.get), weight_groups(entries)
        assert by_index == by_name, path.name
        checked += 1
    assert checked >= 15


@needs_shared
def test_recorded_listings_have_sane_groups() -> None:
    """On 1,701 recorded file listings each weight file is in one group and one group is main."""
    for name in ("models_with_base.jsonl", "models_without_base.jsonl"):
        for line in (SHARED / "data" / "api" / name).read_text().splitlines():
            siblings = json.loads(line).get("siblings") or []
            paths = [item["rfilename"] if isinstance(item, dict) else item for item in siblings]
            found = groups(*paths)
            assert sorted(p for group in found for p in group.files) == sorted({p for p in paths if is_weight_file(p)})
            assert sum(group.main for group in found) == (1 if found else 0)
