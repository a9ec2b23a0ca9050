"""Which files hold parameters for use: a positive list of extensions and names, decided from paths alone."""

from __future__ import annotations

import re
from functools import lru_cache

_FORMAT_BY_SUFFIX = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".bin": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".ckpt": "pytorch",
    ".pth.tar": "pytorch",
    ".torch": "pytorch",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "pickle",
    ".skops": "skops",
    ".h5": "keras",
    ".hdf5": "keras",
    ".keras": "keras",
    ".msgpack": "flax",
    ".onnx": "onnx",
    ".npz": "numpy",
    ".tflite": "tflite",
    ".litertlm": "tflite",
    ".mlmodel": "coreml",
    ".mlpackage": "coreml",
    ".nemo": "nemo",
    ".ot": "rust",
    ".pb": "tensorflow",
    ".pdparams": "paddle",
    ".caffemodel": "caffe",
    ".weights": "darknet",
    ".params": "mxnet",
    ".engine": "tensorrt",
    ".pte": "executorch",
    ".ptl": "pytorch",
    ".llamafile": "llamafile",
}
"""Suffixes that hold parameters. Some of them hold other things as well: those must also bear a telling name."""

_NAMED = {
    "pytorch": re.compile(
        r"model|weight|adapter|lora|projector|ggml|ggjt|params_shard|state_dict|consolidated|embeds|\bunet|\bvae"
        r"|(^|[-_.])(q\d_|q\d\b|iq\d|fp?16|bf16|fp?32|int[48])|(^|[-_])\d+(\.\d+)?[bm]([-_.]|$)|^gpt|prediction_head"
    ),
    "pickle": re.compile(
        r"model|weight|params|state_dict|network|classifier|regressor|estimator|pipeline|gan|q-learning"
    ),
    "numpy": re.compile(r"model|weight|params|adapter|rank\d+"),
    "flax": re.compile(r"model|flax|weight|params"),
    "tensorflow": re.compile(r"frozen|inference_graph|weights"),
}
_NAMED_SUFFIXES = {".bin", ".pkl", ".pickle", ".joblib", ".npz", ".msgpack", ".pb"}

_TRAINING_STATE = re.compile(
    r"^(training_args|optimizer|scheduler|lr_scheduler|rng_state|random_states|scaler|sampler|dataloader|trainer"
    r"|tokenizer|vocab|pytorch_variables|vec_normalize|spk_stat|custom_checkpoint)(?![a-z])"
    r"|(^|[._-])(optimizer|optim_states?|model_states|ema_optimizer)([._-]|$)"
)
"""State of a training run and tokenizers: never weights. A GGUF file is not training state, whatever its name."""

_CALIBRATION = re.compile(r"^imatrix|[-_.]imatrix(?![a-z])")
_QUANTISATION = re.compile(r"(^|[-_.])(i?q\d|tq\d|mxfp4|nvfp4)")
"""A name with a quantisation beside `imatrix` may be that of a model that was quantised with one."""

_STATE_FOLDER = re.compile(r"(^|/)(global_step\d+|pytorch_model_fsdp_\d+|optimizer_\d+)/")

_WHOLE_NAME = re.compile(
    r"\.data-\d+-of-\d+$|\.onnx[._]data(_\d+)?$|\.gguf([.-](split-)?[a-z]|\.part[-_]?\d+(-?of-?\d+)?|\.\d+)$"
)
"""Files known by more than their last suffix: TensorFlow's and ONNX' data, GGUF files that were cut for upload."""

_FORMAT_BY_PART = {"data": "tensorflow", "onnx": "onnx", "gguf": "gguf-part"}

FORMATS = frozenset({*_FORMAT_BY_SUFFIX.values(), *_FORMAT_BY_PART.values()})
"""All formats of weights, by the names that answers give them."""

_STUDY_SUFFIXES = (
    ".safetensors", ".bin", ".pt", ".model", ".pth", ".onnx", ".torch", ".meta", ".tflite", ".mlmodel", ".ckpt", ".mdl",
    ".pb",
)  # fmt: skip


@lru_cache(maxsize=65536)
def weight_format(path: str) -> str | None:
    """Return the format of a weight file by its path, or None where the path is not that of a weight file.

    Training state (`training_args*.bin`, `optimizer*`, `scheduler*`, `rng_state*`, `scaler*`, everything in a DeepSpeed
    `global_step*/` folder), tokenizers and calibration data are not weight files. A descriptive name decides for
    `.bin`, `.pkl`, `.npz`, `.msgpack` and `.pb`, which hold other things as often as parameters.
    """
    name = path.rsplit("/", 1)[-1].lower()
    if is_calibration(path) if ".gguf" in name else _TRAINING_STATE.search(name):
        return None
    if _STATE_FOLDER.search(path):
        return None
    if part := _WHOLE_NAME.search(name):
        return _FORMAT_BY_PART[part[0][1:5]]
    if _inside_package(path):
        return "coreml" if name.endswith((".bin", ".mlmodel")) else None
    suffix = weight_suffix(name)
    if not suffix:
        return None
    known = _FORMAT_BY_SUFFIX[suffix]
    if suffix in _NAMED_SUFFIXES and not _NAMED[known].search(name.removesuffix(suffix)):
        return None
    return _format_of_bin(name) if suffix == ".bin" else known


def is_calibration(path: str) -> bool:
    """Return whether a name is that of activation statistics, which guide a quantisation and are not loaded."""
    name = path.rpartition("/")[2].lower()
    return bool(_CALIBRATION.search(name)) and (name.startswith("imatrix") or not _QUANTISATION.search(name))


def is_training_state(path: str) -> bool:
    """Return whether a path is that of the state of a training run, or of a tokenizer."""
    return bool(_TRAINING_STATE.search(path.rpartition("/")[2].lower()) or _STATE_FOLDER.search(path))


def is_weight_file(path: str) -> bool:
    """Return whether a path is that of a file with parameters for inference."""
    return weight_format(path) is not None


def model_file_by_study(path: str) -> bool:
    """Return whether the study of 52,227 models counts the file as a model file.

    Its list goes by extension alone: tokenizers (`.model`), training arguments and optimizers are in it; GGUF, `.pkl`,
    `.npz`, `.h5` and `.msgpack` are not.
    """
    return path.lower().endswith(_STUDY_SUFFIXES)


def weight_suffix(name: str) -> str:
    """Take the suffix that names the format, the longest that is known, empty where none is."""
    lower = name.lower()
    dot = lower.rfind(".")
    if dot < 0:
        return ""
    second = lower.rfind(".", 0, dot)
    if second >= 0 and lower[second:] in _FORMAT_BY_SUFFIX:
        return lower[second:]
    return lower[dot:] if lower[dot:] in _FORMAT_BY_SUFFIX else ""


def _inside_package(path: str) -> bool:
    """Return whether a file is inside a Core ML package folder."""
    return ".mlpackage/" in path.lower()


def _format_of_bin(name: str) -> str:
    """Return the format of a `.bin` file by its name: some are not PyTorch pickles."""
    if name.startswith("openvino"):
        return "openvino"
    if re.search(r"ggml|ggjt|(^|[-_.])i?q\d_", name):
        return "ggml"
    return "mlc" if name.startswith("params_shard") else "pytorch"
