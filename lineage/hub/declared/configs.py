"""What config.json, quantisation configs, adapter configs and GGUF headers declare."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lineage.hub.bounds import known_index
from lineage.hub.declared.declaration import Declaration, parent, verbatim

NATIVE_QUANTISATIONS = frozenset({"mxfp4", "bitnet"})
"""Formats in which models are trained and published first: having one does not show that a parent was quantised."""

GGUF_FLOAT_TYPES = frozenset({0, 1, 32})
"""`general.file_type` of F32, F16 and BF16: another container, not a quantisation."""

GGUF_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_GGUF_INTEGERS = frozenset({"I8", "I16", "I32", "I64"})
_UNKNOWN_TYPE = "TYPE_"
"""Prefix of a tensor type that is not in our table: its precision is unknown."""

_FURTHER_SHARD = re.compile(r"-0*(?:[2-9]|[1-9]\d+)-of-\d+\.gguf$", re.IGNORECASE)
"""Shards after the first, whose headers do not describe the model."""

_GGUF_BESIDE = re.compile(r"(?:^|[-_.])(imatrix|mmproj)(?=[-_.]|$)")
_QUANTISED_NAME = re.compile(r"(?:^|[-_.])i?q\d")
_GGUF_PARENT = re.compile(r"general\.(base_model|source)\.(?:(\d+)\.)?(repo_url|url|huggingface\.repository)")


def adapter_declarations(path: str, config: Mapping[str, Any]) -> Iterator[Declaration]:
    """Read PEFT's `adapter_config.json`: the model that the adapter belongs to, at which revision, and its kind.

    AdapterHub's library, older than PEFT, has a file of the same name that names the model in `model_name`.
    """
    peft_type = config.get("peft_type")
    method = verbatim(peft_type).strip().lower() if isinstance(peft_type, str) and peft_type.strip() else "unknown"
    yield Declaration(
        "form",
        "files.adapter_config",
        path,
        "peft_type",
        verbatim(peft_type) if peft_type else None,
        relation="adapter",
        method=method,
    )
    field = "base_model_name_or_path" if "base_model_name_or_path" in config else "model_name"
    base = config.get(field)
    revision = config.get("revision")
    if isinstance(base, str) and base.strip():
        yield parent(
            "files.adapter_config",
            path,
            field,
            base,
            revision=verbatim(revision) if isinstance(revision, str) and revision else None,
            relation="adapter",
            method=method,
        )


def config_declarations(path: str, config: Mapping[str, Any]) -> Iterator[Declaration]:
    """Read `config.json` or `model_index.json`: the name it was loaded from, and how its weights are quantised."""
    name = config.get("_name_or_path")
    if isinstance(name, str) and name.strip():
        yield parent("files.name_or_path", path, "_name_or_path", name)
    quantisation = config.get("quantization_config")
    if isinstance(quantisation, dict) and quantisation:
        field, method = _quantisation(quantisation, mlx="quantization" in config)
        native = method in NATIVE_QUANTISATIONS
        yield Declaration(
            "form",
            "files.quantization_config",
            path,
            f"quantization_config.{field}" if field else "quantization_config",
            method,
            relation=None if native else "quantized",
            method=method,
            bits=_bits(quantisation),
        )
    elif isinstance(config.get("quantization"), dict) and config["quantization"]:
        yield Declaration(
            "form", "files.quantization_config", path, "quantization", "mlx", relation="quantized", method="mlx",
            bits=_bits(config["quantization"]),
        )  # fmt: skip


def _quantisation(config: Mapping[str, Any], *, mlx: bool) -> tuple[str, str]:
    """Return the field that names the quantisation, and our term for it; the Hub's own names pass through."""
    written = config.get("quant_method")
    if isinstance(written, str) and written.strip():
        name = verbatim(written).strip().lower()
        return "quant_method", "bitsandbytes" if name.startswith("bitsandbytes") or name == "llm_int8" else name
    for flag in ("load_in_4bit", "load_in_8bit"):
        if config.get(flag) is True:
            return flag, "bitsandbytes"
    return "", "mlx" if mlx else "unknown"


def _bits(config: Mapping[str, Any]) -> int | None:
    """Return the number of bits that a quantisation keeps of a weight; None if it is not known, or layers differ."""
    for key in ("bits", "w_bit", "num_bits", "nbits"):
        if isinstance(config.get(key), int):
            return known_index(config[key])
    for flag, bits in (("load_in_4bit", 4), ("load_in_8bit", 8)):
        if config.get(flag) is True:
            return bits
    groups = config.get("config_groups")
    weights = (
        [group.get("weights") for group in groups.values() if isinstance(group, dict)]
        if isinstance(groups, dict)
        else []
    )
    found = {each["num_bits"] for each in weights if isinstance(each, dict) and isinstance(each.get("num_bits"), int)}
    return known_index(found.pop()) if len(found) == 1 else None


