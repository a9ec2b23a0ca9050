"""Keys of nodes in the graph, and ids as answers show them."""

from __future__ import annotations

DEFAULT_HUB = "huggingface.co"
"""The only Hub whose models have keys without a prefix."""


def model_key(hub: str, model_id: str) -> str:
    """Make the key of a model: `org/name` on huggingface.co, `HUB:org/name` elsewhere."""
    return model_id if hub == DEFAULT_HUB else f"{hub}:{model_id}"


def split_model_key(key: str) -> tuple[str, str]:
    """Split a model key into hub and id; inverse of `model_key`."""
    hub, colon, model_id = key.rpartition(":")
    return (hub, model_id) if colon else (DEFAULT_HUB, key)


def shown_id(key: str, hub: str | None) -> str:
    """Write a model key as an answer about `hub` shows it: without a prefix if it is on `hub`, else with one."""
    own_hub, model_id = split_model_key(key)
    return model_id if own_hub == hub else f"{own_hub}:{model_id}"


def revision_key(model: str, commit: str) -> str:
    """Make the key of a revision from its model's key and commit."""
    return f"{model}@{commit}"


def ref_key(model: str, name: str) -> str:
    """Make the key of a ref from its model's key and full name, such as `refs/heads/main`."""
    return f"{model}@{name}"


def change_key(model: str, branch: str, start: str) -> str:
    """Make the key of a change from its branch and the first commit of its push.

    The last commit is not part of it, because a push grows while its publisher still uploads.
    """
    return f"{model}@{branch}:{start}"


def match_key(family: str, content: str) -> str:
    """Make a match key from its family and what it is made of, such as a digest."""
    return f"{family}:{content}"


def use_place(file: str, line: int | None = None, column: int | None = None) -> str:
    """Make the name of a place in a source: `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`."""
    return ":".join(str(part) for part in (file, line, column) if part is not None)
