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
)
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
            address = _first(mapping, prefix, _ADDRESSES)
            if address and HOSTED_ADDRESS.match(address):
                return True
            local = local or bool(address and _LOCAL.match(address))
            provider = plain_key(_first(mapping, prefix, _PROVIDERS) or "")
            if provider and HOSTED.fullmatch(provider) and not local:
                return True
    return not local and (bool(above) or is_hosted_key(key))


def _first(mapping: Mapping[str, str], prefix: str, names: Sequence[str]) -> str | None:
    return next((mapping[key] for name in names if (key := f"{prefix}_{name}" if prefix else name) in mapping), None)
