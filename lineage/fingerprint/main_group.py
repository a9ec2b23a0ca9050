"""The main group: the one that the standard loader of a repository takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from lineage.fingerprint.weight_files import weight_format, weight_suffix
from lineage.hub.bounds import index_of
from lineage_schemas.weight_group import WeightGroup

_QUANT = re.compile(
    r"(?:^|[-_.])(?P<quant>(?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_[A-Z]+)*|BF16|FP?16|FP?32))(?=$|[-_.])",
    re.I,
)
_ONNX_VARIANT = re.compile(r"_(fp16|fp32|quantized|optimized|int8|uint8|bnb4|q4|q4f16|q8)$", re.I)
_GPTQ_VARIANT = re.compile(r"[-_.](\d+bit(?:-+\d+g)?(?:\.[\w-]*act[-.]order)?)$", re.I)

_FULL_MODEL = {
    "model", "pytorch_model", "diffusion_pytorch_model", "open_clip_pytorch_model", "open_clip_model", "tf_model",
    "flax_model", "rust_model", "consolidated", "weights", "output", "diffusion_flax_model",
}  # fmt: skip
"""Stems under which loaders look for a whole model."""

_OF_THE_AUTHORS = "consolidated"
"""The stem in the layout of Llama's and Mistral's own code, which reads `params.json` and no `config.json`."""

_ADAPTER = re.compile(
    r"^(adapter_model|adapters?|pytorch_lora_weights|ggml-adapter-model)$|(^|[-_.])lora([-_.]|$)", re.I
)

_PART = re.compile(
    r"mm_?proj|(^|[-_.])(vae|vocoder|codec|embeds|learned_embeds|head|controlnet|text_encoder|clip|draft|mtp)([-_.]|$)",
    re.I,
)
"""Names of parts that accompany a model and cannot be used without it."""

_ADAPTER_RANK, _OTHER_RANK, _PART_RANK = 2, 3, 4

_QUANTISED = frozenset({"gguf", "ggml", "gguf-part"})
"""Formats of llama.cpp, in which each quantisation is a group."""

_FORMAT_ORDER = ("safetensors", "pytorch", "keras", "flax", "rust", "gguf", "ggml", "gguf-part", "onnx", "tensorflow")

_SECONDARY_FOLDER = re.compile(
    r"^(original|onnx|openvino|coreml|metal|tflite|gguf|mlx|tensorrt|int8|quantized)(/|$)", re.I
)
_CHECKPOINT_FOLDER = re.compile(
    r"(^|/)(checkpoint|ckpt|epoch|step|run|global_step|tmp-checkpoint)s?([-_].*|\d.*)?(/|$)", re.I
)

_DENOISERS = ("transformer", "unet", "prior")
"""Diffusers' folders of the network that is trained, in the order in which they decide."""

_MODULES = ("model_index.json", "modules.json")
"""Files that make a loader take a group from each folder: Diffusers' pipelines, Sentence Transformers' modules."""


def choose_main(names: Mapping[str, str], paths: list[str]) -> str:
    """Choose the group that the standard loader takes, from the groups' names and all paths of the tree.

    `names` gives for each group the name under which a loader looks for it: that of its index, where it has one.
    Transformers looks for `model.safetensors.index.json` and loads what it lists, whatever those files are called. Of
    several groups that a loader looks for under one name the first counts.
    Always exactly one, and always the same for the same tree. A pipeline (`model_index.json`) means its `transformer/`
    or `unet/`. Otherwise the root counts before folders and those before checkpoints, a whole model before an adapter
    before a part, safetensors before PyTorch before the rest, no variant before one. Where transformers finds a
    `config.json`, or no `params.json` is there, `consolidated` comes after `model` and `pytorch_model`; beside a
    `params.json` alone it comes first. Among GGUF files the main one is `Q4_K_M`, which llama.cpp takes when nothing is
    said, else the first by name.
    """
    pipeline = "model_index.json" in paths
    authors = _layout_of_the_authors(paths)
    return min(names, key=lambda name: _rank(names[name], pipeline, authors))


def missing_groups(
    wanted: Sequence[WeightGroup], paths: Collection[str], had: Collection[str]
) -> Iterator[WeightGroup]:
    """List the groups of a model that a loader takes and that are not among the groups `had`, both by name.

    A loader takes the main group; of a pipeline, or of a model in modules, the main one of each folder. A variant with
    a name of its own (`fp16`) stands in for the group of the same folder, format and role, because a loader takes it
    only on request. One quantisation of llama.cpp's formats stands in for all, in any folder.
    """
    mains = [group for group in wanted if group.main]
    if any(name in paths for name in _MODULES):
        mains += [group for group in _of_each_folder(wanted, list(paths)) if not group.main]
    here = [group for group in wanted if group.name in had]
    for main in mains:
        if main.name not in had and not any(_stands_in(group, main) for group in here):
            yield main