def quantize_config_declarations(path: str, config: Mapping[str, Any]) -> Iterator[Declaration]:
    """Read AutoGPTQ's `quantize_config.json` or AutoAWQ's `quant_config.json`.

    Only one that gives a number of bits: transformers.js writes a `quantize_config.json` for its ONNX files, which are
    a further format beside the weights.
    """
    field, method = _quantisation(config, mlx=False)
    for key, name in (("bits", "gptq"), ("w_bit", "awq")):
        if method == "unknown" and isinstance(config.get(key), int):
            field, method = key, "awq" if path == "quant_config.json" else name
    if method != "unknown":
        yield Declaration(
            "form",
            "files.quantize_config",
            path,
            field,
            method,
            relation="quantized",
            method=method,
            bits=_bits(config),
        )


def gguf_declarations(
    headers: Mapping[str, Mapping[str, Any]], types: Mapping[str, Collection[str]], *, only_gguf: bool
) -> Iterator[Declaration]:
    """Read what GGUF headers declare about their origin, and whether the repository is a GGUF copy of another.

    `headers` maps each GGUF file to its keys, empty where they were not read, and `types` to the types of its tensors
    where those were. `only_gguf` means that the repository has no weights of other formats: beside such, a GGUF file
    is one more format and does not show a parent.
    """
    if only_gguf and (form := _gguf_form(headers, types)):
        yield form
    seen: set[str] = set()
    for path in sorted(headers):
        for field, text in _gguf_names(headers[path]):
            if text not in seen:
                seen.add(text)
                yield parent("files.gguf", path, field, text)


def _gguf_form(headers: Mapping[str, Mapping[str, Any]], types: Mapping[str, Collection[str]]) -> Declaration | None:
    """Return what GGUF files show a model to be: an adapter, a conversion, or a quantisation.

    None if no file is a model or an adapter. If neither the tensors of a model's file nor its file type show its
    precision, the form has no relation.
    """
    kinds = {path: _gguf_kind(path, header) for path, header in headers.items()}
    models = sorted(path for path, kind in kinds.items() if kind == "model" and not _FURTHER_SHARD.search(path))
    adapters = sorted(path for path, kind in kinds.items() if kind == "adapter")
    if not models:
        adapter = Declaration(
            "form",
            "files.gguf",
            min(adapters, default=""),
            "general.type",
            "adapter",
            relation="adapter",
            method="lora",
        )
        return adapter if adapters else None
    quantised = {path: _is_quantised(headers[path], types.get(path, ())) for path in models}
    path = next((path for path, is_low in quantised.items() if is_low), models[0])
    file_type = _file_type(headers[path])
    form = Declaration(
        "form",
        "files.gguf",
        path,
        None if file_type is None else "general.file_type",
        None if file_type is None else str(file_type),
        method="gguf",
    )
    if any(quantised.values()):
        return replace(form, relation="quantized")
    return replace(form, method="conversion") if None not in quantised.values() else form


def _gguf_kind(path: str, header: Mapping[str, Any]) -> str:
    """Return what a GGUF file contains: `model`, `adapter`, or an accompanying file (`imatrix`, `mmproj`, …).

    The header decides; without a kind in the header, the name decides.
    """
    written = header.get("general.type")
    if isinstance(written, str) and written.strip():
        return written.strip().lower()
    if isinstance(header.get("adapter.type"), str):
        return "adapter"
    if header.get("general.architecture") == "clip":
        return "mmproj"
    name = path.rpartition("/")[2].lower()
    named = _GGUF_BESIDE.search(name)
    # `Model-Q8_0-imatrix.gguf` is a model that was quantised with calibration data.
    return named[1] if named and (named[1] == "mmproj" or not _QUANTISED_NAME.search(name)) else "model"


def _is_quantised(header: Mapping[str, Any], types: Collection[str]) -> bool | None:
    """Return whether a GGUF file is quantised; None if unknown. Tensors take precedence over the file type."""
    low = [word for word in types if word not in GGUF_FLOATS and word not in _GGUF_INTEGERS]
    if any(not word.startswith(_UNKNOWN_TYPE) for word in low):
        return True
    if types and not low:
        return False
    file_type = _file_type(header)
    return None if file_type is None else file_type not in GGUF_FLOAT_TYPES


def _file_type(header: Mapping[str, Any]) -> int | None:
    """Return `general.file_type`, a number; None where it is not given."""
    value = header.get("general.file_type")
    return value if isinstance(value, int) and 0 <= value < 2**32 else None


def _gguf_names(header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List (key, address) of the models named in a header, one for each numbered base and one for the source.

    A base without an address has a title (`general.base_model.0.name`), which is not a repository id.
    """
    found: set[tuple[str, str | None]] = set()
    for key in sorted(header):
        match = _GGUF_PARENT.fullmatch(key)
        value = header[key]
        if match and isinstance(value, str) and value.strip() and (match[1], match[2]) not in found:
            if match[3] == "url" and "huggingface.co/" not in value:
                continue  # a project's home page
            found.add((match[1], match[2]))
            yield key, value
