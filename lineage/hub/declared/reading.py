"""What cards, configs and recipes declare, read once for versioning and derivation."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from lineage.hub.declared.card import CARD, card_declarations
from lineage.hub.declared.configs import (
    adapter_declarations,
    config_declarations,
    gguf_declarations,
    quantize_config_declarations,
)
from lineage.hub.declared.declaration import Declaration, ReadText, unreadable
from lineage.hub.declared.parsing import NotReadableError, json_object
from lineage.hub.declared.recipe import RECIPES, recipe_declarations

if TYPE_CHECKING:
    from lineage_schemas.snapshot import Snapshot

MAX_DECLARATIONS = 2_000
"""More than any real repository declares of its origin; a hostile card of 10 MB can hold more."""

MAX_ADAPTERS = 50
"""How many adapter configs of one repository are read: each is a request, and the others name the same base."""

_LORA_WEIGHTS = frozenset({"pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"})
"""The names under which diffusers saves a LoRA; there is no adapter config beside it."""

_TRAINING_STATE = re.compile(r"(^|/)checkpoint[-_][^/]*/")
_OTHER_WEIGHTS = re.compile(r"\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|onnx|keras|npz)$")
_NOT_A_MODEL = frozenset({"imatrix", "mmproj"})
"""Kinds of GGUF files (`general.type`) that accompany a model and do not show how it was made."""

_JSON_FILES: dict[str, Callable[[str, Mapping[str, Any]], Iterator[Declaration]]] = {
    "config.json": config_declarations,
    "model_index.json": config_declarations,
    "quantize_config.json": quantize_config_declarations,
    "quant_config.json": quantize_config_declarations,
}


def declarations(
    snapshot: Snapshot,
    read_text: ReadText,
    *,
    gguf: Mapping[str, Mapping[str, Any]] | None = None,
    types: Mapping[str, Collection[str]] | None = None,
) -> tuple[Declaration, ...]:
    """List everything that one revision declares about its origin, each field once, card first.

    `read_text` is called only for small files that the snapshot lists, and may raise NotReadableError with the reason;
    `gguf` maps GGUF files to the keys of their headers and `types` to the types of their tensors, where those were
    read. A file that cannot be read, or is broken, gives a declaration of kind `unreadable`: unknown is not no. Nothing
    here asks whether a named repository exists.
    """
    paths = [entry.path for entry in snapshot.files]
    headers = {path: (gguf or {}).get(path, {}) for path in paths if path.lower().endswith(".gguf")}
    found = list(islice(_all(snapshot, paths, read_text, headers, types or {}), MAX_DECLARATIONS + 1))
    if len(found) > MAX_DECLARATIONS:
        found[-1] = unreadable(CARD, f"more than {MAX_DECLARATIONS} declarations; the rest was not read")
    return tuple(dict.fromkeys(found))


def _all(
    snapshot: Snapshot,
    paths: list[str],
    read_text: ReadText,
    headers: Mapping[str, Mapping[str, Any]],
    types: Mapping[str, Collection[str]],
) -> Iterator[Declaration]:
    """Yield the declarations of all sources in the order of the answer."""
    if CARD in snapshot.unreadable:
        yield unreadable(CARD, snapshot.unreadable[CARD])
    yield from card_declarations(snapshot.card or {}, snapshot.tags)
    yield from _adapters(paths, read_text)
    for path in sorted(_LORA_WEIGHTS.intersection(paths)):
        yield Declaration("form", "files.lora_weights", path, None, path, relation="adapter", method="lora")
    for path in paths:
        if path in RECIPES:
            yield from _recipe(path, read_text)
    models = {path: header for path, header in headers.items() if str(header.get("general.type")) not in _NOT_A_MODEL}
    yield from gguf_declarations(models, types, only_gguf=holds_only_gguf(paths))
    yield from _configs(snapshot, paths, read_text)


def _recipe(path: str, read_text: ReadText) -> Iterator[Declaration]:
    """Read a merge recipe."""
    try:
        data = read_text(path)
    except NotReadableError as error:
        yield unreadable(path, str(error))
    else:
        yield from recipe_declarations(path, data)


def holds_only_gguf(paths: Iterable[str]) -> bool:
    """Return whether all weights of a repository are GGUF files."""
    listed = list(paths)
    others = any(_OTHER_WEIGHTS.search(path) for path in listed)
    return not others and any(path.lower().endswith(".gguf") for path in listed)


def quantisation_declarations(paths: Iterable[str], read_text: ReadText) -> Iterator[Declaration]:
    """List the quantisations that the configs at the root declare. Raises NotReadableError where one is broken."""
    for path in sorted(set(paths) & _JSON_FILES.keys()):
        for found in _JSON_FILES[path](path, json_object(read_text(path))):
            if found.kind == "form":
                yield found


def _adapters(paths: Iterable[str], read_text: ReadText) -> Iterator[Declaration]:
    """Read the adapter configs of the root and of component folders, not of training checkpoints."""
    wanted = [p for p in paths if p.rpartition("/")[2] == "adapter_config.json" and not _TRAINING_STATE.search(p)]
    wanted.sort(key=lambda path: (path.count("/"), path))
    for path in wanted[:MAX_ADAPTERS]:
        try:
            yield from adapter_declarations(path, json_object(read_text(path)))
        except NotReadableError as error:
            yield unreadable(path, str(error))
    if len(wanted) > MAX_ADAPTERS:
        yield unreadable(wanted[MAX_ADAPTERS], f"only {MAX_ADAPTERS} of {len(wanted)} adapter configs were read")


def _configs(snapshot: Snapshot, paths: Iterable[str], read_text: ReadText) -> Iterator[Declaration]:
    """Read the configs at the root; config.json is taken from the snapshot."""
    for path in sorted(set(paths) & _JSON_FILES.keys()):
        try:
            if path in snapshot.unreadable:
                raise NotReadableError(snapshot.unreadable[path])
            known = snapshot.config if path == "config.json" else None
            yield from _JSON_FILES[path](path, known if known is not None else json_object(read_text(path)))
        except NotReadableError as error:
            yield unreadable(path, str(error))
