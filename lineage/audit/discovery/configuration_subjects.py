"""Subjects: what a value of a configuration is about, by the keys above it, the values beside it, and its own shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lineage.audit.discovery import configuration_keys as known
from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.name_shapes import is_telling
from lineage.audit.discovery.names import Form
from lineage.audit.discovery.nodes import MapNode

_SAYING_DATA = ("repo_type", "repoType", "type", "name", "_target_", "class")
_MAX_BESIDE = 8
_MAX_AROUND = 40

_SCHEMES = ("hf:", "huggingface:")
_ID = re.compile(r"(?:hf:|huggingface:(?:[a-z-]+:)?|huggingface/)?([\w.-]+/[\w.-]+)(?=[@:]|$)")

MAX_NAME = 200
"""Characters of a name that is read though no key says that it is a model's."""

MAX_ABOVE = 3
"""Keys above a value that may say what it is about."""


def subject(path: Sequence[str], inside: Sequence[MapNode]) -> tuple[str, Meaning]:
    """Return the key that says what a value is about, and what it says: a key such as `name` does not.

    `path` are the keys from the root to the value, `inside` the mappings that it is in, the nearest last.
    """
    key = path[-1] if path else ""
    meaning = keys.meaning(key) if key else Meaning.OTHER
    above = [each for each in reversed(path[:-1])][:MAX_ABOVE]
    if meaning in (Meaning.MODEL, Meaning.OUTPUT):
        aside = any(known.DATASETS.search(each) for each in above[:2])
        if aside and "model" not in key:
            return key, Meaning.OTHER
        return key, Meaning.OUTPUT if above and above[0] in known.WRITTEN else meaning
    if meaning == Meaning.UNKNOWN and not (above and known.holds_models(above[0])):
        called = inside and known.LOADERS.search(inside[-1].text("_target_"))
        return (key, Meaning.MODEL) if called and key.endswith(("name", "path", "id")) else (key, Meaning.UNKNOWN)
    if key == "type" and above and above[0] == "tokenizer":  # NeMo: the name behind `library: huggingface`
        return above[0], Meaning.MODEL
    if meaning == Meaning.OTHER:
        return key, meaning
    for each in above:
        found = keys.meaning(each)
        if found not in (Meaning.GENERIC, Meaning.UNKNOWN):
            return (key if found == Meaning.MODEL else each), found
    return key, Meaning.UNKNOWN


def is_evident(path: Sequence[str], text: str, beside: Mapping[str, str]) -> bool:
    """Return whether a value is a model though no key says so: by its own parts, or by the values beside it.

    The last key may say anything but that the value is something else. `beside` are the single values of the same
    mapping by their keys.
    """
    key = path[-1] if path else ""
    match = _ID.match(text) if len(text) < MAX_NAME else None
    if match is None or keys.meaning(key) not in (Meaning.GENERIC, Meaning.UNKNOWN):
        return False
    if not (is_telling(match[1]) or match[0].startswith(_SCHEMES) or _is_loaded(key, beside)):
        return False
    if not key or known.ELSE.search(key) or any(known.ELSE_ABOVE.search(each) for each in path[-3:-1]):
        return False
    if keys.meaning(key) == Meaning.GENERIC and known.ELSE.search("_".join(path[-2:-1])):
        return False
    name = keys.read_value(text, bare=False)
    return name is not None and name.form in (Form.ID, Form.ADDRESS) and not _is_measured(beside)


def is_result(file: str, beside: Mapping[str, str]) -> bool:
    """Return whether a model is only one that was measured: a row of a file of results."""
    return known.RESULTS.search(file) is not None and _is_measured(beside)


def _is_measured(beside: Mapping[str, str]) -> bool:
    few = beside if len(beside) < _MAX_AROUND else ()
    return any(known.MEASURED.search(key) for key in few)


def is_plausible(text: str, key: str, beside: Mapping[str, str]) -> bool:
    """Return whether a value under a key such as `clip` or `weights` is a model: any but an id that says nothing."""
    name = keys.read_value(text)
    if name is None or name.form != Form.ID or name.revision or name.selector:
        return True
    return is_telling(name.model) or _is_loaded(key, beside) or keys.asked_of(key, "revision", beside.get) is not None


def _is_loaded(key: str, beside: Mapping[str, str]) -> bool:
    """Return whether what is beside a value says that a library of models loads it."""
    if keys.meaning(key) == Meaning.UNKNOWN and len(beside) > _MAX_BESIDE:
        return False
    loaders = (beside[name] for name in known.LOADED_BY if name in beside and name != key)
    return any(keys.plain_key(each) in known.LIBRARIES for each in loaders) or (
        keys.is_generic(key) and any(each in beside for each in known.ASKED)
    )


def is_alias(key: str, beside: MapNode) -> bool:
    """Return whether a key is only the name that clients use: another key beside it has the model.

    So it is in Ray (`model_id` beside `model_source`), Llama Stack, and LiteLLM (`model_name` beside `litellm_params`).
    """
    if key in ("model_id", "model_name", "model"):
        params = beside.get("litellm_params", "model_loading_config", "llm_config")
        return bool(beside.text("model_source", "provider_model_id")) or isinstance(params, MapNode)
    if key not in ("name", "id", "alias"):
        return False
    address = keys.read_value(beside.text("uri", "url"))
    if address is not None and address.form == Form.ADDRESS:
        return True
    return any(
        keys.read_value(value) is not None
        for each in known.SOURCES
        if (value := beside.text(each, each.replace("_", "-"), _camel(each)))
    )


def is_of_dataset(beside: MapNode) -> bool:
    """Return whether the values beside a repository, also in a mapping beside it, say that it is read as a dataset."""
    few = beside.entries if len(beside.entries) < _MAX_AROUND else []
    nodes = [beside, *(value for _, value in few if isinstance(value, MapNode) and len(value.entries) < 8)]
    names = (node.text(each) for node in nodes for each in _SAYING_DATA)
    return any(known.READS_DATA.search(name) for name in names if name)


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(each.title() for each in others)