def _of_each_folder(groups: Sequence[WeightGroup], paths: list[str]) -> Iterator[WeightGroup]:
    """Choose the group that is loaded from each folder, without copies in other formats and without checkpoints."""
    by_folder: dict[str, dict[str, WeightGroup]] = {}
    for group in groups:
        folder = group.component
        if not _SECONDARY_FOLDER.search(folder) and not _CHECKPOINT_FOLDER.search(folder):
            by_folder.setdefault(folder, {})[group.name] = group
    pipeline = "model_index.json" in paths
    for folder, named in by_folder.items():
        if folder or not pipeline:  # a file at a pipeline's root is all of it in one file, which the folders replace
            yield named[choose_main({name: name for name in named}, paths)]


def _stands_in(group: WeightGroup, main: WeightGroup) -> bool:
    """Return whether a user may have chosen a group instead of the main one."""
    if role_of(group.name) != role_of(main.name):
        return False
    if main.format in _QUANTISED:
        return group.format in _QUANTISED
    return group.variant is not None and (group.component, group.format) == (main.component, main.format)


def loader_of(name: str, paths: Collection[str]) -> str | None:
    """Name the loader that takes a main group, from all paths of the tree; None where that is not known."""
    folder, _, base = name.rpartition("/")
    if "model_index.json" in paths:
        return "diffusers"
    if weight_format(name) in _QUANTISED:
        return "llama.cpp"
    if weight_format(name) == "onnx":
        return "ONNX Runtime"
    if base.startswith("adapter_model."):
        return "PEFT"
    beside = {path.rpartition("/")[2] for path in paths if path.rpartition("/")[0] == folder}
    if base.startswith(f"{_OF_THE_AUTHORS}.") and "params.json" in beside:
        return "its authors' code, by params.json"
    return "transformers" if "config.json" in beside and role_of(name) == "model" else None


def _layout_of_the_authors(paths: Iterable[str]) -> frozenset[str]:
    """Find the folders that have a `params.json` and no `config.json`."""
    folders: dict[str, set[str]] = {"params.json": set(), "config.json": set()}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in folders:
            folders[name].add(folder)
    return frozenset(folders["params.json"] - folders["config.json"])


def variant_of(name: str) -> str | None:
    """Read the variant out of a group's name: `fp16`, `Q4_K_M`, `quantized`, `4bit-128g`, or None."""
    base = name.rpartition("/")[2]
    stem = base[: len(base) - len(weight_suffix(base))]
    kind = weight_format(name) or weight_format(base + ".gguf")
    if kind in _QUANTISED:
        quants = _QUANT.findall(stem)
        return quants[-1].upper() if quants else None
    if kind == "onnx":
        found = _ONNX_VARIANT.search(stem)
        return found[1].lower() if found else None
    known, dot, rest = stem.partition(".")
    if dot and known.lower() in _FULL_MODEL | {"adapter_model"}:
        return rest
    bits = _GPTQ_VARIANT.search(stem)
    return bits[1] if bits else None


def role_of(name: str) -> Literal["model", "adapter", "part"]:
    """Return by a group's name whether it holds a model, an adapter, or a part that needs its model."""
    base = name.rpartition("/")[2]
    rank = _name_rank(base[: len(base) - len(weight_suffix(base))], authors=False)
    return "part" if rank == _PART_RANK else "adapter" if rank == _ADAPTER_RANK else "model"


def _rank(name: str, pipeline: bool, authors: frozenset[str]) -> tuple[int, int, int, int, int, int, str]:
    """Order groups by how soon the standard loader would take them."""
    folder, _, base = name.rpartition("/")
    stem = base[: len(base) - len(weight_suffix(base))]
    variant = variant_of(name)
    kind = weight_format(name) or "other"
    order = _FORMAT_ORDER.index(kind) if kind in _FORMAT_ORDER else len(_FORMAT_ORDER)
    quantised = kind in _QUANTISED
    return (
        _folder_rank(folder, pipeline, quantised),
        -_steps(folder),
        _name_rank(stem, authors=folder in authors),
        order,
        int(variant != "Q4_K_M") if quantised else int(variant is not None),
        folder.count("/"),
        name,
    )


def _folder_rank(folder: str, pipeline: bool, quantised: bool) -> int:
    """Order folders: a pipeline's denoiser, the root, other folders, other formats' folders, checkpoints."""
    if folder in _DENOISERS and (pipeline or folder != "prior"):
        return _DENOISERS.index(folder) - len(_DENOISERS) if pipeline else 2
    if _CHECKPOINT_FOLDER.search(folder):
        return 4
    if not folder or quantised:
        return 0
    return 3 if _SECONDARY_FOLDER.search(folder) else 2


def _steps(folder: str) -> int:
    """Read how far a checkpoint folder is; the furthest is the one to take."""
    found = re.search(r"(?<![0-9])([0-9]++)/?$", folder) if _CHECKPOINT_FOLDER.search(folder) else None
    return index_of(found[1] if found else None) or 0


def _name_rank(stem: str, *, authors: bool) -> int:
    """Order names: a whole model, one in the layout of the authors' own code, an adapter, another name, a part."""
    first = stem.partition(".")[0].lower()
    if first in _FULL_MODEL:
        return 0 if (first == _OF_THE_AUTHORS) == authors else 1
    if _PART.search(stem):
        return _PART_RANK
    return _ADAPTER_RANK if _ADAPTER.search(stem) else _OTHER_RANK
