"""What a mergekit recipe declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from lineage.hub.declared.declaration import Declaration, parent, unreadable, verbatim
from lineage.hub.declared.parsing import NotReadableError, yaml_documents

RECIPES = frozenset({
    "mergekit_config.yml", "mergekit_config.yaml", "mergekit_moe_config.yml", "mergekit_moe_config.yaml",
})  # fmt: skip

MERGE_METHODS = {
    "dare_ties": "dare", "dare_linear": "dare", "passthrough": "stack", "task_arithmetic": "task_arithmetic",
}  # fmt: skip
"""mergekit's `merge_method` where our term differs; others (`linear`, `slerp`, `model_stock`, …) are kept."""

MAX_REFERENCES = 10_000
"""Aliases let a small YAML file repeat its parts millions of times; a real recipe has a few hundred slices."""

Reference = tuple[str, str, str | None, bool]
"""Field, written name, revision, and whether a LoRA is merged in on the way."""


def recipe_declarations(path: str, data: bytes | None) -> Iterator[Declaration]:
    """List the models that a recipe merges, each once, in the order in which the recipe names them.

    A file of several documents is a chain of merges whose parts name each other: such names are not models. Only
    sources of weights count: `tokenizer_source` does not name a parent.
    """
    try:
        documents = yaml_documents(data)
    except NotReadableError as error:
        yield unreadable(path, str(error))
        return
    own_names = {document["name"] for document in documents if isinstance(document.get("name"), str)}
    seen: set[str] = set()
    for number, document in enumerate(documents):
        prefix = f"[{number}]." if len(documents) > 1 else ""
        method = _method(document)
        yield Declaration(
            "form",
            "files.mergekit",
            path,
            f"{prefix}merge_method",
            verbatim(document.get("merge_method", "")) or None,
            relation="merge",
            method=method,
        )
        for field, name, revision, with_lora in islice(_references(document), MAX_REFERENCES):
            if name in own_names or name in seen:
                continue
            seen.add(name)
            yield parent(
                "files.mergekit",
                path,
                f"{prefix}{field}",
                name,
                revision=revision,
                relation="merge",
                method="lora_merge" if with_lora else method,
            )


def _method(document: Mapping[str, Any]) -> str:
    """Name the method of one merge; a recipe with experts makes a mixture of them."""
    written = document.get("merge_method")
    if isinstance(written, str) and written.strip():
        name = verbatim(written).strip().lower()
        return MERGE_METHODS.get(name, name)
    return "moe" if "experts" in document else "unknown"


def _references(document: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield all references to models in one merge."""
    yield from _models(document, "models", "model", "")
    yield from _slices(document, "")
    for key in ("experts", "shared_experts"):
        yield from _models(document, key, "source_model", "")
    modules = document.get("modules")
    if isinstance(modules, dict):
        for name, module in modules.items():
            if isinstance(module, dict):
                yield from _models(module, "models", "model", f"modules.{verbatim(name)}.")
                yield from _slices(module, f"modules.{verbatim(name)}.")
    yield from _reference(document.get("base_model"), "base_model")


def _slices(holder: Mapping[str, Any], prefix: str) -> Iterator[Reference]:
    """Yield `slices[].sources[].model`, and a slice's own `base_model`."""
    for index, piece in _mappings(holder.get("slices")):
        at = f"{prefix}slices[{index}]"
        yield from _models(piece, "sources", "model", f"{at}.")
        yield from _reference(piece.get("base_model"), f"{at}.base_model")


def _models(holder: Mapping[str, Any], key: str, inner: str, prefix: str) -> Iterator[Reference]:
    """Yield the references of a list of objects that each name a model in `inner`."""
    for index, item in _mappings(holder.get(key)):
        yield from _reference(item.get(inner), f"{prefix}{key}[{index}].{inner}")


def _mappings(value: object) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """Return the objects of a list with their places."""
    items = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(items) if isinstance(item, dict)]


def _reference(value: object, field: str) -> Iterator[Reference]:
    """Read one reference: `path[@revision][+lora]`, or an object of `model` or `path`, `revision` and `lora`."""
    if isinstance(value, str):
        pieces = [piece for piece in value.split("+") if piece.strip()]
        for piece in pieces[:2]:
            yield field, piece, None, len(pieces) > 1
    elif isinstance(value, dict):
        lora = value.get("lora")
        for key, with_lora in (("model", bool(lora)), ("lora", True)):
            part = value.get(key)
            if part:
                yield from _piece(part, f"{field}.{key}", with_lora)
        if "path" in value:
            yield from _piece(value, field, with_lora=bool(lora))


def _piece(value: object, field: str, with_lora: bool) -> Iterator[Reference]:
    """Read one half of a reference: a name, or an object of `path` and `revision`."""
    if isinstance(value, str):
        yield field, value, None, with_lora
    elif isinstance(value, dict) and isinstance(value.get("path"), str):
        revision = value.get("revision")
        yield f"{field}.path", value["path"], verbatim(revision) if revision else None, with_lora
