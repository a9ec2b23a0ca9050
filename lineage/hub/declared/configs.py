"""What config.json, quantisation configs, adapter configs and GGUF headers declare."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lineage.hub.declared.declaration import Declaration, parent, verbatim

NATIVE_QUANTISATIONS = frozenset({"mxfp4", "bitnet"})
"""Formats in which models are trained and published first: having one does not tell that a parent was quantised."""

GGUF_FLOAT_TYPES = frozenset({0, 1, 32})
"""`general.file_type` of F32, F16 and BF16: another container, no quantisation."""

_GGUF_PARENT = re.compile(r"general\.(base_model|source)\.(?:(\d+)\.)?(repo_url|url|huggingface\.repository)")


def adapter_declarations(path: str, config: Mapping[str, Any]) -> Iterator[Declaration]:
    """Read PEFT's `adapter_config.json`: the model that the adapter belongs to, at which revision, and its kind.

    AdapterHub's library, older than PEFT, has a file of the same name that calls the model `model_name`.
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
        )
    elif isinstance(config.get("quantization"), dict) and config["quantization"]:
        yield Declaration(
            "form", "files.quantization_config", path, "quantization", "mlx", relation="quantized", method="mlx"
        )


def _quantisation(config: Mapping[str, Any], *, mlx: bool) -> tuple[str, str]:
    """Name the field that tells the quantisation, and our word for it; the Hub's own names pass through."""
    written = config.get("quant_method")
    if isinstance(written, str) and written.strip():
        word = verbatim(written).strip().lower()
        return "quant_method", "bitsandbytes" if word.startswith("bitsandbytes") or word == "llm_int8" else word
    for flag in ("load_in_4bit", "load_in_8bit"):
        if config.get(flag) is True:
            return flag, "bitsandbytes"
    return "", "mlx" if mlx else "unknown"


def quantize_config_declarations(path: str, config: Mapping[str, Any]) -> Iterator[Declaration]:
    """Read AutoGPTQ's `quantize_config.json` or AutoAWQ's `quant_config.json`.

    Only one that tells a number of bits: transformers.js writes a `quantize_config.json` for its ONNX files, which are
    a further format beside the weights.
    """
    field, method = _quantisation(config, mlx=False)
    for key, word in (("bits", "gptq"), ("w_bit", "awq")):
        if method == "unknown" and isinstance(config.get(key), int):
            field, method = key, "awq" if path == "quant_config.json" else word
    if method != "unknown":
        yield Declaration("form", "files.quantize_config", path, field, method, relation="quantized", method=method)


def gguf_declarations(headers: Mapping[str, Mapping[str, Any]], *, only_gguf: bool) -> Iterator[Declaration]:
    """Read what GGUF headers say of their origin, and that the repository is a GGUF copy of another.

    `headers` maps each GGUF file to its keys, empty where nobody read them. `only_gguf` says that the repository has
    no weights of other formats: beside such, a GGUF file is one more format and tells nothing of the parent.
    """
    if only_gguf and headers:
        yield _gguf_form(headers)
    seen: set[str] = set()
    for path in sorted(headers):
        for field, text in _gguf_names(headers[path]):
            if text not in seen:
                seen.add(text)
                yield parent("files.gguf", path, field, text)


def _gguf_form(headers: Mapping[str, Mapping[str, Any]]) -> Declaration:
    """Say what GGUF files make of a model: an adapter, another container, or a quantisation of it."""
    path = min(headers)
    if any(header.get("general.type") == "adapter" for header in headers.values()):
        return Declaration("form", "files.gguf", path, "general.type", "adapter", relation="adapter", method="lora")
    if all(_file_type(header) in GGUF_FLOAT_TYPES for header in headers.values()):
        told = str(_file_type(headers[path]))
        return Declaration("form", "files.gguf", path, "general.file_type", told, method="conversion")
    quantised = next((p for p in sorted(headers) if _file_type(headers[p]) not in GGUF_FLOAT_TYPES), path)
    kind = _file_type(headers[quantised])
    field = None if kind is None else "general.file_type"
    value = None if kind is None else str(kind)
    return Declaration("form", "files.gguf", quantised, field, value, relation="quantized", method="gguf")


def _file_type(header: Mapping[str, Any]) -> int | None:
    """Take `general.file_type`, a number; None where it is not told."""
    value = header.get("general.file_type")
    return value if isinstance(value, int) and 0 <= value < 2**32 else None


def _gguf_names(header: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List (key, address) of the models named in a header, one for each numbered base and one for the source.

    A base without an address has a title (`general.base_model.0.name`), which is no repository id: it names nobody.
    """
    told: set[tuple[str, str | None]] = set()
    for key in sorted(header):
        match = _GGUF_PARENT.fullmatch(key)
        value = header[key]
        if match and isinstance(value, str) and value.strip() and (match[1], match[2]) not in told:
            if match[3] == "url" and "huggingface.co/" not in value:
                continue  # a project's home page
            told.add((match[1], match[2]))
            yield key, value
