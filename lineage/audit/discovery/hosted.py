"""Hosted models: whether what stands beside the name of a model says that an API serves it under that name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lineage.audit.discovery.model_keys import HOSTED, HOSTED_ADDRESS, is_hosted_key, plain_key, role

_PROVIDERS = (
    "provider",
    "model_provider",
    "backend",
    "vendor",
    "api_type",
    "platform",
    "service",
    "type",
    "engine",
    "api",
    "client",
)
_NVIDIA = re.compile(r"nvidia(?:_ai(?:_endpoints)?|_api)?")
"""NVIDIA's own API as a provider; as a word of a key it may as well be a kind of hardware."""

_ADDRESSES = ("base_url", "api_base", "api_base_url", "api_url", "endpoint", "url", "host", "base", "openai_api_base")
_LOCAL = re.compile(r"https?://(?!(?:[\w-]+\.)+(?:com|ai|io|net|org|dev|cloud|xyz|cn)\b)")


def is_hosted(path: Sequence[str], beside: Sequence[Mapping[str, str]]) -> bool:
    """Return whether keys above or beside a model name a provider that serves models by its own names.

    `path` are the keys from the root to the model, `beside` the single values of the mappings around it, the nearest
    last. A provider whose address is a server of one's own, as for vLLM behind `provider: openai`, is none.
    """
    key = path[-1] if path else ""
    above = [each for each in path[-4:-1] if is_hosted_key(each)]
    nearest = beside[-1] if beside else {}
    heads = [head for head in {role(key), key.partition("_")[0] if "_" in key else ""} if head]
    local = False
    for mapping, prefixes in [
        (nearest, ["", *heads] if len(nearest) < 12 else heads or [""]),
        *((m, [""]) for m in beside[:-1]),
    ]:
        for prefix in prefixes:
            addresses = _values(mapping, prefix, _ADDRESSES)
            if any(map(HOSTED_ADDRESS.match, addresses)):
                return True
            local = local or any(map(_LOCAL.match, addresses[:1]))
            providers = [plain_key(each) for each in _values(mapping, prefix, _PROVIDERS)]
            if not local and any(HOSTED.fullmatch(each) or _NVIDIA.fullmatch(each) for each in providers):
                return True
    return not local and (bool(above) or is_hosted_key(key))


def _values(mapping: Mapping[str, str], prefix: str, names: Sequence[str]) -> list[str]:
    """Return the values of the keys of these names, with the prefix in front."""
    return [mapping[key] for name in names if (key := f"{prefix}_{name}" if prefix else name) in mapping]
